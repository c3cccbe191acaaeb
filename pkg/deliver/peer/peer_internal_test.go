package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// line is a connection, and what was sent over it.
type line struct {
	mu   sync.Mutex
	away bool
	sent []transport.Message
}

func (l *line) PublishAsync(_ context.Context, m transport.Message) (*transport.Token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return nil, transport.ErrOffline
	}
	l.sent = append(l.sent, m)
	return nil, nil
}

func (l *line) Publish(ctx context.Context, m transport.Message) error {
	_, err := l.PublishAsync(ctx, m)
	return err
}

func (*line) Ask(context.Context, ...string) error         { return nil }
func (*line) Resubscribe(context.Context, ...string) error { return nil }
func (*line) Unsubscribe(context.Context, ...string) error { return nil }
func (*line) Heard()                                       {}

func (l *line) Online() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.away
}

// fixture is a peer of node-a with the name node-b.
type fixture struct {
	*Peer
	t    *testing.T
	line *line
	mesh *mesh.Mesh
	log  *observer.ObservedLogs
}

func newPeer(t *testing.T, encryption config.Encryption) *fixture {
	t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	cfg := &config.Config{ClientName: "node-a", RemoteClients: []string{"node-b"}, AcceptFrom: []string{"node-b"}, SyncTables: []string{"orders", "others"},
		Encryption: encryption, TombstoneRetention: 30 * 24 * time.Hour}
	f := &fixture{t: t, line: &line{}, log: logs}
	var err error
	f.mesh, err = mesh.New(mesh.Config{Log: zap.NewNop(), Node: cfg, Session: 7, MaxRow: 1 << 20, Now: time.Now, Broker: f.line,
		Refused: mesh.NewRefusals(zap.NewNop(), cfg, time.Now)})
	if err != nil {
		t.Fatal(err)
	}
	codec, err := wire.NewCodec(8 << 20)
	if err != nil {
		t.Fatal(err)
	}
	f.Peer = New(&Config{Log: zap.New(core), Client: "node-a", Session: 7, Now: time.Now, Codec: codec, Mesh: f.mesh, Transport: f.line}, "node-b")
	return f
}

// beats publishes the remote's presence, with a clock that is ahead.
func (f *fixture) beats(ahead time.Duration) {
	f.mesh.HearInfo(wire.Info{Sender: "node-b", Message: wire.Connected, Until: time.Now().Add(5*time.Second + ahead)}.Encode())
}

// announces publishes that it is a node that accepts orders.
func (f *fixture) announces(retained bool) {
	f.mesh.HearNode("node-b", wire.Node{Client: "node-b", Protocol: wire.Protocol, Session: 1, Version: "1", ReceiveTables: []string{"orders"}, MaxRow: 1000}.Encode(), retained)
}

// row is an outgoing row of orders with that many incompressible bytes.
func row(id string, size int) render.Outgoing {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return render.Outgoing{ID: id, Entity: value.Entity{{Name: "id", Value: id}}, Change: change.Change{
		Row:   change.Row{Table: "orders", Key: id},
		State: change.State{Version: change.Version{Time: 1, Origin: "node-a"}}, Columns: []string{"id", "data"}, Values: [][]byte{[]byte(id), b}}}
}

// A peer that has not announced itself within two seconds is sent version 1, row by row, dated by
// its clock if that is ahead.
func TestAnExistingPeerIsSentChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPeer(t, config.Encryption{})
		if f.Ready() {
			t.Error("it is ready while offline")
		}
		f.beats(time.Hour)
		if f.Ready() {
			t.Error("it is ready while it may be a node")
		}
		time.Sleep(2 * time.Second)
		if l := f.Limits(); !f.Ready() || !l.Single || l.Messages != singleWindow || l.Bytes != 0 || !f.Takes("orders") || f.Declines("orders") {
			t.Errorf("%+v", l)
		}
		list := f.Pack([]render.Outgoing{row("1", 10), row("2", 10)}, true)
		if len(list) != 2 || list[0].Name != (deliver.Name{Table: "orders", ID: "1"}) || list[0].Rows != 1 {
			t.Fatalf("%+v", list)
		}
		for _, m := range list {
			if m.Err != nil || time.UnixMilli(m.Stamp).Before(time.Now().Add(50*time.Minute)) {
				t.Errorf("stamp %v, %v", time.UnixMilli(m.Stamp), m.Err)
			}
			if err := f.Send(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
		if len(f.line.sent) != 2 || f.line.sent[1].Topic != "/change/node-b" || !strings.Contains(string(f.line.sent[1].Payload), `"id":"2"`) {
			t.Errorf("%+v", f.line.sent)
		}
		f.beats(0)
		if m := f.Pack([]render.Outgoing{row("1", 10)}, true)[0]; m.Stamp < list[1].Stamp {
			t.Error("the date goes back")
		}
		if s := f.Unanswered(false); s != deliver.Slow || f.log.Len() != 0 {
			t.Errorf("without an answer: %v", s)
		}
	})
}

// A node is sent batches, in pieces if they are large; these name their sender.
func TestANodeIsSentBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPeer(t, config.Encryption{})
		f.beats(0)
		f.announces(false)
		if l := f.Limits(); !f.Ready() || l.Single || l.Messages != batchWindow || l.MaxRow != 1000 {
			t.Errorf("%+v", l)
		}
		if !f.Takes("orders") || f.Declines("orders") || f.Takes("others") || !f.Declines("others") {
			t.Error("what it takes is not known")
		}
		m := f.Pack([]render.Outgoing{row("1", 10), row("2", 2*wire.MessageBytes)}, false)
		if len(m) != 1 || m[0].Rows != 2 {
			t.Fatalf("%+v", m)
		}
		m[0].Name.Seq = 3
		if err := f.Send(t.Context(), m[0]); err != nil {
			t.Fatal(err)
		}
		var pieces []wire.Piece
		for _, s := range f.line.sent {
			p, err := wire.ParsePiece(s.Payload)
			if err != nil || s.Topic != "/batch/node-b/node-a" {
				t.Errorf("%s: %v", s.Topic, err)
			}
			pieces = append(pieces, p)
		}
		b, err := f.c.Codec.Unpack(pieces)
		if err != nil || len(pieces) < 3 || b.Session != 7 || b.Seq != 3 || len(b.Changes) != 2 || b.Changes[1].Key != "2" {
			t.Errorf("%d pieces, %v", len(pieces), err)
		}
		f.line.away = true
		if err := f.Send(t.Context(), m[0]); !errors.Is(err, deliver.ErrAway) || f.Ready() {
			t.Errorf("without a connection: %v", err)
		}
	})
}

// The meaning of silence depends on what the remote is known to be, and is logged once.
func TestMeaningOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPeer(t, config.Encryption{})
		f.announces(true)
		if f.Limits().Single {
			t.Error("an announcement that the broker retained does not count")
		}
		if s := f.Unanswered(false); s != deliver.Otherwise || !f.Limits().Single || f.log.Len() != 1 {
			t.Errorf("of a remote that was never met: %v", s)
		}
		f.announces(true)
		f.Answered(deliver.Name{Table: "orders", ID: "1"})
		if f.mesh.IsNode("node-b") {
			t.Error("the answer to a change makes it a node")
		}
		f.Answered(deliver.Name{Seq: 1})
		if s := f.Unanswered(false); s != deliver.Mute || f.Limits().Single || f.log.Len() != 2 {
			t.Errorf("of a node: %v", s)
		}
		if s := f.Unanswered(true); s != deliver.Mute || f.log.Len() != 2 {
			t.Errorf("of a node, again: %v", s)
		}
	})
}

// A remote that requires sealed messages is sent nothing before it has announced its key, and
// nothing in the clear. Waiting for the key is logged once. Promise 8.
func TestNothingGoesInTheClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPeer(t, config.Encryption{Keys: []seal.Key{{ID: "one", Secret: seal.Secret{1}}}, Required: []string{"node-b"}})
		f.announces(false)
		for i := range 60 {
			f.beats(0)
			if f.Ready() {
				t.Error("it is ready without a key")
			}
			if i < 10 && f.log.Len() > 0 {
				t.Error("its announcement gets no time to arrive")
			}
			time.Sleep(time.Second)
		}
		if f.log.FilterMessageSnippet("sending nothing to the remote").Len() != 1 {
			t.Errorf("%v", f.log.All())
		}
		m := f.Pack([]render.Outgoing{row("1", 10)}, false)[0]
		m.Name.Seq = 1
		if err := f.Send(t.Context(), m); !errors.Is(err, deliver.ErrAway) || len(f.line.sent) != 0 {
			t.Errorf("%d messages went, %v", len(f.line.sent), err)
		}
	})
}

// An answer refers to its message by the message's own ID.
func TestAnswersNameTheirMessages(t *testing.T) {
	t.Parallel()
	if a := Ack(wire.Ack{Seq: 3, Failed: []wire.Reject{{Message: "no"}}}, 10); a.Name != (deliver.Name{Seq: 3}) || len(a.Failed) != 1 || a.Open || a.Size != 10 {
		t.Errorf("an ack: %+v", a)
	}
	if a := Info(wire.Info{Message: wire.DataReceived, Table: "orders", ID: "1", Date: 5}, 10); a.Name != (deliver.Name{Table: "orders", ID: "1"}) || a.Stamp != 5 || a.Open || a.Failed != nil {
		t.Errorf("an answer of version 1: %+v", a)
	}
	if a := Info(wire.Info{Message: wire.Failed, Table: "orders", ID: "1", Error: "no"}, 10); !a.Open || len(a.Failed) != 1 || a.Failed[0].Message != "no" {
		t.Errorf("an error of version 1: %+v", a)
	}
}
