package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/coder/websocket"
)

// readBuffer is the size of the buffer that serves paho's small reads, in bytes.
const readBuffer = 64 << 10

// dial connects to a broker by TCP, TLS or a websocket over either. The MQTT handshake is yet to come.
func (s *Session) dial(ctx context.Context, server *url.URL, h Handlers) (net.Conn, error) {
	certs := s.certs
	var conn net.Conn
	var err error
	switch server.Scheme {
	case "tcp":
		conn, err = dialSocket(ctx, "tcp", server.Host)
	case "ssl":
		conn, err = dialTLS(ctx, server, certs)
	case "ws", "wss":
		conn, err = dialWebsocket(ctx, server, certs)
	default:
		err = fmt.Errorf("scheme %s is not one of tcp, ssl, ws, wss", server.Scheme)
	}
	if err != nil {
		return nil, err
	}
	return &stream{Conn: conn, filter: filter{r: bufio.NewReaderSize(conn, readBuffer), most: h.Most, dropped: h.Dropped}}, nil
}

func dialTLS(ctx context.Context, server *url.URL, certs *certificates) (net.Conn, error) {
	conn, err := dialSocket(ctx, "tcp", server.Host)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, certs.client(server.Hostname()))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

func dialWebsocket(ctx context.Context, server *url.URL, certs *certificates) (net.Conn, error) {
	client := &http.Client{
		Transport: &http.Transport{
			DialContext:       dialSocket,
			Proxy:             http.ProxyFromEnvironment,
			TLSClientConfig:   certs.client(server.Hostname()),
			DisableKeepAlives: true, // a refused connection is not reused
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	address := url.URL{Scheme: server.Scheme, Host: server.Host, Path: server.Path, RawPath: server.RawPath, RawQuery: server.RawQuery}
	conn, _, err := websocket.Dial(ctx, address.String(), &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"mqtt"}})
	if err != nil {
		// The URL, which may hold a token, stays out of the log.
		if of := (*url.Error)(nil); errors.As(err, &of) {
			err = of.Err
		}
		return nil, err
	}
	return &websocketConn{websocket.NetConn(context.Background(), conn, websocket.MessageBinary), conn}, nil
}

// websocketConn is a websocket as a connection.
type websocketConn struct {
	net.Conn
	c *websocket.Conn
}

// Close does not wait for the broker to close its side: MQTT has already said goodbye.
func (w *websocketConn) Close() error { return w.c.CloseNow() }

// stream gives paho the bytes of a connection that pass its filter. paho reads each packet in three reads, the first two
// of one byte: the filter's buffer saves system calls.
type stream struct {
	net.Conn
	filter filter
}

func (s *stream) Read(p []byte) (int, error) { return s.filter.Read(p) }
