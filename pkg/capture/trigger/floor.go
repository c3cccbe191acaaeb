package trigger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Recorded entries are deleted, but while anyone reads an old snapshot, as a dump does, the server keeps them, and a
// poll from the beginning scans them all: half a second for a million changes. So polls begin at the floor, an id below
// which nothing can appear any more. Ids become visible out of order, so a captured id says nothing about lower ones, but
// a look at uncommitted entries does.
type floor struct {
	from   uint64    // polls begin here
	next   uint64    // the next floor, once everyone who took a lower id has written it
	marked time.Time // when next was determined
	settle int       // how many more marks may raise the floor
	due    time.Time // of the next poll from the beginning
	// counter is the server's UUID_SHORT() as of the last mark; 0 if unknown.
	counter uint64
}

const (
	// markAfter is longer than a trigger takes from its id to its row.
	markAfter = time.Second
	// wholeShare bounds the polls from the beginning to one part in this many of the time. They find entries with
	// unexpectedly low ids: the server was restarted with another clock or server_id, or has taken over from another one.
	wholeShare = 100
)

func newFloor() floor { return floor{settle: 2} }

// start returns the id at which a poll begins.
func (f *floor) start(now time.Time) uint64 {
	if !now.Before(f.due) {
		return 0
	}
	return f.from
}

// looked records a poll, and the lowest id that it found, 0 if none.
func (f *floor) looked(start, lowest uint64, began, ended time.Time) {
	if start == 0 {
		f.due = ended.Add(wholeShare * ended.Sub(began))
	}
	if lowest == 0 {
		return
	}
	f.settle = 2
	if lowest < f.from {
		f.from, f.next = 0, 0 // ids do not ascend here
	}
}

// wants reports whether it is time for a mark.
func (f *floor) wants(now time.Time) bool {
	return f.settle > 0 && now.Sub(f.marked) >= markAfter
}

// mark moves the floor. counter is the next id, and lowest the lowest existing one from the floor on, committed or not, 0
// if none. The last mark's result becomes the floor unless something lower has appeared since.
func (f *floor) mark(counter, lowest uint64, now time.Time) {
	at := counter
	if lowest != 0 {
		at = min(at, lowest)
	} else {
		f.settle--
	}
	f.from, f.next, f.marked, f.counter = min(f.next, at), at, now, counter
}

// startBits is the position of the server's start time in its ids, in seconds; see UUID_SHORT() in the MySQL manual.
const startBits = 24

// outOfOrder reports whether an id was assigned before the server was restarted with an earlier clock, as on a gateway
// without a battery: changes made since then have lower ids.
func (f *floor) outOfOrder(id uint64) bool {
	return f.counter != 0 && id>>serverBits == f.counter>>serverBits && id>>startBits > f.counter>>startBits
}

// selectFloor runs, each second in which something was captured, reading uncommitted data.
const selectFloor = `SELECT UUID_SHORT(), COALESCE((SELECT id FROM table_changes WHERE id >= ? ORDER BY id LIMIT 1), 0)`

// raise moves the floor if it is time. MySQL 5.7 assigns ids differently; see migration 14.
func (s *Source) raise(ctx context.Context) error {
	if !s.floor.wants(time.Now()) || strings.HasPrefix(s.db.Version, "5.") {
		return nil
	}
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadUncommitted, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("look for open changes: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it wrote nothing
	var counter, lowest uint64
	if err := tx.QueryRowContext(ctx, selectFloor, s.floor.from).Scan(&counter, &lowest); err != nil {
		return fmt.Errorf("look for open changes: %w", err)
	}
	s.floor.mark(counter, lowest, time.Now())
	return nil
}
