package simulation

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/latch"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// open begins the stream of a new process.
func (n *node) open() (err error) {
	fences := 0
	fence := func(ctx context.Context) error {
		fences++
		if fences == 1 && n.w.mistake == NoFenceAtStart || fences > 1 && n.w.mistake == IgnoreDoubt {
			return nil
		}
		return n.fence(ctx)
	}
	n.stream, err = version.Open(ctx, n.given, n.trace, n.time, &latched{n: n}, fence)
	if err != nil {
		return err
	}
	for i := range n.db.remotes {
		if r := &n.db.remotes[i]; !r.registered {
			at, err := n.stream.Visible(ctx)
			if err != nil {
				return err
			}
			r.registered, r.place = true, outbox.Place{Acked: at, Shown: at}
		}
	}
	return nil
}

// given are the positions of which the database has a trace.
func (n *node) given(context.Context) (g version.Given, err error) {
	g.Versions, g.Marked = n.db.lastPosition(), n.db.marked
	for _, r := range n.db.remotes {
		g.Remotes = max(g.Remotes, r.place.Acked, r.place.Shown)
	}
	switch n.w.mistake {
	case ForgetPlaces:
		g.Remotes, g.Marked = 0, 0
	case RepeatNumbers: // it goes on right after what rows and remotes have
		g = version.Given{Versions: max(g.Versions, g.Remotes) - version.Untraced}
	}
	return g, nil
}

// trace marks the database with a position.
func (n *node) trace(_ context.Context, position int64) error {
	n.db.marked = position
	return nil
}

// fence waits for the end of the transactions that have written versions and that no daemon knows the end of.
func (n *node) fence(context.Context) error {
	open := slices.Clone(n.hanging)
	for slices.ContainsFunc(open, func(t *transaction) bool { return !t.over }) {
		if err := n.step(); err != nil {
			return err
		}
	}
	return nil
}

// latched is the real latch; who waits for it lets the others go on.
type latched struct {
	latch.Rows
	n *node
}

func (l *latched) Lock(_ context.Context, rows []change.Row) (unlock func(), err error) {
	for {
		if unlock, _ := l.Try(rows); unlock != nil {
			return unlock, nil
		}
		if err := l.n.step(); err != nil {
			return nil, err
		}
	}
}

// stream is the real stream, but that its rows stand in memory.
type stream struct {
	*version.Stream
	l    *link
	read int64 // only StayAtLoss looks at it
}

// Visible is the real one.
func (s *stream) Visible(ctx context.Context) (int64, error) {
	if s.l.n.w.mistake == ReadPastOpen {
		return s.Token(0) - 1, nil
	}
	return s.Stream.Visible(ctx)
}

// Read returns the first rows after a position, up to another, in order.
func (s *stream) Read(_ context.Context, after, upTo int64, limit int) ([]version.Waiting, error) {
	if s.l.n.w.mistake == StayAtLoss && limit <= batchRows {
		after = max(after, s.read)
	}
	list, err := s.rows("", after, upTo, limit)
	if late, ok := s.Remembered(after, upTo, limit); ok && err == nil {
		list = late
	}
	if s.read = max(s.read, upTo); len(list) == limit {
		s.read = list[limit-1].Position
	}
	return list, err
}

// ReadTable does so for the rows of one table.
func (s *stream) ReadTable(_ context.Context, table string, after, upTo int64, limit int) ([]version.Waiting, error) {
	return s.rows(table, after, upTo, limit)
}

func (s *stream) rows(table string, after, upTo int64, limit int) (list []version.Waiting, err error) {
	n := s.l.n
	if after >= upTo {
		return nil, nil
	}
	if err := n.step(); err != nil {
		return nil, err
	}
	for key, v := range n.db.versions {
		if v.position > after && v.position <= upTo && (table == "" || n.row(key).Table == table) {
			list = append(list, version.Waiting{Row: n.row(key), State: v.State, Position: v.position, From: v.from, Label: v.label})
		}
	}
	slices.SortFunc(list, func(a, b version.Waiting) int { return int(a.Position - b.Position) })
	return list[:min(len(list), limit)], nil
}
