package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/gorilla/websocket"
)

// readBuffer is the size of the buffer that paho's small reads are served from, in bytes.
const readBuffer = 64 << 10

// dial opens the way to a broker: TCP, TLS or a websocket on either. The MQTT handshake is still to come.
func (s *Session) dial(ctx context.Context, server *url.URL) (net.Conn, error) {
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
	return &stream{Conn: conn, filter: filter{r: bufio.NewReaderSize(conn, readBuffer), most: s.c.Most, dropped: s.c.Dropped}}, nil
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
	release := func() bool { return true }
	defer func() { release() }()
	d := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialSocket(ctx, network, address)
			if err == nil { // gorilla does not look at ctx while it waits for the server's answer.
				release = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		},
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: certs.client(server.Hostname()),
		Subprotocols:    []string{"mqtt"},
	}
	address := url.URL{Scheme: server.Scheme, Host: server.Host, Path: server.Path, RawQuery: server.RawQuery}
	conn, answer, err := d.DialContext(ctx, address.String(), nil)
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%w: the server answered %s", err, answer.Status)
		}
		return nil, err
	}
	return &websocketStream{Conn: conn}, nil
}

// stream gives paho the bytes of a connection that pass its filter. paho takes each packet in three reads, the first two of one
// byte: the filter's buffer spares the system calls.
type stream struct {
	net.Conn
	filter filter
}

func (s *stream) Read(p []byte) (int, error) { return s.filter.Read(p) }
