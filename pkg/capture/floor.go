package capture

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// What was recorded is deleted, but while anybody reads an old state, as a dump does, the
// server keeps it, and a look from the beginning passes over all of it: half a second for
// a million changes. So looks begin at the floor, an id below which nothing can come any
// more. Ids become visible out of order, and an id that was captured tells nothing of the
// lower ones; what is there and not yet committed does.
type floor struct {
	from   uint64    // looks begin here
	next   uint64    // the floor, when whoever had taken a lower id has written it
	marked time.Time // when next was found
	settle int       // how many marks it takes until no more can be gained
	due    time.Time // of the next look from the beginning
}

const (
	// markAfter is longer than it takes a trigger from its id to its row.
	markAfter = time.Second
	// wholeShare is how much of the time is not spent on looks from the beginning. They
	// find what has a lower id against all expectation: the server was restarted with
	// another clock or server_id, or has taken over from another.
	wholeShare = 100
)

func newFloor() floor { return floor{settle: 2} }

// start returns the id at which a look begins.
func (f *floor) start(now time.Time) uint64 {
	if !now.Before(f.due) {
		return 0
	}
	return f.from
}

// looked notes a look, and the lowest id that it found, 0 if none.
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

// mark moves the floor. counter is the next id, and lowest the first one from the floor on
// that is there, committed or not, 0 if none. What was found at the last mark holds if
// nothing has come below it since.
func (f *floor) mark(counter, lowest uint64, now time.Time) {
	at := counter
	if lowest != 0 {
		at = min(at, lowest)
	} else {
		f.settle--
	}
	f.from, f.next, f.marked = min(f.next, at), at, now
}

// selectFloor runs, each second in which something was captured, among what is not
// committed yet.
const selectFloor = `SELECT UUID_SHORT(), COALESCE((SELECT id FROM table_changes WHERE id >= ? ORDER BY id LIMIT 1), 0)`

// raise moves the floor if it is time. MySQL 5.7 counts ids in another way; see the migration.
func (c *Capture) raise(ctx context.Context) error {
	if !c.floor.wants(time.Now()) || strings.HasPrefix(c.db.Version, "5.") {
		return nil
	}
	tx, err := c.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadUncommitted, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("look for open changes: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it has written nothing
	var counter, lowest uint64
	if err := tx.QueryRowContext(ctx, selectFloor, c.floor.from).Scan(&counter, &lowest); err != nil {
		return fmt.Errorf("look for open changes: %w", err)
	}
	c.floor.mark(counter, lowest, time.Now())
	return nil
}
