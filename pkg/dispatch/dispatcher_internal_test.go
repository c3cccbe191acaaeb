package dispatch

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// node is the surroundings of a Dispatcher: it records what it is handed.
type node struct {
	*Dispatcher
	logs   *observer.ObservedLogs
	busy   bool // no question must arrive
	broken bool // it panics at questions

	rows   []wire.Kind
	asked  []string
	wakes  int
	panics int
}

// alone makes a node hamburg that sends rows to berlin and accepts rows from bonn. There is no broker.
func alone(t *testing.T) *node {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	log := zap.New(core)
	cfg := &config.Config{ClientName: "hamburg", RemoteClients: []string{"berlin"}, AcceptFrom: []string{"bonn"}, SyncTables: []string{"orders"},
		MQTT: config.MQTT{Servers: []string{"tcp://127.0.0.1:1"}}, CheckInterval: time.Second}
	session, err := transport.New(log, transport.Config{MQTT: cfg.MQTT})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{logs: logs}
	c := Config{Log: log, Node: cfg, Session: 1, Gate: receive.NewGate(cfg), Refused: mesh.NewRefusals(log, cfg, time.Now), Receiver: n, Answers: n, Verifier: n,
		Senders: deliver.Senders{"berlin": deliver.New(&deliver.Config{Log: log}, "berlin", nil)}, Meter: n}
	if c.Mesh, err = mesh.New(mesh.Config{Log: log, Node: cfg, Session: 1, Now: time.Now, Broker: session, Refused: c.Refused}); err != nil {
		t.Fatal(err)
	}
	n.Dispatcher = New(c)
	return n
}

func (n *node) Receive(topic wire.Topic, _ transport.Delivery) { n.rows = append(n.rows, topic.Kind) }
func (n *node) Wake()                                          { n.wakes++ }
func (n *node) Panicked()                                      { n.panics++ }
func (n *node) MayCome(string, int) bool                       { return !n.busy }
func (n *node) Hear(topic wire.Topic, _ []byte) {
	if n.broken {
		panic("broken")
	}
	n.asked = append(n.asked, topic.Sender)
}

// comes delivers a message, has it read, and reports whether it was acknowledged to the broker. It runs in a bubble.
func (n *node) comes(t *testing.T, topic, payload string) (acked bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = n.Run(ctx) }()
	n.Handlers().Deliver(transport.Delivery{Topic: topic, Payload: []byte(payload), Ack: func() { acked = true }})
	synctest.Wait()
	cancel()
	synctest.Wait()
	return acked
}

func TestMessagesGoToTheRightPart(t *testing.T) {
	t.Parallel()
	const question = `{"ask":1}`
	for name, c := range map[string]struct {
		topic, payload string
		rows           []wire.Kind
		asked          []string
		wakes          int
		acked          bool // at once; else the receiver does it
	}{
		"a batch":               {topic: "/batch/hamburg/bonn", rows: []wire.Kind{wire.BatchTo}},
		"a change of version 1": {topic: "/change/hamburg", rows: []wire.Kind{wire.ChangeTo}},
		"a question":            {topic: "/verify/hamburg/bonn", payload: question, asked: []string{"bonn"}, acked: true},
		"presence":              {topic: "/info", payload: `{"sender":"bonn","message":"connected","args":{"until":9999999999999}}`, wakes: 1, acked: true},
		"presence of its own":   {topic: "/info", payload: `{"sender":"hamburg","message":"connected","args":{"until":9999999999999}}`, acked: true},
		"presence, broken":      {topic: "/info", payload: `{`, acked: true},
		"an ack of a stranger":  {topic: "/ack/hamburg/eve", payload: "x", acked: true},
		"an unknown message":    {topic: "/other", acked: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := alone(t)
			acked := n.comes(t, c.topic, c.payload)
			if acked != c.acked || !slices.Equal(n.rows, c.rows) || !slices.Equal(n.asked, c.asked) || n.wakes != c.wakes || n.panics > 0 {
				t.Errorf("%s: rows %v, asked %v, %d wakes, acked %v, %d panics", name, n.rows, n.asked, n.wakes, acked, n.panics)
			}
		})
	}
}

func TestAForbiddenQuestionIsNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := alone(t)
		n.busy = true
		if acked := n.comes(t, "/verify/hamburg/bonn", "x"); !acked || len(n.asked) > 0 {
			t.Errorf("acked %v, asked %v", acked, n.asked)
		}
	})
}

// TestAPanicCostsOnlyItsMessage: it is logged, and the next message is read.
func TestAPanicCostsOnlyItsMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := alone(t)
		n.broken = true
		if acked := n.comes(t, "/verify/hamburg/bonn", "x"); !acked || n.panics != 1 || n.logs.FilterField(zap.String("in", "receive")).Len() != 1 {
			t.Errorf("acked %v, %d panics, %v", acked, n.panics, n.logs.All())
		}
		n.broken = false
		if n.comes(t, "/verify/hamburg/bonn", "x"); !slices.Equal(n.asked, []string{"bonn"}) || n.panics != 1 {
			t.Errorf("asked %v, %d panics", n.asked, n.panics)
		}
	})
}

// TestRefusedMessagesAreLoggedByReason, except those that strangers on the broker send each other.
func TestRefusedMessagesAreLoggedByReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		topic string
		why   string // "" is nothing
	}{
		"rows of a stranger":                     {"/batch/hamburg/eve", errNoRight.Error()},
		"an ack from a client that gets no rows": {"/ack/hamburg/bonn", errNoRight.Error()},
		"too large":                              {"/info", "it has 9999999 bytes, more than 4096"},
		"a stranger announces itself":            {"/node/eve", ""},
		"in the node's own name":                 {"/batch/berlin/hamburg", ""},
	} {
		n := alone(t)
		n.Handlers().Dropped(c.topic, 9_999_999)
		lines := n.logs.FilterMessage("message refused").All()
		if len(lines) != min(1, len(c.why)) || len(lines) > 0 && lines[0].ContextMap()["error"] != c.why {
			t.Errorf("%s: %v", name, lines)
		}
	}
}
