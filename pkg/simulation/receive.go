package simulation

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/verify"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// takeBatches is the most messages that are applied together.
const takeBatches = 3

// newApplier returns the applier of a new process.
func (n *node) newApplier() *apply.Applier {
	all := func(string) bool { return true }
	n.came = arrivals{all: map[standing]*sent{}}
	c := apply.Config{Origin: n.origin, Syncs: all, Receives: all, OnNews: n.wake, Freed: n.freed,
		Policies: map[string]conflict.Policy{parents.Name: n.w.policy, children.Name: n.w.policy}}
	if n.router != nil {
		c.Routes = n.router
	}
	if n.w.mistake == CountByVersion {
		uncounted := conflict.Policy{Name: n.w.policy.Name}
		c.Policies = map[string]conflict.Policy{parents.Name: uncounted, children.Name: uncounted}
	}
	for _, l := range n.links {
		c.Remotes = append(c.Remotes, l.to.name)
	}
	return apply.On(zap.NewNop(), server{n}, n.w.time, n.clock, c)
}

// freed tells a sender that a row need not wait any more.
func (n *node) freed(from string, r change.Row) {
	if l := n.from(from); l != nil {
		n.w.send(n, l.n, func() { l.tell(func() { l.sender.Freed(r) }) })
	}
}

// from is another node's link to this one.
func (n *node) from(name string) *link {
	for _, other := range n.w.nodes {
		for _, l := range other.links {
			if other.name == name && l.to == n {
				return l
			}
		}
	}
	return nil
}

// take queues a message that has arrived.
func (n *node) take(b batch) {
	if n.w.mistake == AckBeforeCommit {
		n.answer(b, nil)
	}
	n.inbox = append(n.inbox, b)
	n.rouse(n.receiving)
}

// codec is used only for its limits: nothing is packed.
var codec = sync.OnceValues(func() (*wire.Codec, error) { return wire.NewCodec(1 << 20) })

// receive runs the receiver of a process. Promise 6.
func (n *node) receive(ctx context.Context) {
	packed, err := codec()
	if err != nil {
		n.w.fail("no codec: %v", err)
		return
	}
	c := receive.Config{Log: zap.NewNop(), Gate: &receive.Gate{Self: n.name, Accepts: func(client string) bool { return client != config.Anyone }},
		Codec: packed, Answers: replies{n}, Counters: uncounted{}, Meter: uncounted{}, Now: n.w.time}
	for _, other := range n.w.nodes {
		c.Named = append(c.Named, other.name)
	}
	_ = receive.New(c).RunOpened(ctx, applying{n}, n.next)
}

// next gives the receiver a message that has arrived; a random number of them, up to takeBatches, are taken together.
func (n *node) next(wait time.Duration) (o receive.Opened, ok bool) {
	p := n.w.running
	switch {
	case wait == 0:
		n.together++
	case len(n.inbox) > 0:
		n.together = n.w.r.IntN(takeBatches)
	default:
		delay := int64(-1)
		if wait > 0 {
			delay = max(wait.Microseconds(), 1)
		}
		_ = n.nap(delay)
		n.together = n.w.r.IntN(takeBatches)
	}
	if p.dead || len(n.inbox) == 0 || wait == 0 && n.together > takeBatches {
		return o, false
	}
	b := n.inbox[0]
	n.inbox = n.inbox[1:]
	n.taken++
	n.unanswered[n.taken] = b
	o = receive.Opened{Sender: b.from.n.name, Batch: &wire.Batch{Seq: n.taken}}
	for _, c := range b.changes {
		o.Batch.Changes = append(o.Batch.Changes, c.Change)
	}
	return o, true
}

// replies answers the messages that have arrived.
type replies struct{ n *node }

func (r replies) Ack(_ context.Context, _ string, a wire.Ack) {
	n := r.n
	if n.step() != nil {
		return
	}
	b := n.unanswered[a.Seq]
	delete(n.unanswered, a.Seq)
	n.answer(b, a.Failed)
	if b.from.single && len(a.Failed) > 0 && n.w.r.IntN(2) == 0 {
		n.w.after(n.w.random(second), func() { // an existing peer may retry by itself, and answer again
			if n.ready {
				n.take(b)
			}
		})
	}
}

func (replies) Answer(wire.Change, string) {} // all come in batches
func (replies) TellFreed(context.Context)  {} // the applier does: see freed

// uncounted counts nothing.
type uncounted struct{}

func (uncounted) Came(string, time.Time)                                {}
func (uncounted) Received(string, int, func(int) string, []wire.Reject) {}
func (uncounted) Applied(time.Duration)                                 {}
func (uncounted) Panicked()                                             {}

// applying is a node's receive.Applier: its apply.Applier, with notes of what becomes of the users' writes.
type applying struct{ n *node }

func (a applying) Due() (time.Time, bool) { return a.n.applier.Due() }

func (a applying) ApplyFor(ctx context.Context, changes []apply.Incoming, patience time.Duration) ([]apply.Result, error) {
	n := a.n
	n.came.now = map[change.Row][]*sent{}
	list := make([]*sent, len(changes))
	for i, in := range changes {
		c := &sent{in, n.w.keyOf(in.Row), n.writeOf(&in.Change)}
		list[i], n.came.all[standing{c.key, c.Version}], n.came.now[c.Row] = c, c, append(n.came.now[c.Row], c)
	}
	results, err := n.applier.ApplyFor(ctx, changes, patience)
	for i := range results {
		n.became(list[i], &results[i])
	}
	n.rouse(n.settling)
	return results, err
}

// became notes what became of a change.
func (n *node) became(c *sent, res *apply.Result) {
	switch r := &n.db.rows[c.key]; {
	case res.Untried:
	case res.Err != nil:
		n.w.trace("%s refuses %s from %s, %d: %v", n.name, c.Key, c.From, c.write, res.Err)
		res.Retry = res.Retry || errors.Is(res.Err, errRefused) && n.w.r.IntN(4) > 0
	case c.Deleted() && !r.exists && c.write != none && r.write != c.write:
		n.w.history[c.write].equal = true // it lost to a write that did the same
	case n.w.mistake == PassOnKnown && !res.Wrote && n.db.versions[c.key].Version == c.Version:
		v := &n.db.versions[c.key]
		v.position, v.from = n.stream.Token(1), c.From
		n.wake()
	}
}

// settle asks senders about the rows that hold up their changes.
func (n *node) settle(ctx context.Context) {
	s := &verify.Settling{Now: n.w.time, Applier: n.applier, Strange: n.strange, Settled: func(context.Context) { n.rouse(n.receiving) },
		Online: func(remote string) bool {
			l := n.from(remote)
			return l != nil && l.n.ready && l.n.sides == n.sides && n.w.mistake != NeverSettle
		},
		Asked: func(string) {}, Failed: func(apply.Held, error) {}}
	for p := n.w.running; !p.dead; {
		delay := int64(-1) // until a change arrives
		if s.Step(ctx); len(n.applier.Held(n.w.time().Add(time.Hour), 1)) > 0 && n.w.mistake != NeverSettle {
			delay = second
		}
		_ = n.nap(delay)
	}
}

// strange asks a sender about rows.
func (n *node) strange(_ context.Context, remote string, rows []change.Row) (strange []change.Row, err error) {
	if err := n.step(); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if l := n.from(remote); !l.n.unacked(n.name, n.w.keyOf(r)) {
			strange = append(strange, r)
		}
	}
	return strange, n.step()
}

// unacked reports whether something of a row is still to be sent to a remote.
func (n *node) unacked(remote string, key int) bool {
	for _, l := range n.links {
		if l.to.name == remote {
			return l.has(key)
		}
	}
	return true
}
