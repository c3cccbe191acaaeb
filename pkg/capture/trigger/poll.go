package trigger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// batchSize is the maximum number of changes that one transaction records.
const batchSize = 1000

// Next implements capture.Source: it polls when it is time.
func (s *Source) Next(ctx context.Context) (capture.Batch, error) {
	known, err := s.pace.wait(ctx, s.Interval)
	if err != nil {
		return nil, err
	}
	if s.anew.Swap(false) || !known {
		s.floor = newFloor() // another server may be answering now, or another table
	}
	if err := s.raise(ctx); err != nil {
		return nil, err
	}
	all, latest, more, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		s.pace.over(0, false)
		return nil, nil
	}
	doubtful, err := s.doubtful(ctx, all)
	if err != nil {
		return nil, err
	}
	return &batch{s: s, all: all, latest: latest, more: more, trusted: trusted(all, doubtful), doubtful: doubtful}, nil
}

// batch is what a poll has found.
type batch struct {
	s        *Source
	all      []capture.Entry
	latest   int64 // when the latest was written, in µs since 1970 by the server's clock
	more     bool  // there may be more
	trusted  []capture.Entry
	doubtful map[string]bool // tables whose entries are not trusted
}

func (b *batch) Entries() []capture.Entry { return b.trusted }

// Consume deletes all of the batch's entries, and none that were written after these were read: a server that is restarted
// within a second of its start assigns the same ids again.
func (b *batch) Consume(ctx context.Context, tx mysqldb.Tx, w *version.Writing, then ...mysqldb.Query) error {
	s := b.s
	ids := make([]uint64, len(b.all))
	for i, e := range b.all {
		ids[i] = e.ID
	}
	// As an expression, so that the server does not look for the date: it would read up to the next entry.
	var q mysqldb.Statement
	q.SQL(deleteChanges(ids) + ` AND ` + written + ` <= `)
	q.Int(b.latest)
	n, err := s.db.CountThen(ctx, tx, &q, then...)
	if err != nil {
		return fmt.Errorf("delete from table_changes: %w", err)
	}
	if n != int64(len(b.all)) {
		s.pace.over(len(b.all), true)
		return capture.ErrConsumed
	}
	w.After(func() {
		s.pace.over(len(b.all), b.more)
		for table := range b.doubtful {
			tellDisowned(s.log, table)
			s.lose(table)
		}
	})
	return nil
}

// read returns at most a batch, when its latest entry was written, and whether there may be more. It never goes by the last
// id seen: ids become visible out of order. Recorded entries are deleted, so the first rows from the floor on are new.
func (s *Source) read(ctx context.Context) (entries []capture.Entry, latest int64, more bool, err error) {
	began := time.Now()
	start := s.floor.start(began)
	var server int64
	err = mysqldb.Each(ctx, s.db, selectEntries+`WHERE id >= ? ORDER BY id LIMIT ?`, []any{start, batchSize + 1}, func(rows *sql.Rows) (err error) {
		var e capture.Entry
		server, err = scan(rows, &e)
		entries, latest = append(entries, e), max(latest, e.Written)
		return err
	})
	if err != nil {
		return nil, 0, false, fmt.Errorf("read table_changes: %w", err)
	}
	s.dated(entries, server, time.Now())
	for i := range entries {
		if s.floor.outOfOrder(entries[i].ID) {
			entries[i].Gone = sql.NullBool{} // the current row tells what became of it
		}
	}
	var lowest uint64
	if len(entries) > 0 {
		lowest = entries[0].ID
	}
	s.floor.looked(start, lowest, began, time.Now())
	return whole(entries), latest, len(entries) >= batchSize, nil
}

// whole cuts off what exceeds a batch, but keeps entries with the same id, which two servers of a cluster may assign,
// together: entries are deleted by id.
func whole(entries []capture.Entry) []capture.Entry {
	if len(entries) <= batchSize {
		return entries
	}
	end := len(entries) - 1
	for end > 0 && entries[end-1].ID == entries[len(entries)-1].ID {
		end--
	}
	if end == 0 {
		return entries
	}
	return entries[:end]
}
