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

// Entry is a row of table_changes.
type Entry struct {
	ID      uint64
	Row     change.Row
	Written int64        // µs since 1970
	Gone    sql.NullBool // whether the row was taken away, if the trigger knew
	mixed   bool         // its row has entries of several servers
}

// fate is what became of the row.
func (e Entry) fate() version.Fate {
	switch {
	case !e.Gone.Valid:
		return version.Unknown
	case e.Gone.Bool:
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
	rows, last := Newest(entries)
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

func (c *Capture) read(ctx context.Context) ([]Entry, error) {
	began := time.Now()
	start := c.floor.start(began)
	rows, err := c.db.QueryContext(ctx, selectChanges, start, batchSize+1)
	if err != nil {
		return nil, fmt.Errorf("read table_changes: %w", err)
	}
	defer rows.Close()
	now := time.Now() // after the server has read its clock: one that both share is not ahead
	var entries []Entry
	for rows.Next() {
		var e Entry
		var server int64
		if err := rows.Scan(&e.ID, &e.Row.Table, &e.Row.Key, &e.Written, &e.Gone, &server); err != nil {
			return nil, fmt.Errorf("read table_changes: %w", err)
		}
		e.Written = conflict.Written(e.Written, server, change.Micros(now))
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read table_changes: %w", err)
	}
	var lowest uint64
	if len(entries) > 0 {
		lowest = entries[0].ID
	}
	c.floor.looked(start, lowest, began, time.Now())
	return batch(entries), nil
}

// batch leaves out what is more than a batch, and does not part entries with one id, as two
// servers of a cluster may give: they are deleted by their ids.
func batch(entries []Entry) []Entry {
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

// identify has all spellings of a row count as that row.
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

// serverBits is how far the number of the server stands above in its ids; see UUID_SHORT() in
// the MySQL manual.
const serverBits = 56

// Newest returns the rows that the entries name, in the order of their first entry, and
// each one's last entry with the time of its latest write. Of one row the ids ascend as
// it was changed, where one server gave them: a trigger takes its id while its session holds
// the row. Where members of a cluster wrote a row, nobody knows by the ids which was last:
// then the row as it is tells what became of it.
func Newest(entries []Entry) ([]change.Row, map[change.Row]Entry) {
	last := make(map[change.Row]Entry, len(entries))
	rows := make([]change.Row, 0, len(entries))
	for _, e := range entries {
		row := e.Row.Identity()
		before, ok := last[row]
		if !ok {
			rows = append(rows, row)
		}
		e.Written = max(before.Written, e.Written)
		if e.mixed = ok && (before.mixed || before.ID>>serverBits != e.ID>>serverBits); e.mixed && before.Gone != e.Gone {
			e.Gone = sql.NullBool{}
		}
		last[row] = e
	}
	for i, row := range rows {
		rows[i] = last[row].Row // in its last spelling
	}
	return rows, last
}

// Versions returns what is recorded of rows for the last entry of each, as Newest has it, at positions from the first on: an origin
// has written them.
func Versions(rows []change.Row, last map[change.Row]Entry, states map[change.Row]change.State, origin string, first int64) []version.Entry {
	list := make([]version.Entry, len(rows))
	for i, r := range rows {
		e := last[r.Identity()]
		list[i] = version.Entry{Row: r, State: conflict.Next(states[r], e.Written, origin), Fate: e.fate(), Position: first + int64(i)}
	}
	return list
}

// record deletes all entries of a batch and gives the rows of those that are trusted new
// versions at the end of the stream, in one transaction. Promise 1.
func (c *Capture) record(ctx context.Context, tx mysqldb.Tx, writing *version.Writing, all, entries []Entry, rows []change.Row, last map[change.Row]Entry) error {
	ids := make([]uint64, len(all))
	for i, e := range all {
		ids[i] = e.ID
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
	next := Versions(synced, last, states, c.Origin, writing.Positions(len(synced)))
	for i := range next {
		c.written.note(next[i].Row, next[i].Version.Time) // before it can be known anywhere else
	}
	if err := version.Write(ctx, tx, next); err != nil || c.Respelled == nil {
		return err
	}
	var before []change.Row
	for _, e := range entries {
		if e.Row.Key != last[e.Row.Identity()].Row.Key && c.Syncs(e.Row.Table) {
			before = append(before, e.Row)
		}
	}
	return c.Respelled(ctx, tx, before)
}
