package deliver

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// tables is a sender's place in the tables that it sends as a whole, to a remote that may lack some of their rows. What
// it has read of a table lies between the last recorded key and the last key read.
type tables struct {
	transfer  Transfer          // nil: none is being sent
	stretches []*stretch        // read but not acked, in order
	looked    time.Time         // when it last looked for tables to send
	apart     map[string]bool   // unreadable ones
	told      map[string]string // why they are
}

// tablesLook is how long tables to be sent may go unnoticed.
const tablesLook = time.Second

// nextOfTables returns rows of tables being sent as a whole.
func (s *Sender) nextOfTables(ctx context.Context) ([]outbox.Item, *stretch, error) {
	t := &s.tables
	if err := s.bookTables(ctx); err != nil {
		return nil, nil, err
	}
	if err := s.lookForTables(ctx); err != nil || t.transfer == nil {
		return nil, nil, err
	}
	pieces, err := t.transfer.Next(ctx, s.room())
	if render.Unreadable(err) {
		s.putApart(err)
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if len(pieces) == 0 {
		if len(t.stretches) == 0 {
			t.transfer = nil
		}
		return nil, nil, nil
	}
	var items []outbox.Item
	busy := false // a row is in flight, of which only one change may be
	for _, p := range pieces {
		for _, r := range p.Rows() {
			if busy = busy || s.flights.has(r) && s.c.Rows.Transforms(r.Table); !busy {
				items = append(items, outbox.Item{Row: r, OnlyMissing: true})
			}
		}
	}
	if busy {
		pieces = t.transfer.Cut(pieces, len(items))
	}
	from := &stretch{open: len(items), pieces: pieces}
	t.stretches = append(t.stretches, from)
	if len(items) > 0 {
		return items, from, nil
	}
	return nil, nil, s.bookTables(ctx)
}

// lookForTables notices tables to be sent, from time to time.
func (s *Sender) lookForTables(ctx context.Context) (err error) {
	t := &s.tables
	now := s.c.Now()
	if now.Sub(t.looked).Abs() < tablesLook {
		return nil
	}
	t.looked = now
	if t.transfer != nil {
		return t.transfer.Look(ctx)
	}
	t.transfer, err = s.c.Transfer(ctx, s.remote, t.apart)
	return err
}

// putApart lets the others go on without a table that cannot be read, and reports it, once per reason.
func (s *Sender) putApart(err error) {
	table, apart := s.tables.transfer.Apart()
	told, looked := s.tables.told, s.tables.looked
	if told == nil {
		told = map[string]string{}
	}
	if !s.tables.apart[table] {
		looked = time.Time{} // the others need not wait for the next check
		s.inbox.wake()
	}
	if told[table] != err.Error() {
		told[table] = err.Error()
		s.log.Warn("could not send a table; retrying", zap.String("table", table), zap.Error(err))
	}
	s.tables = tables{looked: looked, apart: apart, told: told}
}

// bookTables records how much of the tables the remote has.
func (s *Sender) bookTables(ctx context.Context) error {
	t := &s.tables
	var pieces []snapshot.Piece
	for len(t.stretches) > 0 && t.stretches[0].open == 0 {
		pieces = append(pieces, t.stretches[0].pieces...)
		t.stretches = t.stretches[1:]
	}
	if len(pieces) == 0 {
		return nil
	}
	return t.transfer.Acked(ctx, pieces)
}
