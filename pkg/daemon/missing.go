package daemon

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// table is where a sender is in a table that it sends as a whole, to a remote that
// may lack rows of it. What was read of it lies between the last key that is
// booked and the last key that was read.
type table struct {
	open      *snapshot.Open // nil: none is being sent
	stretches []*stretch     // read and not acked, in order
	end       bool           // all was read
	looked    time.Time      // when one was last looked for
	broken    string         // a table that could not be read
}

// nextOfTable returns rows of a table that is sent as a whole.
func (s *sender) nextOfTable(ctx context.Context) ([]outbox.Item, *stretch, error) {
	t := &s.table
	if err := s.bookTable(ctx); err != nil {
		return nil, nil, err
	}
	if t.open == nil {
		now := s.n.now()
		if now.Sub(t.looked).Abs() < time.Second {
			return nil, nil, nil
		}
		t.looked = now
		open, err := s.n.snapshots.Open(ctx, s.remote, t.broken)
		if err != nil || open == nil {
			return nil, nil, err
		}
		t.open = open
	}
	if t.end {
		return nil, nil, nil
	}
	limit := s.room()
	rows, err := t.open.Next(ctx, limit)
	if unreadable(err) {
		s.log.Warn("table cannot be sent; trying again", zap.String("table", t.open.Table()), zap.Error(err))
		s.table = table{looked: t.looked, broken: t.open.Table()}
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	items := make([]outbox.Item, 0, len(rows))
	for _, r := range rows {
		if s.inFlight[r.Identity()] > 0 && s.n.transformers.Has(r.Table) {
			break // one change of such a row at a time: it is read again
		}
		items = append(items, outbox.Item{Row: r, OnlyMissing: true})
	}
	if len(items) == 0 && len(rows) > 0 {
		s.table = table{looked: t.looked}
		return nil, nil, nil
	}
	from := &stretch{table: true, open: len(items), rows: len(items), end: len(rows) < limit && len(items) == len(rows)}
	if len(items) > 0 {
		from.last = items[len(items)-1].Row
		t.open.After(from.last)
	}
	t.end = from.end
	t.stretches = append(t.stretches, from)
	return items, from, nil
}

// bookTable records how much of the table the remote has.
func (s *sender) bookTable(ctx context.Context) error {
	t := &s.table
	var done stretch
	for len(t.stretches) > 0 && t.stretches[0].open == 0 {
		next := t.stretches[0]
		t.stretches = t.stretches[1:]
		done.rows, done.last, done.end = done.rows+next.rows, next.last, next.end
	}
	if done.rows == 0 && !done.end {
		return nil
	}
	if err := t.open.Acked(ctx, done.rows, done.last, done.end); err != nil {
		return err
	}
	if done.end {
		s.table = table{}
	}
	return nil
}
