package daemon

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/singleflight"

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
	tables      []string      // of the rows
	body        []byte
}

// loads are the last ones that were made. It is safe for concurrent use.
type loads struct {
	making singleflight.Group // by place: one sender makes a load, the others wait for it

	mu    sync.Mutex
	list  []*load
	bytes int // of their bodies
}

// Bounds of those that are kept. Promise 10.
const (
	loadsMost  = 8
	loadsBytes = 4 << 20
)

// nextLoad returns what comes next on the road as a load, or nil if it must be
// read for this remote alone.
func (s *sender) nextLoad(ctx context.Context) (*load, error) {
	n := s.n
	if len(n.senders) < 2 || !n.mesh.SpeaksBatches(s.remote) {
		return nil, nil
	}
	if l := n.loads.at(s.road.taken); l != nil {
		return s.takes(l.whole()), nil
	}
	made, err, _ := n.loads.making.Do(strconv.FormatInt(s.road.taken, 10), func() (any, error) {
		if l := n.loads.at(s.road.taken); l != nil {
			return l, nil // made since the look
		}
		l, err := s.makeLoad(ctx)
		if err == nil && l != nil {
			n.loads.keep(l)
		}
		return l, err
	})
	if err != nil {
		return nil, err
	}
	return s.takes(made.(*load).whole()), nil
}

// takes returns a load, or nil if the remote does not take all that is in it, or refuses it.
func (s *sender) takes(l *load) *load {
	if l != nil && slices.ContainsFunc(l.tables, func(t string) bool { return s.n.mesh.Declines(s.remote, t) || s.troubled(t) }) {
		return nil
	}
	return l
}

// at returns the load that begins after a position, or nil.
func (l *loads) at(position int64) *load {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.list, func(x *load) bool { return x.after == position }); i >= 0 {
		return l.list[i]
	}
	return nil
}

// keep remembers a load in the place of the oldest ones.
func (l *loads) keep(made *load) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, made)
	l.bytes += len(made.body)
	for len(l.list) > loadsMost || l.bytes > loadsBytes && len(l.list) > 1 {
		l.bytes -= len(l.list[0].body)
		l.list[0] = nil
		l.list = l.list[1:]
	}
}

// whole returns the load, or nil if it is not for all.
func (l *load) whole() *load {
	if l == nil || l.body == nil {
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
		if !slices.Contains(l.tables, list[i].Table) {
			l.tables = append(l.tables, list[i].Table)
		}
	}
	d, err := n.renderer.Render(ctx, s.target(), items)
	if err != nil || d.Partial || len(d.Outgoing) < len(items) {
		return l, err
	}
	b := &wire.Batch{Sent: n.now().UnixMilli(), Changes: make([]change.Change, len(d.Outgoing))}
	l.sent = make([]outbox.Sent, len(d.Outgoing))
	for i := range d.Outgoing {
		b.Changes[i], l.sent[i] = d.Outgoing[i].Change, d.Outgoing[i].Sent
		l.sent[i].Name = n.tables.ID(ctx, l.sent[i].Row) // for the status of each remote
	}
	l.body = n.codec.Body(b)
	return l, nil
}
