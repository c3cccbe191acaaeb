package trigger

import (
	"cmp"
	"context"
	"database/sql"
	"iter"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Ask implements capture.Source. A trigger records a write in the writer's transaction, so whoever gets the row's lock sees
// the entry.
func (s *Source) Ask(table string, keys iter.Seq[string]) capture.Question {
	return &question{source: s, table: table, keys: keys}
}

// question asks which entries name some rows.
type question struct {
	source  *Source
	table   string
	keys    iter.Seq[string]
	entries []capture.Entry
	server  int64 // the time, by the entries' clock, when they were read
}

// AddTo implements capture.Question.
func (u *question) AddTo(q *mysqldb.Statement) {
	q.SQL(selectEntries + "WHERE table_name = ")
	q.Text([]byte(u.table))
	var key []byte
	none, between := " AND FALSE", " AND primary_key IN ("
	for k := range u.keys {
		key = append(key[:0], k...)
		q.SQL(between)
		q.Bytes(key)
		none, between = ")", ","
	}
	q.SQL(none)
}

// Scan implements capture.Question.
func (u *question) Scan(rows *sql.Rows) (err error) {
	var e capture.Entry
	u.server, err = scan(rows, &e)
	u.entries = append(u.entries, e)
	return err
}

// Answer implements capture.Question.
func (u *question) Answer(context.Context) ([]capture.Entry, error) {
	u.source.dated(u.entries, u.server, time.Now())
	slices.SortFunc(u.entries, func(a, b capture.Entry) int { return cmp.Compare(a.ID, b.ID) })
	return u.entries, nil
}

// written is the SQL expression for when an entry was written, in µs since 1970.
const written = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', date)`

// selectEntries starts every query for entries.
const selectEntries = `SELECT id, table_name, primary_key, ` + written + `, gone, detail,
	TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) FROM table_changes `

// serverBits is the position of the server's number in its ids; see UUID_SHORT() in the MySQL manual. Within one run of a
// server, a row's ids ascend in the order of its changes: a trigger takes its id while its session holds the row's lock.
const serverBits = 56

// scan reads an entry, and the current time of the same clock.
func scan(rows *sql.Rows, e *capture.Entry) (server int64, err error) {
	var detail sql.RawBytes
	err = rows.Scan(&e.ID, &e.Row.Table, &e.Row.Key, &e.Written, &e.Gone, &detail, &server)
	e.Changed, e.Counted = capture.ParseDetail(detail)
	e.Server = uint8(e.ID >> serverBits)
	return server, err
}

// dated converts the times of entries to the node's clock, and credits what they counted. Take now after the server has read its clock, so that a clock
// shared by both does not seem ahead.
func (s *Source) dated(entries []capture.Entry, server int64, now time.Time) {
	last := int64(0)
	for i := range entries {
		if len(entries[i].Counted) > 0 {
			last = max(last, entries[i].Written)
		}
	}
	if s.Credited != nil && last > 0 {
		s.Credited(last) // so that this is recorded once, for all
	}
	for i := range entries {
		e := &entries[i]
		origin := ""
		if s.Credited != nil && len(e.Counted) > 0 {
			origin = s.Credited(e.Written)
		}
		e.Written = conflict.Written(e.Written, server, change.Micros(now))
		for k := range e.Counted {
			e.Counted[k].At, e.Counted[k].Origin = e.Written, origin
		}
	}
}
