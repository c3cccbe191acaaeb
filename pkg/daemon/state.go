package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// stateAge is how old the state may be that is told: all who ask meanwhile share
// it, so that any number of them costs the database what one does.
const stateAge = 900 * time.Millisecond

// watch is what is remembered for those who look at the node.
type watch struct {
	turn  chan struct{} // one finds out at a time
	stale atomic.Bool   // what was found out does not hold any more

	// For the one whose turn it is:
	state *status.State
	at    time.Time
	own   own

	mu       sync.Mutex
	verified map[pair]status.Comparison // the last of each table and remote
}

func newWatch() watch {
	return watch{turn: make(chan struct{}, 1), own: newOwn(), verified: map[pair]status.Comparison{}}
}

// State returns how the node is; see web.Node. It is not to be changed.
func (n *Node) State(ctx context.Context) (*status.State, error) {
	select {
	case n.watch.turn <- struct{}{}:
		defer func() { <-n.watch.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := &n.watch
	now := n.now()
	if age := now.Sub(w.at); w.state != nil && age >= 0 && age < stateAge && !w.stale.Swap(false) {
		return w.state, nil
	}
	s := n.about(now)
	var trouble error
	if n.wired.Load() {
		trouble = n.readOwn(ctx, &w.own, now)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n.tellStreams(s, &w.own, now)
	}
	s.Problems = problems(s, n.troubles(trouble))
	w.state, w.at = s, n.now()
	return s, nil
}

// about returns what is known of the node without its database.
func (n *Node) about(now time.Time) *status.State {
	return &status.State{
		Client: n.cfg.ClientName, Version: n.version, Started: n.started, Now: now, LogLevel: n.logging.Level(),
		Database: n.pulse.read(), Broker: n.brokerLink(),
		SetBack: n.setBack.Load(),
		Remotes: []status.Remote{}, Tables: status.Tables(n.cfg), Streams: []status.Stream{}, Transfers: []status.Transfer{},
		Transformers: []status.Transformer{}, Verified: []status.Comparison{},
	}
}

func (n *Node) brokerLink() status.Link {
	t := n.transport.Status()
	l := status.Link{Online: t.Online, Address: t.Server, Since: t.Since}
	switch {
	case t.Err != nil:
		l.Error = t.Err.Error()
		l.Refused = errors.Is(t.Err, transport.ErrRefused) || errors.Is(t.Err, transport.ErrDenied)
	case t.Silent != nil:
		l.Error = t.Silent.Error()
	}
	return l
}

// tellStreams adds what goes by, and what was read from the own tables.
func (n *Node) tellStreams(s *status.State, o *own, now time.Time) {
	found := map[string]int64{}
	for _, c := range n.applier.Conflicts() {
		found[c.Table] += int64(c.Count)
		s.Conflicts.Found += int64(c.Count)
	}
	altered := map[string]int64{}
	for _, x := range n.applier.Altered() {
		altered[x.Table] += int64(x.Count)
	}
	for i := range s.Tables {
		s.Tables[i].Conflicts, s.Tables[i].Altered = found[s.Tables[i].Name], altered[s.Tables[i].Name]
	}
	s.Step = n.step()
	s.Conflicts.Kept, s.Conflicts.AtLeast, s.Uncaptured, s.Transfers = o.conflicts, o.conflicts >= lookRows, o.uncaptured, o.transfers
	for _, t := range n.transformers.Stats() {
		x := status.Transformer{Table: t.Table, File: t.File, Calls: t.Calls, Errors: t.Errors, Last: t.Last, LastRow: t.LastRow}
		if !t.LastAt.IsZero() {
			x.LastAt = &t.LastAt
		}
		s.Transformers = append(s.Transformers, x)
	}
	seen := map[string]time.Time{}
	online := map[string]bool{}
	for _, c := range n.mesh.Clients() {
		online[c.Name], seen[c.Name] = c.Online, c.Heard
		if c.Heard.IsZero() { // it said that it leaves
			seen[c.Name] = c.Until
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.traffic.links)) {
		r := status.Remote{Name: name, Online: online[name]}
		if at := seen[name]; !at.IsZero() {
			r.Heard, r.Protocol = &at, 1
		}
		if n.mesh.SpeaksBatches(name) {
			r.Protocol = wire.Protocol
		}
		r.Met = r.Heard != nil || n.mesh.IsNode(name)
		n.tellRemote(s, &r, o, now)
	}
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	for _, c := range n.watch.verified {
		s.Verified = append(s.Verified, c)
	}
	slices.SortFunc(s.Verified, func(x, y status.Comparison) int {
		return cmp.Or(cmp.Compare(x.Table, y.Table), cmp.Compare(x.Remote, y.Remote))
	})
}

// tellRemote adds a remote and its tables.
func (n *Node) tellRemote(s *status.State, r *status.Remote, o *own, now time.Time) {
	m := n.traffic.links[r.Name]
	r.Messages = status.Messages{Sent: m.sent.Load(), Received: m.received.Load(), Unanswered: m.unanswered.Load(), Unopened: n.refused.Of(r.Name)}
	r.Key = n.mesh.KeyOf(r.Name)
	if r.Name == anyone && r.Messages.Received == 0 {
		return
	}
	if sender := n.senders[r.Name]; sender != nil {
		r.InFlight = int(sender.flying.Load())
	}
	var oldest int64
	for _, t := range s.Tables {
		at := pair{r.Name, t.Name}
		f, b := n.traffic.flows[at], o.streams[at]
		x := status.Stream{Table: t.Name, Remote: r.Name, Pending: status.Count{Rows: b.Pending, AtLeast: o.more[r.Name] && b.Pending > 0}, Errors: b.Refused,
			Refused: f.refused.Load(), Rejected: f.rejected.Load()}
		x.KeptBack = n.cfg.Syncs(t.Name) && n.senders[r.Name] != nil && n.mesh.Declines(r.Name, t.Name)
		var acked, applied time.Time
		x.Sent, acked = f.sent.read(now)
		x.Received, applied = f.received.read(now)
		if applied.After(acked) {
			acked = applied
		}
		if !acked.IsZero() {
			x.Last = &acked
		}
		s.Streams = append(s.Streams, x)
		r.Pending.Rows += b.Pending
		r.Errors += b.Refused
		r.Sent, r.Received = plus(r.Sent, x.Sent), plus(r.Received, x.Received)
		if b.Oldest != 0 && (oldest == 0 || b.Oldest < oldest) {
			oldest = b.Oldest
		}
	}
	if o.more[r.Name] {
		r.Pending = status.Count{Rows: max(r.Pending.Rows, o.about[r.Name]), AtLeast: true}
	}
	if oldest != 0 && r.Pending.Rows > 0 {
		at := time.UnixMicro(oldest)
		if at.After(now) { // by another clock
			at = now
		}
		r.Oldest, r.Lag = &at, now.Sub(at).Seconds()
	}
	// An existing peer is sent changes only.
	initial := n.cfg.InitialSync != snapshot.None && (r.Protocol != 1 || !r.Met)
	r.Stand(s.Streams, func(table string) status.Road {
		whole, begun := o.whole[pair{r.Name, table}]
		return status.Road{Sends: n.senders[r.Name] != nil && n.cfg.Syncs(table), Online: r.Online, Met: r.Met, Initial: initial, Whole: whole, Begun: begun && !whole}
	})
	s.Remotes = append(s.Remotes, *r)
}

// compared remembers the last comparison of a table with a remote. Of the rows that
// differ only some are remembered. Promise 10.
func (n *Node) compared(c status.Comparison) {
	const most = 20
	if len(c.Differ) > most {
		c.Differ = slices.Clone(c.Differ[:most])
	}
	n.watch.mu.Lock()
	defer n.watch.mu.Unlock()
	n.watch.verified[pair{c.Remote, c.Table}] = c
	n.watch.stale.Store(true)
}

// pulse knows whether the own database answers.
type pulse struct {
	mu sync.Mutex
	status.Link
	missed  int                                   // pings in a row
	waiting map[*context.CancelCauseFunc]struct{} // called when it does not answer
}

// errAway says since when the own database does not answer, and why.
type errAway struct{ status.Link }

func (e errAway) Error() string {
	return fmt.Sprintf("the database at %s is not reachable since %s%s", e.Address, moment(e.Since), because(e.Link.Error))
}

// while returns a context that ends, with an errAway, when the database does not answer
// twice in a row, since once it may only be busy; where it is away already, at once. The
// caller calls done.
func (p *pulse) while(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.Online {
		cancel(errAway{p.Link})
	}
	if p.waiting == nil {
		p.waiting = map[*context.CancelCauseFunc]struct{}{}
	}
	p.waiting[&cancel] = struct{}{}
	return ctx, func() {
		p.mu.Lock()
		delete(p.waiting, &cancel)
		p.mu.Unlock()
		cancel(nil)
	}
}

const (
	pulseEvery = time.Second
	pulseTime  = 3 * time.Second // to answer
)

func (p *pulse) read() status.Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Link
}

// answers says that the database answers, and what it is.
func (p *pulse) answers(now time.Time, version string) {
	p.mu.Lock()
	p.Server = version
	p.mu.Unlock()
	p.note(now, nil)
}

// note says that the database has answered, or why it has not.
func (p *pulse) note(now time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if online := err == nil; online != p.Online {
		p.Online, p.Since = online, now
	}
	p.Error = ""
	if err == nil {
		p.missed = 0
		return
	}
	p.Error = err.Error()
	if p.missed++; p.missed > 1 {
		for cancel := range p.waiting {
			(*cancel)(errAway{p.Link})
		}
	}
}

// watchDatabase asks the database for a sign of life each second, until ctx ends.
func (n *Node) watchDatabase(ctx context.Context, db *mysqldb.DB) error {
	for {
		short, cancel := context.WithTimeout(ctx, pulseTime)
		err := db.PingContext(short)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		n.pulse.note(n.now(), err)
		if sleep(ctx, pulseEvery) != nil {
			return nil
		}
	}
}
