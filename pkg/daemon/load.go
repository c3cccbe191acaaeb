package daemon

import (
	"context"
	"slices"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// load is a stretch of the stream, read and packed once for all remotes that are
// at its beginning and need all of it. It does not grow old: a row that is changed
// afterwards has a later place.
type load struct {
	after, upTo int64
	sent        []outbox.Sent // not to be changed
	body        []byte
}

// loads are the last ones that were made. It is safe for concurrent use.
type loads struct {
	mu   sync.Mutex
	list []*load
}

// loadsMost bounds those that are kept, each of a batch. Promise 10.
const loadsMost = 8

// nextLoad returns what comes next on the road as a load, or nil if it must be
// read for this remote alone.
func (s *sender) nextLoad(ctx context.Context) (*load, error) {
	n := s.n
	if len(n.senders) < 2 || !n.peers.speaksBatches(s.remote) {
		return nil, nil
	}
	n.loads.mu.Lock()
	defer n.loads.mu.Unlock() // the others wait for what they need too
	at := slices.IndexFunc(n.loads.list, func(l *load) bool { return l.after == s.road.taken })
	if at >= 0 {
		return n.loads.list[at].whole(), nil
	}
	l, err := s.makeLoad(ctx)
	if err != nil || l == nil {
		return nil, err
	}
	if len(n.loads.list) == loadsMost {
		n.loads.list = slices.Delete(n.loads.list, 0, 1)
	}
	n.loads.list = append(n.loads.list, l)
	return l.whole(), nil
}

// whole returns the load, or nil if it is not for all.
func (l *load) whole() *load {
	if l.body == nil {
		return nil
	}
	return l
}

// makeLoad reads and packs what comes next. One without a body is not for all.
func (s *sender) makeLoad(ctx context.Context) (*load, error) {
	n := s.n
	end, err := n.stream.Visible(ctx)
	if err != nil || s.road.taken >= end {
		return nil, err
	}
	list, err := n.stream.Read(ctx, s.road.taken, end, batchRows)
	if err != nil {
		return nil, err
	}
	l := &load{after: s.road.taken, upTo: end}
	if len(list) == batchRows {
		l.upTo = list[len(list)-1].Position
	}
	notForAll := func(w version.Waiting) bool {
		return w.From != "" || !n.cfg.Syncs(w.Table) || n.transformers.Has(w.Table)
	}
	if len(list) == 0 || slices.ContainsFunc(list, notForAll) {
		return l, nil
	}
	items := make([]outbox.Item, len(list))
	for i := range list {
		items[i] = outbox.Streamed(&list[i])
	}
	d, err := n.render(ctx, s.remote, items)
	if err != nil || d.partial || len(d.outgoing) < len(items) {
		return l, err
	}
	b := &wire.Batch{Sent: n.now().UnixMilli(), Changes: make([]change.Change, len(d.outgoing))}
	l.sent = make([]outbox.Sent, len(d.outgoing))
	for i := range d.outgoing {
		b.Changes[i], l.sent[i] = d.outgoing[i].Change, d.outgoing[i].sent
	}
	l.body = n.codec.Body(b)
	return l, nil
}
