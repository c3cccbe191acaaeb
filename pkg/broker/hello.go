package broker

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/zap"
)

// helloBytes is how large a CONNECT may be: names, a password, and a will. mochi allocates as much as the first bytes of a
// connection claim, and has the same limit before login as for rows.
const helloBytes = 8 << 10

var errHello = errors.New("it does not begin with an MQTT CONNECT")

// greeted is a connection whose CONNECT has been read, and which mochi reads again.
type greeted struct {
	net.Conn
	hello  []byte
	frames frames
}

// Read returns the CONNECT first.
func (g *greeted) Read(p []byte) (int, error) {
	if len(g.hello) > 0 {
		n := copy(p, g.hello)
		g.hello = g.hello[n:]
		return n, nil
	}
	n, err := g.Conn.Read(p)
	if wrong := g.frames.follow(p[:n]); wrong != nil {
		return 0, wrong
	}
	return n, err
}

// NetConn returns the underlying connection, as tls.Conn does.
func (g *greeted) NetConn() net.Conn { return g.Conn }

// greeting gives mochi only connections that have sent a CONNECT.
func greeting(log *zap.Logger, establish listeners.EstablishFn) listeners.EstablishFn {
	return func(listener string, c net.Conn) error {
		hello, err := readHello(c)
		if err != nil {
			_ = c.Close()
			return fmt.Errorf("read connection: %w", err)
		}
		err = establish(listener, &greeted{c, hello, frames{v5: isV5(hello)}})
		if errors.Is(err, packets.ErrServerBusy) {
			log.Warn("refused a client: the broker has reached its connection limit", zap.String("address", c.RemoteAddr().String()),
				zap.Int("clients", clientsMost))
		}
		return err
	}
}

// readHello reads the first packet of a connection, unparsed. The error is errHello if it is not a CONNECT, or
// packets.ErrPacketTooLarge.
func readHello(r io.Reader) ([]byte, error) {
	p := make([]byte, 2, 5)
	if _, err := io.ReadFull(r, p); err != nil {
		return nil, err
	}
	if p[0] != packets.Connect<<4 {
		return nil, errHello
	}
	// The length: seven bits a byte, the lowest first, while the eighth is set (MQTT 3.1.1, 2.2.3).
	length := int(p[1] & 0x7f)
	for shift := 7; p[len(p)-1]&0x80 != 0; shift += 7 {
		if len(p) == cap(p) {
			return nil, errHello
		}
		p = p[:len(p)+1]
		if _, err := io.ReadFull(r, p[len(p)-1:]); err != nil {
			return nil, err
		}
		length |= int(p[len(p)-1]&0x7f) << shift
	}
	if length > helloBytes {
		return nil, packets.ErrPacketTooLarge
	}
	hello := append(make([]byte, 0, len(p)+length), p...)
	hello = hello[:cap(hello)]
	_, err := io.ReadFull(r, hello[len(p):])
	return hello, err
}
