package capture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// batchSize is the most changes that one transaction records.
const batchSize = 1000

// Config says whose changes are captured.
type Config struct {
	Origin   string            // of all local writes
	Syncs    func(string) bool // whether a table is in syncTables
	Interval time.Duration     // between two looks when there is nothing to do
	OnNews   func()            // called after a commit of rows that remotes need; must not block
	// Recorded is called after a commit with the last position that it gave, 0 if none; it
	// must not block.
	Recorded func(position int64)
	// Disowned is called after what was deleted in another table that a table's triggers
	// stand on was left out; it must not block. It may be nil.
	Disowned func(table string)
	// Respelled is told in the transaction of rows that have another spelling now.
	Respelled func(ctx context.Context, tx mysqldb.Tx, before []change.Row) error
	// Identify gives rows the IDs that all their spellings have in common.
	Identify func(ctx context.Context, rows []change.Row) error
}

// Capture moves changes from table_changes to the stream.
type Capture struct {
	Config
	log     *zap.Logger
	db      *mysqldb.DB
	stream  *version.Stream
	floor   floor
	written written
}

// New returns a Capture; Run does its work.
func New(log *zap.Logger, db *mysqldb.DB, s *version.Stream, c Config) *Capture {
	return &Capture{Config: c, log: log, db: db, stream: s, floor: newFloor()}
}

// A look that takes long, since the server has much to do, is not followed by the
// next so soon: capture is at work for a share of the time of one session, and the
// users' writes come first. Promise 7. What has gathered meanwhile is recorded at
// once, which is cheaper. A backlog is worked off without pauses.
const (
	share       = 5 // at most one part of so many
	longestRest = 100 * time.Millisecond
)

// rest returns the pause after a look that found no backlog.
func (c *Capture) rest(took time.Duration) time.Duration {
	return max(c.Interval, min((share-1)*took, longestRest))
}

// Run polls until ctx ends. It does not wait between two looks while there is
// more to do. Errors of the database are logged and tried again, with pauses of
// at most 10 s: what is not recorded stays in table_changes.
func (c *Capture) Run(ctx context.Context) error {
	pause := c.Interval
	for {
		began := time.Now()
		n, err := c.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			c.floor = newFloor() // it may be another server that answers next
			pause = min(max(2*pause, 100*time.Millisecond), 10*time.Second)
			c.log.Warn("could not read changes; retrying", zap.Duration("next", pause), zap.Error(err))
		case n == batchSize:
			pause = 0
		default:
			pause = c.rest(time.Since(began))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// entry is a row of table_changes.
type entry struct {
	id      uint64
	row     change.Row
	written int64 // µs since 1970
	gone    sql.NullBool
	mixed   bool // its row has entries of several servers
}

// fate is what became of the row.
func (e entry) fate() version.Fate {
	switch {
	case !e.gone.Valid:
		return version.Unknown
	case e.gone.Bool:
		return version.Deleted
	}
	return version.There
}

// selectChanges is the poll. It never goes by the last id seen: ids become
// visible out of order. What is recorded is deleted, so the first rows from the floor on
// are new.
const selectChanges = `SELECT id, table_name, primary_key, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', date), gone,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) FROM table_changes WHERE id >= ? ORDER BY id LIMIT ?`

// errConsumed says that apply took some of the changes meanwhile.
var errConsumed = fmt.Errorf("changes were taken by apply: %w", version.ErrNothing)

// once records one batch and returns the number of changes in it.
func (c *Capture) once(ctx context.Context) (int, error) {
	if err := c.raise(ctx); err != nil {
		return 0, err
	}
	all, err := c.read(ctx)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	doubtful, err := c.doubtful(ctx, all)
	if err != nil {
		return 0, err
	}
	entries := trusted(all, doubtful)
	if err := c.identify(ctx, entries); err != nil {
		return 0, err
	}
	rows, last := newest(entries)
	var end int64
	err = c.stream.Write(ctx, c.db, rows, func(tx mysqldb.Tx, w *version.Writing) error {
		err := c.record(ctx, tx, w, all, entries, rows, last)
		end = w.Last()
		return err
	})
	if errors.Is(err, errConsumed) {
		return batchSize, nil // look again at once
	}
	if err != nil {
		return 0, fmt.Errorf("record changes: %w", err)
	}
	for table := range doubtful {
		tellDisowned(c.log, table)
		if c.Disowned != nil {
			c.Disowned(table)
		}
	}
	if c.Recorded != nil {
		c.Recorded(end)
	}
	if c.OnNews != nil {
		c.OnNews()
	}
	return len(all), nil
}

func (c *Capture) read(ctx context.Context) ([]entry, error) {
	began := time.Now()
	start := c.floor.start(began)
	rows, err := c.db.QueryContext(ctx, selectChanges, start, batchSize+1)
	if err != nil {
		return nil, fmt.Errorf("read table_changes: %w", err)
	}
	defer rows.Close()
	now := time.Now() // after the server has read its clock: one that both share is not ahead
	var entries []entry
	for rows.Next() {
		var e entry
		var server int64
		if err := rows.Scan(&e.id, &e.row.Table, &e.row.Key, &e.written, &e.gone, &server); err != nil {
			return nil, fmt.Errorf("read table_changes: %w", err)
		}
		e.written = conflict.Written(e.written, server, change.Micros(now))
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read table_changes: %w", err)
	}
	var lowest uint64
	if len(entries) > 0 {
		lowest = entries[0].id
	}
	c.floor.looked(start, lowest, began, time.Now())
	return batch(entries), nil
}

// batch leaves out what is more than a batch, and does not part entries with one id, as two
// servers of a cluster may give: they are deleted by their ids.
func batch(entries []entry) []entry {
	if len(entries) <= batchSize {
		return entries
	}
	end := len(entries) - 1
	for end > 0 && entries[end-1].id == entries[len(entries)-1].id {
		end--
	}
	if end == 0 {
		return entries
	}
	return entries[:end]
}

// identify has all spellings of a row count as that row.
func (c *Capture) identify(ctx context.Context, entries []entry) error {
	if c.Identify == nil {
		return nil
	}
	rows := make([]change.Row, len(entries))
	for i, e := range entries {
		rows[i] = e.row
	}
	err := c.Identify(ctx, rows)
	for i, r := range rows {
		entries[i].row = r
	}
	return err
}

// serverBits is how far the number of the server stands above in its ids; see UUID_SHORT() in
// the MySQL manual.
const serverBits = 56

// newest returns the rows that the entries name, in the order of their first entry, and
// each one's last entry with the time of its latest write. Of one row the ids ascend as
// it was changed, where one server gave them: a trigger takes its id while its session holds
// the row. Where members of a cluster wrote a row, nobody knows by the ids which was last:
// then the row as it is tells what became of it.
func newest(entries []entry) ([]change.Row, map[change.Row]entry) {
	last := make(map[change.Row]entry, len(entries))
	rows := make([]change.Row, 0, len(entries))
	for _, e := range entries {
		row := e.row.Identity()
		before, ok := last[row]
		if !ok {
			rows = append(rows, row)
		}
		e.written = max(before.written, e.written)
		if e.mixed = ok && (before.mixed || before.id>>serverBits != e.id>>serverBits); e.mixed && before.gone != e.gone {
			e.gone = sql.NullBool{}
		}
		last[row] = e
	}
	for i, row := range rows {
		rows[i] = last[row].row // in its last spelling
	}
	return rows, last
}

// record deletes all entries of a batch and gives the rows of those that are trusted new
// versions at the end of the stream, in one transaction. Promise 1.
func (c *Capture) record(ctx context.Context, tx mysqldb.Tx, writing *version.Writing, all, entries []entry, rows []change.Row, last map[change.Row]entry) error {
	ids := make([]uint64, len(all))
	for i, e := range all {
		ids[i] = e.id
	}
	res, err := tx.ExecContext(ctx, schema.DeleteChanges(ids))
	if err != nil {
		return fmt.Errorf("delete from table_changes: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != int64(len(all)) {
		return errors.Join(err, errConsumed)
	}
	var synced []change.Row
	for _, r := range rows {
		if c.Syncs(r.Table) {
			synced = append(synced, r)
		}
	}
	states, err := version.Read(ctx, tx, synced)
	if err != nil {
		return err
	}
	next := make([]version.Entry, len(synced))
	position := writing.Positions(len(synced))
	for i, r := range synced {
		e := last[r.Identity()]
		next[i] = version.Entry{Row: r, State: conflict.Next(states[r], e.written, c.Origin), Fate: e.fate(), Position: position + int64(i)}
		c.written.note(r, next[i].State.Version.Time) // before it can be known anywhere else
	}
	if err := version.Write(ctx, tx, next); err != nil || c.Respelled == nil {
		return err
	}
	var before []change.Row
	for _, e := range entries {
		if e.row.Key != last[e.row.Identity()].row.Key && c.Syncs(e.row.Table) {
			before = append(before, e.row)
		}
	}
	return c.Respelled(ctx, tx, before)
}
