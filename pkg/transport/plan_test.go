package transport_test

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// plans returns the plans of the connections, one after another, and notes how each one before ended.
type plans struct {
	mu   sync.Mutex
	list []transport.Plan
	last []error
}

func (p *plans) next(last error) transport.Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = append(p.last, last)
	return p.list[min(len(p.last), len(p.list))-1]
}

// A broker that keeps nothing cuts a login whose will it would have to keep. The next plan may do without.
func TestAPlanLearnsWhyALoginWasCut(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"retain_available false"}})
	will := transport.Message{Topic: "/here/alpha", Payload: []byte("gone"), QoS: 1}
	kept := will
	kept.Retain = true
	p := &plans{list: []transport.Plan{{Will: &kept}, {Will: &will}}}
	c := plain(b.URL(), "alpha")
	c.Plans = p.next
	run(t, c).stop()
	if len(p.last) != 2 || p.last[0] != nil || !errors.Is(p.last[1], transport.ErrCut) {
		t.Errorf("it was told %v", p.last)
	}
}

// A refused login ends Run, unless the plan was only tried.
func TestALoginIsRefusedBecauseOfThePlanAlone(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"alpha": "a"}})
	p := &plans{list: []transport.Plan{{Trial: true}, {Trial: true}, {}}}
	c := plain(b.URL(), "alpha")
	c.Plans = p.next
	if err := build(t, c).Run(t.Context()); !errors.Is(err, transport.ErrRefused) {
		t.Errorf("Run: %v", err)
	}
	if len(p.last) != 3 || !errors.Is(p.last[2], transport.ErrRefused) {
		t.Errorf("it was told %v", p.last)
	}
}

// Light subscriptions that the broker refuses do not end the connection.
func TestRefusedLightSubscriptionsAreTold(t *testing.T) {
	t.Parallel()
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	listener := listeners.NewTCP(listeners.Config{ID: "test", Address: "127.0.0.1:0"})
	if err := errors.Join(server.AddHook(&hide{topic: "/here/beta"}, nil), server.AddListener(listener), server.Serve()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	told := make(chan error, 10)
	c := plain("tcp://"+listener.Address(), "alpha")
	c.Topics, c.Light, c.Refused = []string{"/info"}, []string{"/here/alpha", "/here/beta"}, func(err error) { told <- err }
	n := run(t, c)
	if err := receive(t, told); !errors.Is(err, transport.ErrDenied) {
		t.Errorf("it was told %v", err)
	}
	n.publish(t, "/here/alpha", "hello")
	n.expect(t, "/here/alpha", "hello")
}

// hide is an ACL that lets no one read a topic.
type hide struct {
	deny
	topic string
}

func (h *hide) OnACLCheck(_ *mqtt.Client, topic string, write bool) bool {
	return write || topic != h.topic
}

// What an earlier connection of a kept session subscribed to is dropped, and so is what this one no longer needs.
func TestUnneededSubscriptionsAreDropped(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := plain(b.URL(), "alpha")
	c.MQTT.Clean = false
	c.Topics = []string{"/info", "/node/+"}
	run(t, c).stop()
	c.Topics, c.Drop = []string{"/here/alpha", "/here/beta"}, []string{"/info", "/node/+"}
	n := run(t, c)
	if err := n.Unsubscribe(t.Context(), "/here/beta", "/never"); err != nil {
		t.Error(err)
	}
	for _, topic := range []string{"/info", "/node/beta", "/here/beta", "/here/alpha"} {
		n.publish(t, topic, "hello")
	}
	n.expect(t, "/here/alpha", "hello") // the last one is the first to come
	n.stop()
	if err := n.Unsubscribe(t.Context(), "/info"); !errors.Is(err, transport.ErrOffline) {
		t.Errorf("without a connection: %v", err)
	}
}

// An orderly stop says what Farewell returns.
func TestTheFarewellIsPublished(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	c := plain(b.URL(), "beta")
	c.Topics = []string{"#"}
	other := run(t, c)
	c = plain(b.URL(), "alpha")
	c.Will = &transport.Message{Topic: "/will", Payload: []byte("lost")}
	c.Farewell = func() []transport.Message {
		return []transport.Message{{Topic: "/here/alpha", Payload: []byte("gone"), QoS: 1}, {Topic: "/info", Payload: []byte("lost"), QoS: 1}}
	}
	run(t, c).stop()
	other.expect(t, "/here/alpha", "gone")
	other.expect(t, "/info", "lost")
	if got := slices.Collect(func(yield func(string) bool) {
		for len(other.got) > 0 {
			if !yield((<-other.got).Topic) {
				return
			}
		}
	}); len(got) > 0 {
		t.Errorf("%q arrived as well", got)
	}
}
