// Package version keeps the state of each row in the table sync_versions: its version, what that version has seen, and
// whether the row is deleted.
//
// It keeps its part of promises 2 and 3: a version is written in the transaction that writes the row or records the
// change. Package conflict decides between versions.
package version

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// maxSeen bounds how many clients a stored vector names; the oldest are dropped first. Forgetting a write this way can
// only cause a false conflict.
const maxSeen = 64

// Entry is a row of sync_versions.
type Entry struct {
	change.Row
	change.State
	Fate Fate
	// Position is a new position in the stream. 0 leaves the row where it is: remotes that need it still do, and no one
	// needs a row that was not in the stream.
	Position int64
	From     string // the client that the version came from, if it changed; empty: made here
	// Token is that of the last word about whether this node has the row, negative if it has not; 0 keeps the stored one.
	Token int64
	// Label says by which values the row is routed; 0 keeps the stored one.
	Label uint32
}

// Read returns the states of rows, which may be of several tables; rows never seen are missing from the result.
func Read(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]change.State, error) {
	to := newStates(len(rows))
	if err := each(ctx, db, stateColumns, rows, to.add, to.into()...); err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	return to.states, nil
}

// Ask returns the query with which Read finds the states of at least one row, and what has each resulting row scanned into states,
// for callers with other queries to send with it. It is made for at most AskMost rows.
func Ask(rows []change.Row) (q *mysqldb.Statement, scan func(*sql.Rows) error, states map[change.Row]change.State) {
	to := newStates(len(rows))
	q, scan = ask(stateColumns, sortByID(rows), to.add, to.into()...)
	return q, scan, to.states
}

// AskMost is of how many rows it is worth asking with another query: a round trip is not what more of them cost.
const AskMost = 20

const stateColumns = "time, origin, seen, made, counts"

// states are read from a query's rows.
type states struct {
	states             map[change.Row]change.State
	last               change.State
	seen, made, counts sql.RawBytes
}

func newStates(n int) *states { return &states{states: make(map[change.Row]change.State, n)} }

// into is where stateColumns go.
func (s *states) into() []any {
	return []any{&s.last.Version.Time, &s.last.Version.Origin, &s.seen, &s.made, &s.counts}
}

// add has rows, all spellings of one, be in the last state that was read.
func (s *states) add(of []change.Row) error {
	if err := decode(&s.last, s.seen, s.made, s.counts); err != nil {
		return err
	}
	for _, r := range of {
		s.states[r] = s.last
	}
	return nil
}

// Write stores the states of rows, which may be of several tables.
func Write(ctx context.Context, db mysqldb.Execer, entries []Entry) error {
	return WriteAlike(ctx, db, "", entries)
}

// WriteAlike is Write for entries that may be those of a table's first transfer, of which many differ in nothing but their row: a server
// that has a VALUES statement is told what they share only once. rowValue is how its rows begin; see mysqldb.DB.RowValue.
func WriteAlike(ctx context.Context, db mysqldb.Execer, rowValue string, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	w := widthOf(entries)
	var q mysqldb.Statement
	q.SQL("INSERT INTO sync_versions (table_name, row_id, time, origin, deleted, position" + w.columns() + ") ")
	if rowValue != "" && alike(entries, w) {
		addAlike(&q, rowValue, entries, w)
	} else {
		addEach(&q, entries, w)
	}
	// The assignments take effect in order: came_from depends on the values before them.
	q.SQL(` ON DUPLICATE KEY UPDATE came_from = IF(VALUES(position) = 0 AND (position > 0 OR time = VALUES(time) AND origin = VALUES(origin)), came_from, ` + w.cameFrom() + `),
		time = VALUES(time), origin = VALUES(origin), deleted = VALUES(deleted), position = IF(VALUES(position) = 0, position, VALUES(position)),
		touched = 1 - touched` + w.update())
	return mysqldb.Along(ctx, db, "write versions", &q)
}

// addEach appends entries as values, each with all of its own.
func addEach(q *mysqldb.Statement, entries []Entry, w width) {
	q.Grow(160 * len(entries))
	var b []byte
	text := func(s string) []byte { b = append(b[:0], s...); return b }
	between := "VALUES ("
	for i := range entries {
		e := &entries[i]
		id := e.ID()
		q.SQL(between)
		between = "),("
		q.Text(text(e.Table))
		q.SQL(",")
		q.Bytes(text(id))
		q.SQL(",")
		q.Int(e.Version.Time)
		q.SQL(",")
		q.Text(text(e.Version.Origin))
		q.SQL(",")
		q.Int(int64(e.Fate))
		q.SQL(",")
		q.Int(e.Position)
		if w.from {
			q.SQL(",")
			q.Text(text(e.From))
		}
		if w.seen {
			q.SQL(",")
			b = appendSeen(b[:0], e.Seen)
			q.Bytes(b)
		}
		if w.made {
			q.SQL(",")
			if e.Made == nil {
				q.Null()
			} else {
				q.Bytes(e.Made.Text())
			}
		}
		if w.counts {
			q.SQL(",")
			if len(e.Counts) == 0 {
				q.Null()
			} else {
				q.Bytes(e.Counts.Text())
			}
		}
		if w.keys {
			q.SQL(",")
			if id == e.Key {
				q.Null()
			} else {
				q.Bytes(text(e.Key))
			}
		}
		if w.routed {
			q.SQL(",")
			q.Int(e.Token)
			q.SQL(",")
			q.Int(int64(e.Label))
		}
	}
	q.SQL(")")
}

// width says which columns entries have values for. Most rows need few, and the server reads each value of a statement.
type width struct{ from, seen, made, counts, keys, routed bool }

func widthOf(entries []Entry) (w width) {
	for i := range entries {
		e := &entries[i]
		w.from = w.from || e.From != ""
		w.seen = w.seen || len(e.Seen) > 0
		w.made = w.made || e.Made != nil
		w.counts = w.counts || len(e.Counts) > 0
		w.keys = w.keys || e.ID() != e.Key
		w.routed = w.routed || e.Token != 0 || e.Label != 0
	}
	return w
}

// columns returns the names of the columns, each after a comma.
func (w width) columns() (list string) {
	for _, c := range []struct {
		has   bool
		names string
	}{{w.from, ", came_from"}, {w.seen, ", seen"}, {w.made, ", made"}, {w.counts, ", counts"}, {w.keys, ", row_key"}, {w.routed, ", token, label"}} {
		if c.has {
			list += c.names
		}
	}
	return list
}

// cameFrom returns which client the version of a row that is there already came from.
func (w width) cameFrom() string {
	if w.from {
		return "VALUES(came_from)"
	}
	return "''"
}

// update returns what becomes of the columns of a row that is there already, each after a comma: one without a value has its
// default, but token and label stay.
func (w width) update() (list string) {
	for _, c := range []struct {
		has         bool
		name, empty string
	}{{w.seen, "seen", "''"}, {w.made, "made", "NULL"}, {w.counts, "counts", "NULL"}, {w.keys, "row_key", "NULL"}} {
		value := c.empty
		if c.has {
			value = "VALUES(" + c.name + ")"
		}
		list += ", " + c.name + " = " + value
	}
	if w.routed {
		list += ", token = IF(VALUES(token) = 0, token, VALUES(token)), label = IF(VALUES(label) = 0, label, VALUES(label))"
	}
	return list
}

// Forget removes the states of rows of a table.
func Forget(ctx context.Context, db mysqldb.Execer, table string, rows []change.Row) error {
	if len(rows) == 0 {
		return nil
	}
	args := []any{table}
	for _, r := range rows {
		args = append(args, []byte(r.ID()))
	}
	_, err := db.ExecContext(ctx, `DELETE FROM sync_versions WHERE table_name = ? AND row_id IN (`+mysqldb.List(len(rows))+`)`, args...)
	if err != nil {
		return fmt.Errorf("forget versions of %s: %w", table, err)
	}
	return nil
}

// appendSeen packs a vector.
func appendSeen(b []byte, list change.Vector) []byte {
	if len(list) > maxSeen {
		list = slices.Clone(list)
		slices.SortFunc(list, func(a, b change.Version) int { return b.Compare(a) })
		list = list[:maxSeen]
	}
	for _, v := range list {
		b = append(b, byte(len(v.Origin)))
		b = append(b, v.Origin...)
		b = binary.AppendUvarint(b, uint64(v.Time))
	}
	return b
}

// decode reads the vector of a version, which writes made the row's columns, and the row's counters.
func decode(s *change.State, seen, made, counts []byte) (err error) {
	if s.Seen, err = decodeSeen(seen); err != nil {
		return err
	}
	if s.Made, err = change.ParseMade(made); err != nil {
		return err
	}
	s.Counts, err = change.ParseCounts(counts)
	return err
}

func decodeSeen(b []byte) (change.Vector, error) {
	var w change.Vector
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < 1+n {
			return nil, errors.New("its vector is damaged")
		}
		t, k := binary.Uvarint(b[1+n:])
		if k <= 0 || t > 1<<62 {
			return nil, errors.New("its vector is damaged")
		}
		w = w.With(change.Version{Time: int64(t), Origin: string(b[1 : 1+n])})
		b = b[1+n+k:]
	}
	return w, nil
}

// Keys returns the keys under which rows, which may be of several tables, were last recorded.
func Keys(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]string, error) {
	return column[string](ctx, db, "COALESCE(row_key, row_id)", rows)
}
