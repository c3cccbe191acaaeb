package broker

import (
	"crypto/tls"
	"net"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

const (
	// helloTime is how long a client may take to introduce itself. mochi would wait for ever.
	helloTime = 10 * time.Second

	// shutTime bounds the end. mochi waits for all who are connected, also for those who have never said a word.
	shutTime = 2 * time.Second
)

// listen opens a TCP listener, with TLS unless c is nil.
func listen(address string, c *tls.Config) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l = hurried{l}
	if c != nil {
		l = tls.NewListener(l, c)
	}
	return l, nil
}

// hurried is a listener whose clients must say something within helloTime. mochi sets another deadline then.
type hurried struct{ net.Listener }

func (h hurried) Accept() (net.Conn, error) {
	conn, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(helloTime)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// free tells whether an address can be listened at. mochi opens a websocket listener late and only logs its failure.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// shut disconnects the clients and closes the listeners that were added.
func shut(server *mqtt.Server) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		server.Listeners.ClientsWg.Done()
		_ = server.Close()
	}()
	select {
	case <-closed:
	case <-time.After(shutTime):
	}
}
