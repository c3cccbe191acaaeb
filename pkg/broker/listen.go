package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

const (
	// shutTime bounds the shutdown: mochi waits for all connected clients.
	shutTime = 2 * time.Second

	// acceptPause is how long no connection is accepted if the process has too many open files.
	acceptPause = 50 * time.Millisecond
)

// listen opens a TCP listener, with TLS unless c is nil. Its connections begin as guests of the door.
func listen(ctx context.Context, address string, d *door, c *tls.Config) (net.Listener, error) {
	l, err := serve.ListenTCP(ctx, address)
	if err != nil {
		return nil, err
	}
	l = &attended{l, d}
	if c != nil {
		l = tls.NewListener(l, c)
	}
	return l, nil
}

// attended is a listener with a door.
type attended struct {
	net.Listener
	door *door
}

// Accept continues until the listener is closed; mochi would stop listening at the first error.
func (a *attended) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		switch {
		case err == nil:
			return a.door.admit(c), nil
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		time.Sleep(acceptPause)
	}
}

// plain is mochi's listener for MQTT itself.
type plain struct {
	*listeners.Net
	log *zap.Logger
}

// Serve gives mochi each connection that has sent a CONNECT.
func (p plain) Serve(establish listeners.EstablishFn) { p.Net.Serve(greeting(p.log, establish)) }

// shut disconnects the clients and closes the added listeners.
func shut(server *mqtt.Server, d *door) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		server.Listeners.ClientsWg.Done()
		_ = server.Close()
	}()
	d.shut()
	select {
	case <-closed:
	case <-time.After(shutTime):
	}
}
