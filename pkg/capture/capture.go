package capture

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Config says which writes to capture, and whom to tell.
type Config struct {
	Origin string            // of all local writes
	Syncs  func(string) bool // whether a table is in syncTables
	// Counters returns a table's counters; nil: no table has any.
	Counters func(table string) []string
	OnNews   func() // called after a commit of rows that remotes need; must not block
	// Recorded is called after a commit with the last position assigned, 0 if none; it must not block.
	Recorded func(position int64)
	// Respelled handles, in the transaction and before rows are recorded, those that had another spelling; before has what
	// is known of these.
	Respelled func(ctx context.Context, tx mysqldb.Tx, before, rows []change.Row) error
	// Record writes versions, in the transaction; nil: version.Write.
	Record func(ctx context.Context, tx mysqldb.Tx, w *version.Writing, entries []version.Entry) error
	// Ahead returns what will be asked next of a row that was written alone, once it is recorded; nil: nothing is.
	Ahead func(ctx context.Context, e version.Entry) (q mysqldb.Query, ok bool)
	// Identify gives rows the IDs that all their spellings share.
	Identify func(ctx context.Context, rows []change.Row) error
}

// Capture moves writes from their Source to the stream.
type Capture struct {
	Config
	log     *zap.Logger
	db      Database
	source  Feed
	written written
	trouble atomic.Pointer[trouble] // nil: the last poll succeeded
}

// trouble is why polls fail, and since when.
type trouble struct {
	since time.Time
	err   error
}

// troubleAfter is how long polls must fail for it to be more than a hiccup.
const troubleAfter = 10 * time.Second

// Failing returns why local writes are not recorded, or nil if they are. It may be called from any goroutine.
func (c *Capture) Failing(now time.Time) error {
	if t := c.trouble.Load(); t != nil && now.Sub(t.since) >= troubleAfter {
		return t.err
	}
	return nil
}

// New returns a Capture; Run does its work.
func New(log *zap.Logger, db mysqldb.Beginner, source Feed, s *version.Stream, c Config) *Capture {
	return On(log, &server{db, s, c.Respelled, c.Record, c.Ahead}, source, c)
}

// On returns a Capture that records in a Database other than a server's.
func On(log *zap.Logger, db Database, source Feed, c Config) *Capture {
	return &Capture{Config: c, log: log, db: db, source: source}
}

// Run records what the source yields until ctx ends. Errors are logged and retried, with pauses of at most 10 s: writes
// that are not recorded stay in the source.
func (c *Capture) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		var since time.Time
		for next := range pause.Doubling(ctx, 100*time.Millisecond, 10*time.Second) {
			err := c.Once(ctx)
			if err == nil || ctx.Err() != nil {
				c.trouble.Store(nil)
				break
			}
			if since.IsZero() {
				since = time.Now()
			}
			c.trouble.Store(&trouble{since, err})
			c.log.Warn("could not read changes; retrying", zap.Duration("next", next), zap.Error(err))
		}
	}
	return nil
}

// Once records the next batch, if there is one.
func (c *Capture) Once(ctx context.Context) error {
	batch, err := c.source.Next(ctx)
	if err != nil || batch == nil {
		return err
	}
	entries := batch.Entries()
	if err := c.identify(ctx, entries); err != nil {
		return err
	}
	rows, last := Newest(entries)
	var synced []change.Row
	for _, r := range rows {
		if c.Syncs(r.Table) {
			synced = append(synced, r)
		}
	}
	var end int64
	err = c.db.Write(ctx, rows, func(tx Tx, w *version.Writing) error {
		if err := tx.Consume(ctx, batch, w, synced); err != nil {
			return err
		}
		err := c.record(ctx, tx, w, entries, synced, last)
		end = w.Last()
		return err
	})
	if errors.Is(err, ErrConsumed) {
		return nil // the rest is yielded again
	}
	if err != nil {
		return fmt.Errorf("record changes: %w", err)
	}
	if c.Recorded != nil {
		c.Recorded(end)
	}
	if c.OnNews != nil {
		c.OnNews()
	}
	return nil
}

// identify gives all spellings of a row that row's ID.
func (c *Capture) identify(ctx context.Context, entries []Entry) error {
	if c.Identify == nil {
		return nil
	}
	rows := make([]change.Row, len(entries))
	for i, e := range entries {
		rows[i] = e.Row
	}
	err := c.Identify(ctx, rows)
	for i, r := range rows {
		entries[i].Row = r
	}
	return err
}

// record gives the synced rows of a batch new versions at the end of the stream, in the transaction that consumes it. Promise 1.
func (c *Capture) record(ctx context.Context, tx Tx, writing *version.Writing, entries []Entry, synced []change.Row, last map[change.Row]Entry) error {
	states, err := tx.States(ctx, synced)
	if err != nil {
		return err
	}
	next := Versions(synced, last, states, c.Origin, writing.Positions(len(synced)), c.Counters)
	for i := range next {
		c.written.note(next[i].Row, next[i].Version.Time) // before anyone else can know it
	}
	var before []change.Row
	for _, e := range entries {
		if e.Row.Key != last[e.Row.Identity()].Row.Key && c.Syncs(e.Row.Table) {
			before = append(before, e.Row)
		}
	}
	if err := tx.Respelled(ctx, before, synced); err != nil {
		return err
	}
	if err := tx.Record(ctx, writing, next); err != nil {
		return err
	}
	if len(before) == 0 {
		writing.Wrote(next)
	}
	return nil
}
