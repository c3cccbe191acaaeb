package receive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func is(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// TestTheGateChecksTopicAndSize: node-a sends to node-b, accepts rows from node-b and node-c,
// answers questions of node-d, and hears whether node-e is there, which has no rights. It knows nobody else.
func TestTheGateChecksTopicAndSize(t *testing.T) {
	const row = 5 << 20
	g := &Gate{Topics: "mesh", Self: "node-a", Sends: is("node-b"), Accepts: is("node-b", "node-c"), Asks: is("node-d"), Named: []string{"node-b", "node-c", "node-d", "node-e"}, MaxRow: row}
	for topic, want := range map[string]int{
		"mesh/info":        mostPresence,
		"mesh/info/node-a": mostAnswer,
		"mesh/info/node-b": -1,
		"mesh/join/node-a/0123456789abcdef/0123456789abcdef":   -1,
		"mesh/joined/node-a/0123456789abcdef/0123456789abcdef": -1,
		"mesh/change/node-a":             row,
		"mesh/change/node-b":             -1,
		"mesh/node/node-a":               mostNode,
		"mesh/node/node-b":               mostNode,
		"mesh/node/node-c":               mostNode,
		"mesh/node/eve":                  -1,
		"mesh/here/node-a":               mostPresence,
		"mesh/here/node-b":               mostPresence,
		"mesh/here/node-c":               mostPresence,
		"mesh/here/node-d":               mostPresence,
		"mesh/here/node-e":               mostPresence,
		"mesh/here/eve":                  -1,
		"mesh/here/node-e/x":             -1,
		"mesh/node/node-e":               -1,
		"mesh/batch/node-a/node-e":       -1,
		"mesh/verify/node-a/node-e":      -1,
		"mesh/node/node-b/x":             -1,
		"mesh/batch/node-a/node-b":       mostBatch,
		"mesh/batch/node-a/node-c":       mostBatch,
		"mesh/batch/node-a/eve":          -1,
		"mesh/batch/node-a/node-a":       -1,
		"mesh/batch/node-b/node-c":       -1,
		"mesh/batch/node-a/node-b/x":     -1,
		"mesh/ack/node-a/node-b":         mostAck,
		"mesh/ack/node-a/node-c":         -1,
		"mesh/verify/node-a/node-b":      mostVerify,
		"mesh/verify/node-a/node-c":      mostVerify,
		"mesh/verify/node-a/node-d":      mostVerify,
		"mesh/batch/node-a/node-d":       -1,
		"mesh/ack/node-a/node-d":         -1,
		"mesh/node/node-d":               mostNode,
		"mesh/verify/node-a/eve":         -1,
		"mesh/verify/node-a/node-a":      -1,
		"other/batch/node-a/node-b":      -1,
		"/batch/node-a/node-b":           -1,
		"mesh/batch/node-a/" + long(300): -1,
		"$SYS/broker":                    -1,
		"":                               -1,
	} {
		if got := g.Most(topic); got != want {
			t.Errorf("%s: %d bytes, want %d", topic, got, want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

func TestTheSenderIsFoundWithoutParsing(t *testing.T) {
	for text, want := range map[string]string{
		`{"sender":"node-b","table":"t"}`:                               "node-b",
		` { "entity" : {"sender":"eve"} , "sender" : "node-b" } `:       "node-b",
		`{"id":"\"sender\":\"eve\"","sender":"node-b"}`:                 "node-b",
		`{"entity":["sender","eve",{"sender":"eve"}],"sender":"node-b"`: "node-b",
		`{"table":"sender","sender":"node-b"}`:                          "node-b",
		`{"sender":"node-b","sender":"eve"}`:                            "node-b",
		`{"sender":5,"x":"eve"}`:                                        "",
		`{"sender":"no client!"}`:                                       "",
		`{"sender":"` + long(1<<20) + `"}`:                              "",
		`{"Sender":"eve"}`:                                              "",
		`["sender","eve"]`:                                              "",
		`"sender"`:                                                      "",
		`{"sender":"eve`:                                                "",
		`{"sender`:                                                      "",
		``:                                                              "",
	} {
		var got string
		b := []byte(text)
		if n := testing.AllocsPerRun(1, func() { got = PeekSender(b) }); got != want || n > 1 {
			t.Errorf("%.60s: %q with %v allocations, want %q", text, got, n, want)
		}
	}
}

// FuzzPeek: the sender found is the one in the message, if that is valid and names one exactly once.
func FuzzPeek(f *testing.F) {
	f.Add([]byte(`{"sender":"node-b","table":"t","id":"1","date":1,"entity":{"a":"b"}}`))
	f.Add([]byte(`{"a":{"sender":"x"},"sender":"node-b"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		name := PeekSender(b)
		if name != "" && !wire.ValidClient(name) {
			t.Fatalf("%q is not a client", name)
		}
		if c, err := wire.ParseChange(b); err == nil && strings.Count(strings.ToLower(string(b)), "sender") == 1 && strings.Contains(string(b), `"sender"`) && c.Sender != name {
			t.Fatalf("got %q for %q", c.Sender, name)
		}
	})
}

// stand is the node around a Receiver and its applier.
type stand struct {
	acks, answers, panics atomic.Int64
	apply                 func([]apply.Incoming) ([]apply.Result, error)
}

func (*stand) Speaks(string) error                                   { return nil }
func (*stand) Unseal(_ wire.Topic, b []byte) ([]byte, bool)          { return b, true }
func (*stand) Met(string)                                            {}
func (s *stand) Ack(context.Context, string, wire.Ack)               { s.acks.Add(1) }
func (s *stand) Answer(wire.Change, string)                          { s.answers.Add(1) }
func (*stand) TellFreed(context.Context)                             {}
func (*stand) Came(string, time.Time)                                {}
func (*stand) Received(string, int, func(int) string, []wire.Reject) {}
func (*stand) Applied(time.Duration)                                 {}
func (s *stand) Panicked()                                           { s.panics.Add(1) }
func (*stand) Due() (time.Time, bool)                                { return time.Time{}, false }
func (s *stand) ApplyFor(_ context.Context, list []apply.Incoming, _ time.Duration) ([]apply.Result, error) {
	if s.apply != nil {
		return s.apply(list)
	}
	return make([]apply.Result, len(list)), nil
}

func newReceiver(t *testing.T, s *stand) (*Receiver, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	codec, err := wire.NewCodec(2 << 20)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{ClientName: "node-a", RemoteClients: []string{"node-b", "node-c"}}
	log := zap.New(core)
	return New(Config{
		Log: log, Gate: &Gate{Self: "node-a", Sends: is("node-b"), Accepts: is("node-b", "node-c"), MaxRow: 1 << 20},
		Named: []string{"node-b", "node-c"}, Codec: codec, Refused: mesh.NewRefusals(log, cfg, time.Now), Clients: s, Answers: s, Counters: s, Meter: s, Now: time.Now,
	}), logs
}

func deliver(r *Receiver, topic wire.Topic, payload string) (taken bool) {
	var acked atomic.Bool
	return r.put(topic, transport.Delivery{Topic: topic.Kind.String(), Payload: []byte(payload), Ack: func() { acked.Store(true) }})
}

// TestASenderFillsOnlyItsOwnQueue: while nothing is applied, each sender has its own room, and strangers have none.
func TestASenderFillsOnlyItsOwnQueue(t *testing.T) {
	r, logs := newReceiver(t, &stand{})
	batch := func(sender string) wire.Topic {
		return wire.Topic{Kind: wire.BatchTo, Client: "node-a", Sender: sender}
	}
	taken := 0
	for range 1_000_000 {
		if !deliver(r, batch("node-c"), "") {
			break
		}
		taken++
	}
	if most := (r.Codec.Most() + laneMore) / frame; taken == 0 || taken > most {
		t.Errorf("%d empty messages wait, limit %d", taken, most)
	}
	for range 1000 {
		deliver(r, batch("node-c"), "")
	}
	if n := logs.FilterMessageSnippet("too many wait").Len(); n != 1 {
		t.Errorf("%d lines about dropped messages", n)
	}
	if !deliver(r, batch("node-b"), "x") {
		t.Error("another sender has no room")
	}
	for _, m := range []struct {
		topic wire.Topic
		text  string
	}{{batch("eve"), "x"}, {batch("node-a"), "x"}, {wire.Topic{Kind: wire.ChangeTo}, `{"sender":"eve"}`}, {wire.Topic{Kind: wire.ChangeTo}, `{}`}} {
		if deliver(r, m.topic, m.text) {
			t.Errorf("%s of %q is accepted", m.text, m.topic.Sender)
		}
	}
}

// TestAPanicCostsItsMessage: a row that makes apply panic is refused, and the rest of the message is written.
func TestAPanicCostsItsMessage(t *testing.T) {
	s := &stand{}
	s.apply = func(list []apply.Incoming) ([]apply.Result, error) {
		for _, in := range list {
			if in.Key == "bad" {
				panic("a bug of ours")
			}
		}
		return make([]apply.Result, len(list)), nil
	}
	r, logs := newReceiver(t, s)
	r.applier = s
	made := func(sender string, keys ...string) *load {
		x := &load{lane: r.lane(sender)}
		for _, k := range keys {
			in := apply.Incoming{From: sender}
			in.Key = k
			w := &work{message: message{sender: sender, ack: func() {}}, change: &wire.Change{Sender: sender, Table: "t", ID: k}, first: len(x.changes), count: 1, index: []int{0}}
			x.changes, x.works = append(x.changes, in), append(x.works, w)
		}
		return x
	}
	one, other := made("node-b", "1", "bad", "3"), made("node-c", "4")
	r.finish(t.Context(), []turn{{load: one, to: len(one.changes)}, {load: other, to: len(other.changes)}})
	for _, w := range append(one.works, other.works...) {
		if refused := len(w.rejects) > 0; refused != (w.change.ID == "bad") {
			t.Errorf("row %s: %v", w.change.ID, w.rejects)
		}
	}
	if s.answers.Load() != 4 || s.panics.Load() == 0 || logs.FilterMessageSnippet("panic").Len() == 0 {
		t.Errorf("%d answers, %d panics", s.answers.Load(), s.panics.Load())
	}
	for _, w := range one.works {
		if len(w.rejects) > 0 && !strings.Contains(w.rejects[0].Message, ErrPanic.Error()) {
			t.Errorf("refused with %q", w.rejects[0].Message)
		}
	}
}

// TestAMessageThatPanicsOnOpeningIsAcknowledged: otherwise it would be redelivered forever.
func TestAMessageThatPanicsOnOpeningIsAcknowledged(t *testing.T) {
	r, _ := newReceiver(t, &stand{})
	r.Codec = nil // any use of it panics
	acked := false
	whole := string(wire.Messages(1, 1, []byte("x"), 1<<10)[0])
	w, wait := r.lane("node-b").open(t.Context(), message{topic: wire.Topic{Kind: wire.BatchTo, Sender: "node-b"}, sender: "node-b", payload: []byte(whole), ack: func() { acked = true }}, false)
	if w != nil || wait || !acked {
		t.Errorf("%v, %v, acknowledged %v", w, wait, acked)
	}
}

// TestInventedNamesMakeFewLogLines: tables and reasons that a sender invents are logged together.
func TestInventedNamesMakeFewLogLines(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	var n RowNews
	for i := range 100_000 {
		n.Add(fmt.Sprintf("client-%d", i%50), fmt.Sprintf("table %d", i), "1", errors.New(long(i%200)).Error())
		if i%1000 == 0 {
			n.Tell(zap.New(core), zapcore.WarnLevel, "rows not applied", time.Now())
		}
	}
	n.Tell(zap.New(core), zapcore.WarnLevel, "rows not applied", time.Now().Add(newsPause))
	if got := logs.Len(); got == 0 || got > 2*(newsMost+1) {
		t.Errorf("%d lines", got)
	}
	if len(n.told) > newsMost+1 {
		t.Errorf("%d reasons are remembered", len(n.told))
	}
}

// TestALaneHasRoomForASendersWindow, however large the largest row is.
func TestALaneHasRoomForASendersWindow(t *testing.T) {
	for _, row := range []int{1 << 20, 6 << 20, 128 << 20} {
		codec, err := wire.NewCodec(row + wire.BatchRoom)
		if err != nil {
			t.Fatal(err)
		}
		s := &stand{}
		r := New(Config{Log: zap.NewNop(), Gate: &Gate{Self: "node-a", Accepts: is("node-b"), Sends: is(), MaxRow: row}, Named: []string{"node-b"}, Codec: codec,
			Refused: mesh.NewRefusals(zap.NewNop(), &config.Config{ClientName: "node-a"}, time.Now), Clients: s, Answers: s, Counters: s, Meter: s, Now: time.Now})
		piece := long(wire.MessageBytes)
		for sent := 0; sent < laneMore+row; sent += len(piece) { // incompressible
			if !deliver(r, wire.Topic{Kind: wire.BatchTo, Client: "node-a", Sender: "node-b"}, piece) {
				t.Errorf("rows of %d MiB: a piece is dropped after %d MiB", row>>20, sent>>20)
				break
			}
		}
	}
}

// Requests to join are let in by a node that sites can join, and by no other.
func TestTheGateLetsRequestsToJoinIn(t *testing.T) {
	g := &Gate{Topics: "mesh", Self: "node-a", Sends: is(), Accepts: is(), Invites: true}
	for topic, want := range map[string]int{
		"mesh/join/node-a/0123456789abcdef/0123456789abcdef": mostJoin, "mesh/join/node-b/0123456789abcdef/0123456789abcdef": -1, "mesh/join/node-a/0123456789abcdef": -1,
		"mesh/joined/node-a/0123456789abcdef/0123456789abcdef": -1,
	} {
		if got := g.Most(topic); got != want {
			t.Errorf("%s: %d bytes, want %d", topic, got, want)
		}
	}
}
