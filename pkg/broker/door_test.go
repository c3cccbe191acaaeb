package broker_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/gorilla/websocket"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// locked is a broker with one user, and websockets.
func locked(t *testing.T) (addr string, c config.Broker) {
	t.Helper()
	addr, c, _ = lockedLogs(t)
	return addr, c
}

func lockedLogs(t *testing.T) (addr string, c config.Broker, logs *observer.ObservedLogs) {
	t.Helper()
	c = config.Broker{Listen: "127.0.0.1:0", WSListen: fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)), Users: []config.BrokerUser{{Username: "alpha", Password: "a"}}}
	addr, _, logs = run(t, c)
	return addr, c, logs
}

func alpha(o *mqtt.ClientOptions) { o.SetUsername("alpha").SetPassword("a") }

// gone waits until the broker has ended a connection.
func gone(t *testing.T, what string, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("%s: still there after a minute", what)
	}
}

// A client that does not log in is eventually disconnected, in whatever protocol it is silent.
func TestSilentClientsAreDisconnected(t *testing.T) {
	t.Parallel()
	addr, c := locked(t)
	certs := testkit.Certs(t)
	secure, _, _ := run(t, config.Broker{Listen: "127.0.0.1:0", Cert: certs.ServerCert, Key: certs.ServerKey})
	dial := func(addr, say string) net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_, err = io.WriteString(conn, say)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	encrypted := tls.Client(dial(secure, ""), &tls.Config{RootCAs: certs.Client().RootCAs, ServerName: "127.0.0.1"})
	if err := encrypted.Handshake(); err != nil {
		t.Fatal(err)
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+c.WSListen, nil)
	if err != nil {
		t.Fatal(err)
	}
	pinging, _, err := websocket.DefaultDialer.Dial("ws://"+c.WSListen, nil)
	if err == nil {
		err = pinging.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute))
	}
	if err != nil {
		t.Fatal(err)
	}
	for what, conn := range map[string]net.Conn{
		"MQTT":                        dial(addr, ""),
		"half a CONNECT":              dial(addr, "\x10\x20\x00\x04MQ"),
		"TLS":                         encrypted,
		"half a TLS hello":            dial(secure, "\x16\x03\x01"),
		"HTTP":                        dial(c.WSListen, ""),
		"half an HTTP request":        dial(c.WSListen, "GET / HTTP/1.1\r\nHost: x"),
		"a wrong HTTP request":        dial(c.WSListen, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"a websocket":                 ws.NetConn(),
		"a websocket that only pings": pinging.NetConn(),
	} {
		gone(t, what, conn)
	}
}

// A crowd that does not log in keeps nobody out and does not grow: the one that has waited longest goes.
func TestACrowdKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	addr, c, logs := lockedLogs(t)
	stays, err := connect(t, "tcp://"+addr, alpha)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{addr, c.WSListen} {
		var crowd []net.Conn
		for range 100 {
			conn, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			crowd = append(crowd, conn)
		}
		gone(t, "the first at "+at, crowd[0])
		gone(t, "the last that has to go at "+at, crowd[len(crowd)-17]) // all are in by then: 16 of an address stay
		last := crowd[len(crowd)-1]
		for _, server := range []string{"tcp://" + addr, "ws://" + c.WSListen} {
			if _, err := connect(t, server, func(o *mqtt.ClientOptions) { alpha(o); o.SetClientID("late") }); err != nil {
				t.Errorf("a client does not get in past a crowd: %v", err)
			}
		}
		if at == addr { // The last one is still served.
			if _, err := last.Write(hello("alpha", "a")); err != nil {
				t.Error(err)
			}
			if answer, err := bufio.NewReader(last).ReadByte(); err != nil || answer != 0x20 {
				t.Errorf("the last of the crowd got %#x, %v", answer, err)
			}
		}
	}
	if n := logs.FilterMessage("closed a connection without a login to make room for another").Len(); n == 0 || n > 20 {
		t.Errorf("%d lines about the crowd", n)
	}
	if !stays.IsConnectionOpen() {
		t.Error("a logged-in client was closed for the crowd")
	}
}

// A CONNECT has room for long names and a will, but no more.
func TestInputBeforeLoginIsBounded(t *testing.T) {
	t.Parallel()
	addr, c := locked(t)
	for _, server := range []string{"tcp://" + addr, "ws://" + c.WSListen} {
		for size, ok := range map[int]bool{6000: true, 9000: false, 60_000: false} {
			_, err := connect(t, server, func(o *mqtt.ClientOptions) { alpha(o); o.SetWill("/info", strings.Repeat("x", size), 1, false) })
			if ok != (err == nil) {
				t.Errorf("%s, a will of %d bytes: %v", server, size, err)
			}
		}
	}
	for name, say := range map[string]string{
		"64 MiB":          "\x10\xff\xff\xff\x1f",
		"an endless size": "\x10\xff\xff\xff\xff\xff\xff",
		"not a CONNECT":   "\x30\x05\x00\x01a12",
		"HTTP":            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_, err = io.WriteString(conn, say)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		gone(t, name, conn)
	}
	r, err := http.Get("http://" + c.WSListen + "/" + strings.Repeat("x", 100_000))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode < 400 {
		t.Errorf("a request of 100 KB: %s", r.Status)
	}
}

// What strangers can write to the log is short and bounded.
func TestRefusedLoginsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	addr, _, logs := run(t, config.Broker{Listen: "127.0.0.1:0", Users: []config.BrokerUser{{Username: "alpha", Password: "a"}}})
	long := strings.Repeat("é", 3000)
	for range 200 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(hello(long, "wrong")); err != nil {
			t.Fatal(err)
		}
		gone(t, "a refused login", conn)
		_ = conn.Close()
	}
	size := 0
	for _, entry := range logs.All() {
		size += len(entry.Message)
		for key, value := range entry.ContextMap() {
			if text, ok := value.(string); ok {
				size += len(key) + len(text)
			}
		}
	}
	if refused := logs.FilterMessage("login refused").Len(); refused == 0 || refused > 20 || size > 10_000 {
		t.Errorf("%d refusals in the log, all of it %d bytes", refused, size)
	}
	if logs.FilterMessage("suppressing further lines of the broker").Len() == 0 {
		t.Error("the log does not say that lines are left out")
	}
}
