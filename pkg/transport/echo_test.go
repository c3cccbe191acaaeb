package transport_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

func TestDeniedEchoIsReportedOnce(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{
		Users:   map[string]string{"writes": "w", "reads": "r", "both": "b"},
		ACLText: "user reads\ntopic read /info\nuser writes\ntopic write /info\nuser both\ntopic readwrite /info\n",
		// With QoS 0 Mosquitto 2.0.11 ends the connection after a denied message.
		Extra: []string{"max_queued_messages 1000000"},
	})
	for user, told := range map[string]int{"reads": 1, "writes": 1, "both": 0} {
		t.Run(user, func(t *testing.T) {
			proxy := testkit.NewProxy(t, b.Addr())
			c := plain("tcp://"+proxy.Addr(), user)
			c.MQTT.Username, c.MQTT.Password = user, user[:1]
			c.Topics = []string{"/info"}
			c.EchoTopic, c.EchoTimeout = "/info", 100*time.Millisecond
			if told == 0 {
				c.EchoTimeout = time.Hour
			}
			n := run(t, c)
			for range 3 {
				n.publish(t, "/info", "here is "+user)
				if told == 0 {
					n.expect(t, "/info", "here is "+user)
				}
				n.expectErrors(t, told, "acknowledged our presence message")
				proxy.CloseAll()
				receive(t, n.down)
				receive(t, n.up)
			}
			n.expectErrors(t, told, "ACL")
		})
	}
}

// TestFixedACLIsNoticed: until it is fixed, the status says what is wrong.
func TestFixedACLIsNoticed(t *testing.T) {
	acl := write(t, "acl.txt", "topic read /info\n")
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"acl_file " + acl}})
	c := plain(b.URL(), "alpha")
	c.Topics = []string{"/info"}
	c.EchoTopic, c.EchoTimeout = "/info", 100*time.Millisecond
	n := run(t, c)
	silent := func(want bool) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprintf("silent: %v", want), func() error {
			n.publish(t, "/info", "here is alpha, "+time.Now().String())
			if s := n.Status(); !s.Online || want != (s.Silent != nil) {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	}
	silent(true)
	n.expectErrors(t, 1, "acknowledged our presence message")
	if err := os.WriteFile(acl, []byte("topic readwrite /info\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.HangUp()
	silent(false)
	if len(n.down) != 0 {
		t.Error("the connection was lost")
	}
}

func TestABrokerThatClosesOnPresenceIsReported(t *testing.T) {
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(&deny{topic: "/info"}, nil); err != nil {
		t.Fatal(err)
	}
	listener := listeners.NewTCP(listeners.Config{ID: "test", Address: "127.0.0.1:0"})
	if err := server.AddListener(listener); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	c := plain("tcp://"+listener.Address(), "alpha")
	c.EchoTopic = "/info"
	var n *node
	n = build(t, c, func(ctx context.Context) error {
		return n.Publish(ctx, transport.Message{Topic: "/info", Payload: []byte("here"), QoS: 1})
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	for range 5 {
		receive(t, n.up)
	}
	n.expectErrors(t, 1, "closes every connection on which we publish our presence")
	cancel()
	if err := receive(t, ended); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// expectErrors waits until that many errors containing a text are logged.
func (n *node) expectErrors(t *testing.T, want int, text string) {
	t.Helper()
	testkit.Eventually(t, "the Error", func() error {
		if got := n.logs.FilterLevelExact(zap.ErrorLevel).FilterMessageSnippet(text).Len(); got != want {
			return fmt.Errorf("%d with %q were logged", got, text)
		}
		return nil
	})
}

// deny returns an ACL that denies one topic to everyone; the broker disconnects those who try.
type deny struct {
	mqtt.HookBase
	topic string
}

func (d *deny) ID() string                                              { return "deny" }
func (d *deny) Provides(b byte) bool                                    { return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck }
func (d *deny) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (d *deny) OnACLCheck(_ *mqtt.Client, topic string, write bool) bool {
	return !write || topic != d.topic
}
