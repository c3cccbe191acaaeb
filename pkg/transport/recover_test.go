package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

func TestReconnectAfterTheBrokerIsKilled(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := plain(b.URL(), "alpha")
	c.Topics = []string{"/change/alpha"}
	n := run(t, c)
	b.Kill()
	receive(t, n.down)
	err := n.Publish(t.Context(), transport.Message{Topic: "/change/alpha", QoS: 1})
	if !errors.Is(err, transport.ErrOffline) || n.Online() {
		t.Errorf("Publish without a broker: %v, online %v", err, n.Online())
	}
	b.Start()
	receive(t, n.up)
	n.publish(t, "/change/alpha", "again")
	n.expect(t, "/change/alpha", "again")
	if n.logs.FilterMessage("no connection to the broker").FilterLevelExact(zap.WarnLevel).Len() == 0 {
		t.Error("no attempt was logged")
	}
}

func TestServersAreTriedInTurn(t *testing.T) {
	gone, b := testkit.Mosquitto(t, testkit.MosquittoOptions{}), testkit.Mosquitto(t, testkit.MosquittoOptions{})
	gone.Kill()
	c := plain(gone.URL(), "alpha")
	c.MQTT.Servers = append(c.MQTT.Servers, b.URL())
	n := run(t, c)
	n.publish(t, "/info", "here")
}

func TestNothingIsPublishedBeforeTheFirstConnect(t *testing.T) {
	n := build(t, plain("tcp://127.0.0.1:1", "alpha"))
	if err := n.Publish(t.Context(), transport.Message{Topic: "/info"}); !errors.Is(err, transport.ErrOffline) {
		t.Errorf("Publish: %v, want ErrOffline", err)
	}
}

func TestASilentConnectionIsClosed(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	proxy, c := behind(t, b, "alpha")
	c.Topics = []string{"/info"}
	c.MQTT.KeepAlive = time.Second
	n := run(t, c)
	proxy.Blackhole(true)
	receive(t, n.down)
	proxy.Blackhole(false)
	receive(t, n.up)
	n.publish(t, "/info", "again")
	n.expect(t, "/info", "again")
}

func TestPublishOnADeadConnectionIsOffline(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	proxy, c := behind(t, b, "alpha")
	n := run(t, c)
	proxy.Blackhole(true)
	var tokens []*transport.Token
	for range 100 {
		token, err := n.PublishAsync(t.Context(), transport.Message{Topic: "/info", Payload: []byte("lost"), QoS: 1})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	proxy.Cut()
	for _, token := range tokens {
		receive(t, token.Done())
		if err := token.Err(); !errors.Is(err, transport.ErrOffline) {
			t.Fatalf("a message on a dead connection: %v, want ErrOffline", err)
		}
	}
}

// TestUnacknowledgedDeliveriesAreRepeated shows that a delivery is done only when the receiver says so.
func TestUnacknowledgedDeliveriesAreRepeated(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	proxy, c := behind(t, b, "alpha")
	c.Topics = []string{"/change/alpha"}
	c.MQTT.Clean = false
	n := run(t, c)
	n.publish(t, "/change/alpha", "first")
	n.publish(t, "/change/alpha", "second")
	n.expect(t, "/change/alpha", "first").Ack()
	late := n.expect(t, "/change/alpha", "second")
	n.publish(t, "/change/alpha", "third") // its answer comes after the first one's acknowledgement has arrived
	n.expect(t, "/change/alpha", "third")

	proxy.CloseAll()
	receive(t, n.down)
	receive(t, n.up)
	for _, payload := range []string{"second", "third"} {
		if d := n.expect(t, "/change/alpha", payload); !d.Duplicate {
			t.Errorf("%s was redelivered without the dup flag", payload)
		} else {
			d.Ack()
			d.Ack()
		}
	}
	late.Ack()
	n.publish(t, "/change/alpha", "fourth")
	n.expect(t, "/change/alpha", "fourth")
}

// TestFailedMessagesAreNotSentByALaterConnection: a message whose sender was told that it failed does not turn up later,
// when its row may have changed.
func TestFailedMessagesAreNotSentByALaterConnection(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	proxy, c := behind(t, b, "alpha")
	c.MQTT.Clean = false
	n := run(t, c)
	peer := plain(b.URL(), "beta")
	peer.Topics = []string{"/change/beta"}
	beta := run(t, peer)
	proxy.Blackhole(true)
	token, err := n.PublishAsync(t.Context(), transport.Message{Topic: "/change/beta", Payload: []byte("old"), QoS: 1})
	if err != nil {
		t.Fatal(err)
	}
	proxy.CloseAll()
	receive(t, token.Done())
	proxy.Blackhole(false)
	receive(t, n.up)
	n.publish(t, "/change/beta", "new")
	beta.expect(t, "/change/beta", "new")
}

func TestManySmallMessagesArriveInOrder(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := plain(b.URL(), "alpha")
	c.Topics = []string{"/change/alpha"}
	n := run(t, c)
	const count = 20_000
	errs := make(chan error, 1)
	go func() { errs <- publishMany(t.Context(), n, count) }()
	for i := range count {
		n.expect(t, "/change/alpha", fmt.Sprint(i)).Ack()
	}
	if err := receive(t, errs); err != nil {
		t.Error(err)
	}
}

func publishMany(ctx context.Context, n *node, count int) error {
	var last *transport.Token
	for i := range count {
		var err error
		m := transport.Message{Topic: "/change/alpha", Payload: fmt.Append(nil, i), QoS: 1}
		if last, err = n.PublishAsync(ctx, m); err != nil {
			return err
		}
	}
	<-last.Done()
	return last.Err()
}

func TestStopPublishesTheWill(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := plain(b.URL(), "alpha")
	c.Topics = []string{"/info"}
	watcher := run(t, c)
	c = plain(b.URL(), "beta")
	c.Will = &transport.Message{Topic: "/info", Payload: []byte("connection_lost"), QoS: 1}
	n := run(t, c)
	n.stop()
	watcher.expect(t, "/info", "connection_lost")
	watcher.publish(t, "/info", "end") // and only once
	watcher.expect(t, "/info", "end")
	receive(t, n.down)
}

func TestLostConnectionPublishesTheWill(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := plain(b.URL(), "alpha")
	c.Topics = []string{"/info"}
	watcher := run(t, c)
	proxy, c := behind(t, b, "beta")
	c.Will = &transport.Message{Topic: "/info", Payload: []byte("connection_lost"), QoS: 1}
	run(t, c)
	proxy.Cut()
	watcher.expect(t, "/info", "connection_lost")
}

func TestFailedAnnouncementsAreRetried(t *testing.T) {
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := plain(b.URL(), "alpha")
	failures := 2
	n := run(t, c, func(context.Context) error {
		if failures--; failures >= 0 {
			return errors.New("not yet")
		}
		return nil
	})
	receive(t, n.up)
	receive(t, n.up)
	n.publish(t, "/info", "here")
}

// TestRunEndsWhileConnecting stops a session that waits for a server that accepts and then says nothing.
func TestRunEndsWhileConnecting(t *testing.T) {
	for _, scheme := range []string{"tcp", "ssl", "ws", "wss"} {
		t.Run(scheme, func(t *testing.T) {
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = silent.Close() }()
			c := plain(scheme+"://"+silent.Addr().String(), "alpha")
			c.MQTT.ConnectTimeout = time.Hour
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			n := build(t, c)
			go func() { ended <- n.Run(ctx) }()
			conn, err := silent.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			cancel()
			if err := receive(t, ended); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

// TestARefusedTopicIsReportedAndRetried uses Mosquitto's plugin, since its ACL file denies topics silently.
func TestARefusedTopicIsReportedAndRetried(t *testing.T) {
	rules := func(subscribe bool) string {
		return fmt.Sprintf(`{
			"defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": %v, "unsubscribe": true},
			"roles": [{"rolename": "some", "acls": [{"acltype": "subscribeLiteral", "topic": "/info", "allow": true}]}],
			"groups": [{"groupname": "all", "roles": [{"rolename": "some"}]}],
			"anonymousGroup": "all"
		}`, subscribe)
	}
	file := write(t, "security.json", rules(false))
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"plugin " + testkit.MosquittoPlugin(t, "mosquitto_dynamic_security.so"), "plugin_opt_config_file " + file}})
	c := plain(b.URL(), "alpha")
	c.Topics = []string{"/info", "/change/alpha"}
	n := build(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	testkit.Eventually(t, "the Error, more than once", func() error {
		if got := n.logs.FilterLevelExact(zap.ErrorLevel).FilterMessage("no connection to the broker").Len(); got < 2 {
			return fmt.Errorf("logged %d", got)
		}
		return nil
	})
	status := n.Status()
	if status.Online || !errors.Is(status.Err, transport.ErrDenied) || !strings.Contains(status.Err.Error(), "subscribe /change/alpha") ||
		!strings.Contains(status.Err.Error(), "ACL") {
		t.Errorf("%+v does not name /change/alpha and the ACL", status)
	}
	b.Stop()
	if err := os.WriteFile(file, []byte(rules(true)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Start()
	receive(t, n.up)
	n.publish(t, "/change/alpha", "heard")
	n.expect(t, "/change/alpha", "heard")
	cancel()
	if err := receive(t, ended); err != nil {
		t.Errorf("Run: %v", err)
	}
}
