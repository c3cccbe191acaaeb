package deliver

import (
	"context"
	"math"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// load is a stretch of the stream, read and packed once for all remotes that are at its start and need all of it. It
// does not get stale: a row that changes afterwards has a later position.
type load struct {
	after, upTo int64
	sent        []outbox.Sent // read-only
	rows        map[change.Row]bool
	tables      []string // of the rows
	largest     int      // bytes of the largest row
	body        []byte
}

// Loads are the most recent ones. The zero value has none. It is safe for concurrent use.
type Loads struct {
	Remotes int // that are sent them

	making singleflight.Group // by position: one sender makes a load, the others wait for it

	mu    sync.Mutex
	list  []*load
	bytes int // of their bodies
}

// Bounds of the loads that are kept. Promise 10.
const (
	loadsMost  = 8
	loadsBytes = 4 << 20
)

// nextLoad returns what comes next on the road as a load, or nil if there is nothing, or if it must be read for this
// remote alone.
func (s *Sender) nextLoad(ctx context.Context) (next *load, alone bool, err error) {
	loads, limits := s.c.Loads, s.to.Limits()
	if loads == nil || limits.Single {
		return nil, true, nil
	}
	for {
		l := loads.at(s.road.taken)
		if l == nil {
			end, err := s.c.Stream.Visible(ctx)
			if err != nil || s.road.taken >= end {
				return nil, false, err
			}
			if l, err = s.joinLoad(ctx, limits); err != nil {
				return nil, false, err
			}
		}
		if l != nil { // otherwise whoever was making it saw an earlier end of the stream
			next = s.takes(ctx, l.whole(), limits)
			return next, next == nil, nil
		}
	}
}

// joinLoad makes the next load, or waits for another sender that is making it.
func (s *Sender) joinLoad(ctx context.Context, limits Limits) (*load, error) {
	loads := s.c.Loads
	made, err, _ := loads.making.Do(strconv.FormatInt(s.road.taken, 10), func() (any, error) {
		if l := loads.at(s.road.taken); l != nil {
			return l, nil // made since it was checked
		}
		l, err := s.makeLoad(ctx, limits)
		if err == nil && l != nil {
			loads.keep(l)
		}
		return l, err
	})
	if err != nil {
		return nil, err
	}
	return made.(*load), nil
}

// takes returns a load, or nil if the remote does not need or does not accept all of it, or some of it is held back.
func (s *Sender) takes(ctx context.Context, l *load, limits Limits) *load {
	if l != nil && (l.largest > limits.MaxRow || slices.ContainsFunc(l.tables, func(t string) bool { return s.declines(t) || s.probes.troubled(t) || s.holds(ctx, t) })) {
		return nil
	}
	return l
}

// at returns the load that starts after a position, or nil.
func (l *Loads) at(position int64) *load {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.list, func(x *load) bool { return x.after == position }); i >= 0 {
		return l.list[i]
	}
	return nil
}

// next returns the position at which the first load after another begins: a sender that ends there shares that one, too.
func (l *Loads) next(after int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := int64(math.MaxInt64)
	for _, x := range l.list {
		if x.after > after {
			first = min(first, x.after)
		}
	}
	return first
}

// keep stores a load in place of the oldest ones.
func (l *Loads) keep(made *load) {
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

// whole returns the load, or nil if it does not suit all remotes.
func (l *load) whole() *load {
	if l == nil || l.body == nil {
		return nil
	}
	return l
}

// makeLoad reads and packs what comes next. A load without a body does not suit all remotes.
func (s *Sender) makeLoad(ctx context.Context, limits Limits) (*load, error) {
	end, err := s.c.Stream.Visible(ctx)
	if err != nil || s.road.taken >= end {
		return nil, err
	}
	list, err := s.c.Stream.Read(ctx, s.road.taken, end, limits.Rows)
	if err != nil {
		return nil, err
	}
	l := &load{after: s.road.taken, upTo: end}
	if len(list) == limits.Rows {
		l.upTo = list[len(list)-1].Position
	}
	if at := s.c.Loads.next(l.after); at < l.upTo {
		l.upTo = at
		list = slices.DeleteFunc(list, func(w version.Waiting) bool { return w.Position > at })
	}
	notForAll := func(w version.Waiting) bool {
		return w.From != "" || s.c.Routes != nil && s.c.Routes.Routed(w.Table) || !s.c.Syncs(w.Table) || s.c.Rows.Transforms(w.Table)
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
	d, err := s.c.Rows.Render(ctx, s.target(limits), items)
	if err != nil || d.Partial || len(d.Outgoing) < len(items) {
		return l, err
	}
	l.sent, l.rows = make([]outbox.Sent, len(d.Outgoing)), make(map[change.Row]bool, len(d.Outgoing))
	for i := range d.Outgoing {
		l.sent[i] = d.Outgoing[i].Sent
		l.rows[l.sent[i].Identity()] = true
		l.largest = max(l.largest, d.Outgoing[i].Size())
		l.sent[i].Name = s.c.Tables.ID(ctx, l.sent[i].Row) // for each remote's status
	}
	if m := s.to.Pack(d.Outgoing, false); len(m) == 1 && m[0].Err == nil {
		l.body = m[0].Body
	}
	return l, nil
}
