package transport_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// node is a session run by a test, and what it received.
type node struct {
	*transport.Session
	handlers transport.Handlers
	got      chan transport.Delivery
	up       chan struct{}
	down     chan struct{}
	logs     *observer.ObservedLogs
	stop     func() // ends Run and fails the test if it returns an error
}

// plain returns the configuration of a session that reconnects quickly.
func plain(server, id string) transport.Config {
	return transport.Config{MQTT: config.MQTT{
		Servers: []string{server}, ClientID: id, Clean: true, RejectUnauthorized: true,
		KeepAlive: time.Minute, ConnectTimeout: 10 * time.Second, ReconnectPeriod: 10 * time.Millisecond,
	}}
}

// behind returns a proxy in front of a broker, and the configuration of a session that connects through it.
func behind(t testing.TB, b *testkit.Broker, id string) (*testkit.Proxy, transport.Config) {
	t.Helper()
	proxy := testkit.NewProxy(t, b.Addr())
	return proxy, plain("tcp://"+proxy.Addr(), id)
}

// build makes a session that is not running yet.
func build(t testing.TB, c transport.Config, onUp ...func(context.Context) error) *node {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	// The channels have room for everything in a test, so that no callback blocks.
	n := &node{got: make(chan transport.Delivery, 100_000), up: make(chan struct{}, 1000),
		down: make(chan struct{}, 1000), logs: logs}
	n.handlers = transport.Handlers{
		Deliver: func(d transport.Delivery) { n.got <- d },
		OnUp: func(ctx context.Context) error {
			defer func() { n.up <- struct{}{} }()
			for _, f := range onUp {
				if err := f(ctx); err != nil {
					return err
				}
			}
			return nil
		},
		OnDown: func() { n.down <- struct{}{} },
	}
	s, err := transport.New(zap.New(core), c)
	if err != nil {
		t.Fatal(err)
	}
	n.Session = s
	return n
}

// It reports to the test.
func (n *node) Run(ctx context.Context) error { return n.Session.Run(ctx, n.handlers) }

// run makes a session and waits until it is connected.
func run(t testing.TB, c transport.Config, onUp ...func(context.Context) error) *node {
	t.Helper()
	n := build(t, c, onUp...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stopped := false
	n.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := receive(t, ended); err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(n.stop)
	receive(t, n.up)
	return n
}

// receive returns the next value of a channel, which must arrive.
func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing arrived within a minute")
		panic("unreachable")
	}
}

func (n *node) publish(t testing.TB, topic, payload string) {
	t.Helper()
	if err := n.Publish(t.Context(), transport.Message{Topic: topic, Payload: []byte(payload), QoS: 1}); err != nil {
		t.Fatal(err)
	}
}

// expect checks the next delivery.
func (n *node) expect(t testing.TB, topic, payload string) transport.Delivery {
	t.Helper()
	d := receive(t, n.got)
	if d.Topic != topic || string(d.Payload) != payload {
		t.Fatalf("got %s %q, want %s %q", d.Topic, d.Payload, topic, payload)
	}
	return d
}

func TestMessagesOverEachKindOfConnection(t *testing.T) {
	open := testkit.Mosquitto(t, testkit.MosquittoOptions{Websockets: true})
	users := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"alpha": "secret"}})
	secure := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, RequireClientCert: true, Websockets: true})
	certs := func(c *config.MQTT) {
		c.CA = []string{secure.Certs.CA}
		c.Cert, c.Key = []string{secure.Certs.ClientCert}, []string{secure.Certs.ClientKey}
	}
	for name, x := range map[string]struct {
		server string
		adapt  func(*config.MQTT)
	}{
		"tcp":                  {server: open.URL()},
		"ws":                   {server: open.WebsocketURL() + "/mqtt"},
		"password":             {server: users.URL(), adapt: func(c *config.MQTT) { c.Username, c.Password = "alpha", "secret" }},
		"ssl, certificate":     {server: secure.URL(), adapt: certs},
		"wss, certificate":     {server: secure.WebsocketURL(), adapt: certs},
		"ssl, any certificate": {server: secure.URL(), adapt: func(c *config.MQTT) { certs(c); c.CA, c.RejectUnauthorized = nil, false }},
		"ssl, key in cert":     {server: secure.URL(), adapt: func(c *config.MQTT) { certs(c); c.Cert, c.Key = []string{joined(t, secure.Certs)}, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			c := plain(x.server, name) // of two sessions with one name Mosquitto may end the second if the first used a websocket
			c.Topics = []string{"/change/alpha", "/info"}
			if x.adapt != nil {
				x.adapt(&c.MQTT)
			}
			n := run(t, c)
			// Mosquitto reads 4 KiB every 100 ms from a websocket.
			large := strings.Repeat("0123456789", 300)
			if u := x.server; strings.HasPrefix(u, "tcp") || strings.HasPrefix(u, "ssl") {
				large = strings.Repeat(large, 1000)
			}
			n.publish(t, "/change/alpha", "one")
			n.publish(t, "/info", large)
			n.publish(t, "/change/alpha", "")
			n.expect(t, "/change/alpha", "one").Ack()
			n.expect(t, "/info", large).Ack()
			n.expect(t, "/change/alpha", "").Ack()
		})
	}
}

// joined is a file that holds both a certificate and its key.
func joined(t *testing.T, c *testkit.Certificates) string {
	t.Helper()
	var both []byte
	for _, file := range []string{c.ClientCert, c.ClientKey} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, text...)
	}
	path := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRefusalAtTheFirstConnectEndsRun(t *testing.T) {
	users := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"alpha": "secret"}})
	secure := testkit.Mosquitto(t, testkit.MosquittoOptions{TLS: true, RequireClientCert: true})
	other := testkit.Certs(t)
	for name, x := range map[string]struct {
		server string
		adapt  func(*config.MQTT)
		says   string
	}{
		"password": {users.URL(), func(c *config.MQTT) { c.Username, c.Password = "alpha", "wrong" },
			`log in to ` + users.Addr() + ` as "alpha": refused: not Authorized`},
		"no login": {users.URL(), func(*config.MQTT) {}, "not Authorized"},
		"wrong ca": {secure.URL(), func(c *config.MQTT) { c.CA = []string{other.CA} }, "unknown authority"},
		"no ca":    {secure.URL(), func(*config.MQTT) {}, "unknown authority"},
		"no cert":  {secure.URL(), func(c *config.MQTT) { c.CA = []string{secure.Certs.CA} }, "certificate"},
		"not trusted": {secure.URL(), func(c *config.MQTT) {
			c.CA = []string{secure.Certs.CA}
			c.Cert, c.Key = []string{other.ClientCert}, []string{other.ClientKey}
		}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			c := plain(x.server, "alpha")
			x.adapt(&c.MQTT)
			err := build(t, c).Run(t.Context())
			if !errors.Is(err, transport.ErrRefused) || !strings.Contains(err.Error(), x.says) {
				t.Errorf("Run: %v, want a refusal that says %q", err, x.says)
			}
		})
	}
}

func TestMessagesThatWouldEndTheConnectionAreRefused(t *testing.T) {
	n := run(t, plain(testkit.Mosquitto(t, testkit.MosquittoOptions{}).URL(), "alpha"))
	for name, m := range map[string]transport.Message{
		"no topic":       {},
		"a wildcard":     {Topic: "/change/+"},
		"all topics":     {Topic: "#"},
		"no text":        {Topic: "/change/\xff"},
		"a null":         {Topic: "/change/\x00"},
		"a long topic":   {Topic: strings.Repeat("x", 65536)},
		"an invalid QoS": {Topic: "/info", QoS: 3},
		"a large packet": {Topic: "/info", Payload: make([]byte, 64<<20)},
	} {
		if err := n.Publish(t.Context(), m); err == nil || errors.Is(err, transport.ErrOffline) {
			t.Errorf("%s: %v, want an error that names the mistake", name, err)
		}
	}
	for qos := range byte(3) {
		if err := n.Publish(t.Context(), transport.Message{Topic: "/info", QoS: qos}); err != nil {
			t.Errorf("QoS %d: %v", qos, err)
		}
	}
	if len(n.down) != 0 {
		t.Error("the connection was lost")
	}
}

func TestRetainedMessagesAreDeliveredAgain(t *testing.T) {
	c := plain(testkit.Mosquitto(t, testkit.MosquittoOptions{}).URL(), "alpha")
	c.Topics = []string{"/node/+"}
	n := run(t, c)
	if err := n.Publish(t.Context(), transport.Message{Topic: "/node/alpha", Payload: []byte("kept"), QoS: 1, Retain: true}); err != nil {
		t.Fatal(err)
	}
	if d := n.expect(t, "/node/alpha", "kept"); d.Retained {
		t.Error("a live message counts as retained")
	}
	if err := n.Resubscribe(t.Context(), "/node/+"); err != nil {
		t.Fatal(err)
	}
	if d := n.expect(t, "/node/alpha", "kept"); !d.Retained {
		t.Error("a retained message counts as live")
	}
}
