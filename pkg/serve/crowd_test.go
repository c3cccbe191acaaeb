package serve_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const secret = "a token of the test that is long enough"

// guarded serves nothing, behind a token.
func guarded(t *testing.T, cfg serve.Config) (address string) {
	t.Helper()
	cfg.Listen, cfg.Token = "127.0.0.1:0", secret
	ctx, cancel := context.WithCancel(t.Context())
	l, err := serve.Listen(ctx, zap.NewNop(), cfg, func(bool) http.Handler {
		d := serve.NewDoor(secret, serve.Words{Program: "program", Of: "node"}, nil)
		return d.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// dial connects from one of this machine's addresses.
func dial(t *testing.T, from, to string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answered reports whether a connection still gets an answer.
func answered(c net.Conn, header string) bool {
	_, err := fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n%s\r\n", header)
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 16))
	}
	return err == nil
}

// Those without the token cannot take all of the program's memory and files, and the crowd of one address keeps out neither those
// that have it, nor those of another address.
func TestACrowdOfStrangersIsBounded(t *testing.T) {
	t.Parallel()
	certs := testkit.Certs(t)
	for name, cfg := range map[string]serve.Config{"plain": {}, "TLS": {Cert: certs.ServerCert, Key: certs.ServerKey}} {
		t.Run(name, func(t *testing.T) {
			at := guarded(t, cfg)
			open := func(from string) net.Conn {
				c := dial(t, from, at)
				if cfg.Cert != "" {
					return tls.Client(c, &tls.Config{RootCAs: certs.Client().RootCAs, ServerName: "127.0.0.1"})
				}
				return c
			}
			knows, other := open("127.0.0.1"), open("127.0.0.2")
			if !answered(knows, "Authorization: Bearer "+secret+"\r\n") || !answered(other, "") {
				t.Fatal("no answer")
			}
			var crowd []net.Conn
			for range 300 {
				crowd = append(crowd, dial(t, "127.0.0.1", at))
			}
			for i, c := range crowd[:150] {
				if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("connection %d of 300 stays", i)
				}
			}
			for name, c := range map[string]net.Conn{"that has shown the token": knows, "of another address": other, "that is new": open("127.0.0.1")} {
				if !answered(c, "") {
					t.Errorf("a connection %s was closed", name)
				}
			}
		})
	}
}

// A connection carries one request at a time: HTTP/2, with many at once, would multiply what a crowd of strangers takes.
func TestAConnectionCarriesOneRequestAtATime(t *testing.T) {
	t.Parallel()
	certs := testkit.Certs(t)
	at := guarded(t, serve.Config{Cert: certs.ServerCert, Key: certs.ServerKey})
	c := tls.Client(dial(t, "127.0.0.1", at), &tls.Config{RootCAs: certs.Client().RootCAs, ServerName: "127.0.0.1", NextProtos: []string{"h2", "http/1.1"}})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := c.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("it speaks %s", p)
	}
}
