package simulation

import (
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/deliver/peer"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Limits of what is on its way to one remote. Messages have few rows, so that more of them meet.
const (
	batchRows    = 3
	batchWindow  = 4
	singleWindow = 8
	second       = 1_000_000
)

// link is the way from a node to one of its remotes: a real sender, and its destination, which is the bus.
type link struct {
	n    *node
	slot int
	to   *node
	away bool // the node believes that its remote is gone

	single   bool   // a row is a message, as in version 1 of the wire
	declines string // a table that the remote does not accept yet

	sender  *deliver.Sender
	process *process
	packed  [][]render.Outgoing
	dates   peer.Dates
}

// sent is a change on the wire, with the write that it carries.
type sent struct {
	apply.Incoming
	key   int
	write int
}

// batch is a message of changes.
type batch struct {
	from    *link
	session int
	name    deliver.Name
	stamp   int64
	changes []sent
}

// box is what the database has for the remote.
func (l *link) box() *box {
	return &box{&l.n.db.remotes[l.slot], l.n.w.keyOf, l.n.w.rows, func(n int) int64 { return l.n.stream.Token(n) }}
}

// start starts a sender, until the daemon is killed.
func (l *link) start(turns *deliver.Turns) {
	n := l.n
	l.packed, l.dates = nil, peer.Dates{}
	c := deliver.Config{
		Log: zap.NewNop(), Now: n.w.time, Syncs: func(string) bool { return true },
		Outbox: remembers{l}, Stream: &stream{Stream: n.stream, l: l}, Rows: reads{l}, Tables: tables{}, Turns: turns, Loads: l.loads(), Transfer: l.transfer,
		Denied:  nil, // no node forgets what it has written
		Refused: func(context.Context, []outbox.Failure) error { return nil }, Counters: counters{},
	}
	if n.router != nil {
		c.Routes = n.router
		if n.w.mistake == SendUnlabelled {
			c.Routes = hasty{n.router}
		}
	}
	s := deliver.New(&c, l.to.name, l)
	l.sender = s
	l.process = n.process(func(ctx context.Context) {
		for range pause.Even(ctx, time.Second) {
			if s.Begin(ctx) == nil {
				break
			}
		}
		_ = s.Run(ctx)
	})
	l.process.idle = l.idle
}

// loads returns the sender's own loads: waiting for another sender's would never end, since that needs its turn to run.
func (l *link) loads() *deliver.Loads {
	if l.n.w.loads {
		return &deliver.Loads{}
	}
	return nil
}

// idle reports whether a sender would find nothing by looking again.
func (l *link) idle() bool {
	b := l.box()
	return l.sender.InFlight() == 0 && !b.holds() && len(b.kept) == 0 && !b.sends(snapshot.All) && !b.sends(snapshot.Missing) && b.place.Acked >= l.n.db.lastPosition() && len(l.n.hanging) == 0
}

// has reports whether something of a row is to be sent, as apply's and verify's statements find out. What is held back is
// behind the remote's own position.
func (l *link) has(key int) bool {
	n, b := l.n, l.box()
	v, reached := n.db.versions[key], b.place.Acked
	if at, kept := b.kept[n.row(key).Table]; kept {
		reached = min(reached, at)
	}
	return slices.ContainsFunc(n.db.changes, func(e entry) bool { return e.key == key }) || b.marks[key].token != 0 ||
		v.position > reached && outbox.Needs(l.to.name, v.from, v.Version)
}

// tell tells the sender something and wakes it.
func (l *link) tell(what func()) {
	if l.n.ready && l.sender != nil {
		what()
		l.n.rouse(l.process)
	}
}

// A link is its sender's deliver.Destination.

// Ready reports whether the remote is online, as far as the node knows.
func (l *link) Ready() bool { return !l.away }

// Limits returns how much may be on its way.
func (l *link) Limits() deliver.Limits {
	if l.single {
		return deliver.Limits{Rows: batchRows, Messages: singleWindow, MaxRow: 1 << 20, Single: true}
	}
	return deliver.Limits{Rows: batchRows, Messages: batchWindow, MaxRow: 1 << 20, Routes: true, Merges: true, Counts: true}
}

// Declines and Takes report what the remote has said of a table.
func (l *link) Declines(table string) bool { return l.declines == table }
func (l *link) Takes(table string) bool    { return l.declines != table }

// Answered and Unanswered do nothing: no remote is mistaken for another.
func (l *link) Answered(deliver.Name)           {}
func (l *link) Unanswered(bool) deliver.Silence { return deliver.Slow }

// Pack makes messages. Their bodies name what they carry, since a packed message may be sent later, or several times.
func (l *link) Pack(rows []render.Outgoing, single bool) (list []deliver.Message) {
	pack := func(m deliver.Message, rows []render.Outgoing) {
		l.packed = append(l.packed, rows)
		m.Rows, m.Body = len(rows), binary.AppendUvarint(nil, uint64(len(l.packed)-1))
		list = append(list, m)
	}
	if !single {
		pack(deliver.Message{}, rows)
		return list
	}
	date := l.dates.Next(l.now())
	for i := range rows {
		pack(deliver.Message{Name: deliver.Name{Table: rows[i].Table, ID: rows[i].Key}, Stamp: date}, rows[i:i+1])
	}
	return list
}

// now returns the time that dates a version-1 change, and how far the remote's clock is ahead of it.
func (l *link) now() (now time.Time, ahead time.Duration) {
	if l.n.w.mistake == StopClock {
		return time.UnixMicro(epoch), 0
	}
	return l.n.time(), time.Duration(max(0, l.to.offset-l.n.offset)) * time.Microsecond
}

// Send publishes a message.
func (l *link) Send(_ context.Context, m deliver.Message) error {
	n, w := l.n, l.n.w
	if err := n.step(); err != nil {
		return err
	}
	if l.away {
		return deliver.ErrAway
	}
	at, _ := binary.Uvarint(m.Body)
	b := batch{from: l, session: n.session, name: m.Name, stamp: m.Stamp}
	for _, o := range l.packed[at] {
		write, err := strconv.Atoi(o.ID)
		if err != nil {
			return err
		}
		in := apply.Incoming{Change: o.Change, From: n.name}
		if in.Deleted() {
			in.Values = [][]byte{[]byte(o.ID)} // only the simulation looks at them
			if in.Withdrawn {
				in.Values, write = [][]byte{[]byte("-1")}, none
			}
		}
		b.changes = append(b.changes, sent{in, w.keyOf(o.Row), write})
		w.trace("%s sends %s to %s: %d as %v, marked %v, %d", n.name, o.Key, l.to.name, write, o.State, o.Sent.Marked, o.Sent.Token)
	}
	w.rowsSent += len(b.changes)
	w.send(n, l.to, func() { l.to.take(b) })
	return nil
}

// answer sends the answer to a message, in which some rows may be refused. An answer to a process that is gone is dropped; an
// existing peer does not distinguish processes, except by the date.
func (n *node) answer(b batch, failed []wire.Reject) {
	l := b.from
	if n.w.isHostile(n) {
		return
	}
	if n.w.mistake == RefusedIsDone {
		failed = nil
	}
	a := l.heard(b, failed)
	n.w.send(n, l.n, func() {
		if l.n.session == b.session || l.single || n.w.mistake == AnswerEarlier {
			l.tell(func() { l.sender.Answered(a) })
		}
	})
}

// heard returns what the answer to a message means to the sender, as package peer reads it.
func (l *link) heard(b batch, failed []wire.Reject) deliver.Answer {
	if !l.single {
		return peer.Ack(wire.Ack{Seq: b.name.Seq, Failed: failed}, 0)
	}
	i := wire.Info{Table: b.name.Table, ID: b.name.ID, Date: b.stamp, Message: wire.DataReceived}
	if len(failed) > 0 {
		i.Message, i.Error = wire.Failed, failed[0].Message
	}
	return peer.Info(i, 0)
}

// lose makes the node believe for a while that its remote is gone; then it connects again.
func (l *link) lose() {
	l.away = true
	l.n.w.after(l.n.w.random(20*l.n.w.tempo.step), l.connect)
}

func (l *link) connect() {
	l.away = false
	l.tell(func() { l.sender.Connected() })
}

// take makes the remote accept all tables.
func (l *link) takeAll() {
	l.declines = ""
	l.tell(func() { l.sender.Wake() })
}
