package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// A change of version 1 whose parent has not come yet waits here, since such a
// sender does not send it again; one that somebody's lock stops waits as long as that
// lasts.
const (
	holdTime  = 30 * time.Second
	holdMost  = 1000
	holdRetry = 500 * time.Millisecond
)

// work is one message on its way into the database: its changes are part of the
// round's list, from first on.
type work struct {
	message
	change  *wire.Change // version 1
	batch   *wire.Batch  // extension
	index   []int        // of each change, its place in the batch
	rejects []wire.Reject
	first   int
	count   int
	until   time.Time // version 1: when waiting for a parent ends; zero: it has not waited
	stuck   bool      // one of them is set aside by apply
}

// inbound moves what was received into the database until ctx ends: decode,
// transform, apply, ack. Messages that wait together are applied together.
func (n *Node) inbound(ctx context.Context) error {
	pieces := newAssembly()
	var held []*work
	for {
		var again <-chan time.Time
		if len(held) > 0 {
			again = time.After(holdRetry)
		}
		if at, ok := n.applier.Due(); ok {
			if pause := max(at.Sub(n.now()), 0); again == nil || pause < holdRetry {
				again = time.After(pause)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.inbox.kick:
		case <-again:
		}
		round := &round{held: held}
		for _, w := range held {
			n.prepare(ctx, round, w)
		}
		for !round.full() {
			m, ok := n.inbox.next()
			if !ok {
				break
			}
			if w := n.open(m, pieces); w != nil {
				n.prepare(ctx, round, w)
			}
		}
		held = n.finish(ctx, round)
	}
}

// round is what one pass of inbound applies.
type round struct {
	changes []apply.Incoming
	works   []*work
	held    []*work
	rows    int // of all messages, with those that are refused at once
	bytes   int // of the values of all changes
}

// What a round takes in: as much as one transaction may write, and a message more.
// A small message may unpack to much.
const (
	roundRows  = apply.MostRows
	roundBytes = apply.MostBytes
)

// full reports whether the round takes no further message.
func (r *round) full() bool { return r.rows >= roundRows || r.bytes >= roundBytes }

// open decodes a message. It returns nil if there is nothing to apply: it is
// answered already, or a piece of a batch that is not whole yet.
func (n *Node) open(m message, pieces *assembly) *work {
	if m.topic.Kind == wire.BatchTo {
		return n.openBatch(m, pieces)
	}
	c, err := wire.ParseChange(m.payload)
	if n.refusesVersion1(c.Sender, m.topic.Kind) {
		m.ack()
		return nil
	}
	if err == nil && (c.Sender == n.cfg.ClientName || !n.cfg.AcceptsFrom(c.Sender)) {
		err = errNotAccepted
	}
	if err == nil && n.peers.isNode(c.Sender) {
		err = errNode
	}
	if err != nil {
		n.refuse(m, c, err)
		return nil
	}
	n.traffic.came(c.Sender, time.Time{})
	return &work{message: m, change: &c}
}

var errNotAccepted = errors.New("the sender is not in acceptFrom")

// refuse answers a change that is not applied, if its sender is a client that
// the node knows. Promises 8 and 9.
func (n *Node) refuse(m message, c wire.Change, err error) {
	n.refused.broken("change refused", c.Sender, zap.String("table", wire.Shorten(c.Table, 64)), zap.Error(err))
	if c.Sender != n.cfg.ClientName && c.Table != "" && c.ID != "" && n.knows(c.Sender) {
		n.acks.fail(c, err.Error())
	}
	m.ack()
}

func (n *Node) knows(client string) bool {
	return n.senders[client] != nil || wire.ValidClient(client) && n.cfg.AcceptsFrom(client)
}

func (n *Node) openBatch(m message, pieces *assembly) *work {
	sender := m.topic.Sender
	if sender == n.cfg.ClientName || !n.cfg.AcceptsFrom(sender) {
		n.refused.broken("batch refused", sender, zap.Error(errNotAccepted))
		m.ack()
		return nil
	}
	payload, ok := n.unseal(m.topic, m.payload)
	if !ok {
		m.ack()
		return nil
	}
	p, err := wire.ParsePiece(payload)
	var b *wire.Batch
	if err == nil {
		if p.Of > 1 {
			// A broker hands out only some unacknowledged messages at a time;
			// the batch has an ack of its own.
			m.ack()
			m.ack = func() {}
		}
		whole := pieces.add(sender, p)
		if whole == nil {
			return nil
		}
		b, err = n.codec.Unpack(whole)
	}
	if err != nil {
		n.refused.broken("batch refused", sender, zap.Error(err))
		m.ack()
		return nil
	}
	n.peers.meet(sender)
	n.traffic.came(sender, time.UnixMilli(b.Sent))
	return &work{message: m, batch: b}
}

// prepare checks and transforms the changes of a message and adds them to the
// round.
func (n *Node) prepare(ctx context.Context, r *round, w *work) {
	w.first, w.count, w.index, w.rejects, w.stuck = len(r.changes), 0, nil, nil, false
	r.works = append(r.works, w)
	if w.change != nil {
		in, err := n.dated(ctx, *w.change)
		n.add(r, w, 0, in, err)
		return
	}
	all := w.batch.Changes
	r.changes = slices.Grow(r.changes, len(all))
	w.index = make([]int, 0, len(all))
	var t *schema.Table
	var unfit error
	for i := range all {
		if i == 0 || !sameSection(&all[i], &all[i-1]) {
			t, unfit = n.receivable(ctx, all[i].Table, all[i].Columns)
		}
		in, err := apply.Incoming{Change: all[i], From: w.topic.Sender}, unfit
		if err == nil {
			err = n.versioned(ctx, t, &in)
		}
		n.add(r, w, i, in, err)
	}
}

// sameSection reports whether two changes that follow each other came in one
// section of a batch: then they share the columns.
func sameSection(a, b *change.Change) bool {
	return a.Table == b.Table && len(a.Columns) == len(b.Columns) && (len(a.Columns) == 0 || &a.Columns[0] == &b.Columns[0])
}

func (n *Node) add(r *round, w *work, i int, in apply.Incoming, err error) {
	r.rows++
	switch {
	case errors.Is(err, transform.ErrDropped): // not for this node: nothing to do, and acked
	case err != nil:
		w.rejects = append(w.rejects, wire.Reject{Index: i, Message: err.Error(), Retry: mysqldb.Transient(err)})
	default:
		r.changes = append(r.changes, in)
		r.bytes += in.Size()
		w.index = append(w.index, i)
		w.count++
	}
}

// finish applies a round and answers its messages. It returns those that wait
// for other rows to come.
func (n *Node) finish(ctx context.Context, r *round) []*work {
	results := n.applyAll(ctx, r.changes)
	if results == nil || ctx.Err() != nil {
		return nil // the node stops; what is not acked comes again
	}
	var held []*work
	for _, w := range r.works {
		for k := range w.count {
			if res := results[w.first+k]; res.Err != nil {
				w.rejects = append(w.rejects, wire.Reject{Index: w.index[k], Message: res.Err.Error(), Retry: res.Retry, Taken: res.Retry && apply.Taken(res.Err)})
				w.stuck = w.stuck || apply.IsStuck(res.Err)
			}
		}
		if w.batch != nil {
			n.ackBatch(ctx, w)
		} else if n.holds(w, len(held)) {
			held = append(held, w)
			continue
		} else if len(w.rejects) > 0 {
			n.rowNews.add(w.change.Sender, wire.Shorten(w.change.Table, 64), wire.Shorten(w.change.ID, shownKey), w.rejects[0].Message)
			n.acks.fail(*w.change, w.rejects[0].Message)
		} else {
			n.acks.ok(*w.change)
		}
		n.arrived(w)
		w.ack() // Promise 6: the transaction is committed
	}
	n.tellFreed(ctx)
	n.rowNews.tell(n.log, zap.WarnLevel, "rows not applied", n.now())
	n.waitNews.tell(n.log, zap.InfoLevel, "rows wait for others", n.now())
	return held
}

// holds reports whether a change of version 1 is to be tried again later.
func (n *Node) holds(w *work, held int) bool {
	if len(w.rejects) == 0 || !w.rejects[0].Retry || held >= holdMost {
		return false
	}
	if w.until.IsZero() {
		w.until = n.now().Add(holdTime)
		// The broker hands out only some unacknowledged messages at a time: the
		// row that this one waits for must not wait behind it.
		w.ack()
		w.ack = func() {}
	}
	return w.stuck || n.now().Before(w.until)
}

// applyAll applies changes, as often as it takes while the database is away. It
// returns nil if ctx ends before.
func (n *Node) applyAll(ctx context.Context, changes []apply.Incoming) []apply.Result {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		begun := time.Now()
		results, err := n.applier.Apply(ctx, changes)
		if err == nil {
			n.metrics.Applied(time.Since(begun))
			return results
		}
		if ctx.Err() != nil {
			return nil
		}
		n.log.Warn("changes could not be applied; trying again", zap.Int("changes", len(changes)), zap.Duration("next", pause), zap.Error(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// ackBatch answers a batch. An ack that is lost makes the sender send again.
func (n *Node) ackBatch(ctx context.Context, w *work) {
	a := wire.Ack{Session: w.batch.Session, Seq: w.batch.Seq, Failed: w.rejects}
	payload, err := n.seal(seal.Ack, w.topic.Sender, a.Encode())
	if err == nil {
		_, err = n.transport.PublishAsync(ctx, transport.Message{Topic: n.topics.AckOf(w.topic.Sender, n.cfg.ClientName), Payload: payload, QoS: 1})
	}
	if err != nil && ctx.Err() == nil {
		n.log.Debug("batch ack not published", zap.String("remote", w.topic.Sender), zap.Error(err))
	}
	for _, f := range w.rejects {
		news, c := &n.rowNews, &w.batch.Changes[f.Index]
		if f.Retry {
			news = &n.waitNews
		}
		news.add(w.topic.Sender, wire.Shorten(c.Table, 64), wire.Shorten(strings.ToValidUTF8(c.Key, "?"), shownKey), f.Message)
	}
}
