package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Backlog is what a remote still needs of a table.
type Backlog struct {
	Table   string
	Pending int64 // including those that wait for another row
	Refused int64 // refused rows that wait to be retried
	Oldest  int64 // time of the oldest pending version, µs since 1970; 0: not known
}

// countStream counts rows of the stream by table. Only so many rows are looked at:
// without the index named, a server may sort them all first.
func (o *Outbox) countStream(remote string) string {
	return `SELECT table_name, COUNT(*), COALESCE(SUM(needed), 0), COALESCE(MIN(IF(needed, time, NULL)), 0) FROM (
	SELECT table_name, time, ` + o.needed(remote) + ` AS needed
	FROM sync_versions FORCE INDEX (stream) WHERE position > ? AND position <= ? ORDER BY position LIMIT ?) waiting GROUP BY table_name`
}

// countMarks counts rows by table that are marked for a remote and due: all of them
// are pending.
const countMarks = `SELECT table_name, COUNT(*), COUNT(*) FROM (SELECT table_name FROM sync_outbox
	WHERE remote = ? AND state = 'ready' LIMIT ?) marked GROUP BY table_name`

// countWaiting counts rows by table that wait to be retried, and those of them that may go through by themselves.
const countWaiting = `SELECT table_name, COUNT(*), COALESCE(SUM(soon), 0) FROM (SELECT table_name, soon FROM sync_outbox
	WHERE remote = ? AND state = 'waiting' LIMIT ?) marked GROUP BY table_name`

// oldestMarks reads when the first of the rows that countMarks counts were written.
const oldestMarks = `SELECT marked.table_name, MIN(v.time) FROM (SELECT table_name, row_id FROM sync_outbox
	WHERE remote = ? AND state = 'ready' ORDER BY position LIMIT 20) marked
	JOIN sync_versions v ON v.table_name = marked.table_name AND v.row_id = marked.row_id WHERE v.time > ? GROUP BY marked.table_name`

// oldestWaiting does so for those that may go through by themselves. It reads no more rows than countWaiting.
const oldestWaiting = `SELECT marked.table_name, MIN(v.time) FROM (SELECT table_name, row_id FROM (SELECT table_name, row_id, soon FROM sync_outbox
	WHERE remote = ? AND state = 'waiting' ORDER BY position LIMIT ?) waiting WHERE soon = 1 LIMIT 20) marked
	JOIN sync_versions v ON v.table_name = marked.table_name AND v.row_id = marked.row_id WHERE v.time > ? GROUP BY marked.table_name`

// Count counts what a remote needs: rows of the stream after a position and up to another, and rows marked for it. It
// reads at most limit rows of each, so that a long backlog does not cost a scan; if atLeast is set, there are more, and
// about is the server's estimate of all rows of the stream. Rows that are held back count if their table is due.
// Promise 10.
func (o *Outbox) Count(ctx context.Context, remote string, after, upTo int64, limit int, due func(table string) bool) (list []Backlog, about int64, atLeast bool, err error) {
	c := counting{remote: remote, limit: int64(limit), tables: map[string]*Backlog{}}
	if after < upTo {
		err = c.stream(ctx, o, after, upTo)
	}
	if err == nil && c.more {
		about, err = o.estimate(ctx, after, upTo)
	}
	if err == nil {
		err = c.held(ctx, o, after, due)
	}
	if err == nil {
		err = c.marks(ctx, o)
	}
	if err != nil {
		return nil, 0, false, fmt.Errorf("count what %s needs: %w", remote, err)
	}
	for _, b := range c.tables {
		list = append(list, *b)
	}
	return list, about, c.more, nil
}

// CountWaiting counts, by table, the rows that a remote refused and those that wait for others; Refused and Pending of
// the list. It reads at most limit rows; if atLeast is set, there are more.
func (o *Outbox) CountWaiting(ctx context.Context, remote string, limit int) (list []Backlog, atLeast bool, err error) {
	c := counting{remote: remote, limit: int64(limit), tables: map[string]*Backlog{}}
	_, looked, err := c.countMarked(ctx, o, countWaiting)
	if err != nil {
		return nil, false, fmt.Errorf("count what %s refused: %w", remote, err)
	}
	for _, b := range c.tables {
		list = append(list, *b)
	}
	return list, looked >= c.limit, nil
}

// ReasonOf returns why one of the rows of a table was refused; "" if sync_status does not say.
func (o *Outbox) ReasonOf(ctx context.Context, remote, table string) (string, error) {
	var list []Refused
	err := o.each(ctx, func(rows *sql.Rows) error {
		r := Refused{Row: change.Row{Table: table}}
		if err := rows.Scan(&r.Key); err != nil {
			return err
		}
		list = append(list, r)
		return nil
	}, `SELECT COALESCE(row_key, row_id) FROM sync_outbox WHERE remote = ? AND state = 'waiting' AND table_name = ? AND soon = 0 LIMIT 1`, remote, table)
	if err == nil && len(list) > 0 {
		err = o.statusOf(ctx, remote, list)
	}
	if err != nil {
		return "", fmt.Errorf("read why %s refused rows of %s: %w", remote, table, err)
	}
	if len(list) == 0 {
		return "", nil
	}
	return list[0].Status.Message, nil
}

type counting struct {
	remote string
	limit  int64
	tables map[string]*Backlog
	more   bool
}

func (c *counting) table(name string) *Backlog {
	b := c.tables[name]
	if b == nil {
		b = &Backlog{Table: name}
		c.tables[name] = b
	}
	return b
}

// stream counts rows of the stream.
func (c *counting) stream(ctx context.Context, o *Outbox, after, upTo int64) error {
	var looked int64
	err := o.each(ctx, func(rows *sql.Rows) error {
		var name string
		var all, needed, oldest int64
		if err := rows.Scan(&name, &all, &needed, &oldest); err != nil {
			return err
		}
		looked += all
		c.table(name).add(needed, oldest)
		return nil
	}, o.countStream(c.remote), after, upTo, c.limit)
	c.more = looked >= c.limit
	return err
}

// marks counts marked rows: those that are due, and those that wait.
func (c *counting) marks(ctx context.Context, o *Outbox) error {
	due, looked, err := c.countMarked(ctx, o, countMarks)
	c.more = c.more || looked >= c.limit
	if err == nil && due > 0 {
		err = c.oldest(ctx, o, oldestMarks, c.remote, change.Baseline)
	}
	if err != nil {
		return err
	}
	soon, looked, err := c.countMarked(ctx, o, countWaiting)
	c.more = c.more || soon > 0 && looked >= c.limit
	if err == nil && soon > 0 {
		err = c.oldest(ctx, o, oldestWaiting, c.remote, c.limit, change.Baseline)
	}
	return err
}

// countMarked adds the rows that a query counts, and returns how many of them are
// pending, and how many there are.
func (c *counting) countMarked(ctx context.Context, o *Outbox, query string) (pending, looked int64, err error) {
	err = o.each(ctx, func(rows *sql.Rows) error {
		var name string
		var n, soon int64
		if err := rows.Scan(&name, &n, &soon); err != nil {
			return err
		}
		looked += n
		pending += soon
		c.table(name).Pending += soon
		c.table(name).Refused += n - soon
		return nil
	}, query, c.remote, c.limit)
	return pending, looked, err
}

// oldest adds the times that a query reads.
func (c *counting) oldest(ctx context.Context, o *Outbox, query string, args ...any) error {
	return o.each(ctx, func(rows *sql.Rows) error {
		var name string
		var at int64
		if err := rows.Scan(&name, &at); err != nil {
			return err
		}
		c.table(name).add(0, at)
		return nil
	}, query, args...)
}

// add adds pending rows, the oldest of which was written at a time.
func (b *Backlog) add(rows, oldest int64) {
	b.Pending += rows
	if oldest > change.Baseline && (b.Oldest == 0 || oldest < b.Oldest) {
		b.Oldest = oldest
	}
}

// each calls f with each row of a query's result.
func (o *Outbox) each(ctx context.Context, f func(*sql.Rows) error, query string, args ...any) error {
	return mysqldb.Each(ctx, o.db, query, args, f)
}

// estimate returns how many rows of the stream lie between two positions, as estimated by the server from the index.
func (o *Outbox) estimate(ctx context.Context, after, upTo int64) (about int64, err error) {
	err = o.each(ctx, func(rows *sql.Rows) error {
		names, err := rows.Columns()
		if err != nil {
			return err
		}
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, name := range names {
			if strings.EqualFold(name, "rows") && values[i].Valid {
				_, err = fmt.Sscan(values[i].String, &about)
			}
		}
		return err
	}, `EXPLAIN FORMAT=TRADITIONAL SELECT position FROM sync_versions FORCE INDEX (stream) WHERE position > ? AND position <= ?`, after, upTo)
	return about, err
}

// Refused is a row that a remote refused, or that a transformer failed on.
type Refused struct {
	change.Row
	ID        string // as sync_status shows it
	Attempts  int
	Temporary bool  // as of Failure
	RetryAt   int64 // ms since 1970
	Status    Shown
}

// Shown is what sync_status says about a row; it is empty if that has no such row.
type Shown struct {
	Message string
	Date    string // UTC
}

// Refused returns rows that a remote refused, latest first, at most limit. An empty table or id matches any; an id
// needs a table.
func (o *Outbox) Refused(ctx context.Context, remote, table, rowID string, limit int) ([]Refused, error) {
	query, args := `SELECT table_name, COALESCE(row_key, row_id), attempts, retry_at, soon FROM sync_outbox WHERE remote = ? AND state = 'waiting'`, []any{remote}
	query, args = narrow(query, args, table, rowID)
	var list []Refused
	err := o.each(ctx, func(rows *sql.Rows) error {
		var r Refused
		if err := rows.Scan(&r.Table, &r.Key, &r.Attempts, &r.RetryAt, &r.Temporary); err != nil {
			return err
		}
		list = append(list, r)
		return nil
	}, query+` ORDER BY position DESC LIMIT ?`, append(args, limit)...)
	if err == nil && len(list) > 0 {
		err = o.statusOf(ctx, remote, list)
	}
	if err != nil {
		return nil, fmt.Errorf("read rows that %s refused: %w", remote, err)
	}
	return list, nil
}

// RetryNow makes rows that a remote refused ready, and returns how many. An empty table or id matches any; an id needs
// a table.
func (o *Outbox) RetryNow(ctx context.Context, remote, table, rowID string) (int64, error) {
	query, args := narrow(`UPDATE sync_outbox SET state = 'ready' WHERE remote = ? AND state = 'waiting'`, []any{remote}, table, rowID)
	res, err := o.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("retry rows of %s: %w", remote, err)
	}
	return res.RowsAffected()
}

func narrow(query string, args []any, table, rowID string) (string, []any) {
	if table != "" {
		query, args = query+` AND table_name = ?`, append(args, table)
	}
	if rowID != "" {
		query, args = query+` AND row_id = ?`, append(args, []byte(rowID))
	}
	return query, args
}

// statusOf fills in what sync_status says.
func (o *Outbox) statusOf(ctx context.Context, remote string, list []Refused) error {
	at := map[string]*Refused{}
	var ids []any
	for i := range list {
		r := &list[i]
		id := o.namer.ID(ctx, r.Row)
		r.ID = id
		status := StatusID(r.Table, id, remote)
		at[status] = r
		ids = append(ids, status)
	}
	return o.each(ctx, func(rows *sql.Rows) error {
		var id string
		var s Shown
		if err := rows.Scan(&id, &s.Message, &s.Date); err != nil {
			return err
		}
		if r := at[id]; r != nil {
			r.Status = s
		}
		return nil
	}, `SELECT id, COALESCE(message, ''), DATE_FORMAT(date, '%Y-%m-%d %H:%i:%s') FROM sync_status WHERE id IN (`+mysqldb.List(len(ids))+`)`, ids...)
}
