// Package losers keeps the versions that lost a conflict, in the table sync_conflicts, and restores
// one on request.
//
// It keeps promise 4: the loser is recorded in the transaction that makes it the loser. Which
// version loses is package conflict's business.
package losers

import (
	"cmp"
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Side is one of the two versions of a conflict. Columns is nil if the row was deleted.
type Side struct {
	change.Version
	Columns []string
	Values  [][]byte
}

// Entry is a conflict to be kept.
type Entry struct {
	Table         *schema.Table
	Key           string
	ID            string // change.Row.ID; empty: it is made of the key
	Policy        string
	Winner, Loser Side
}

// Record keeps conflicts, in the caller's transaction. One that was recorded
// before, because the change came twice, is left as it is.
func Record(ctx context.Context, tx mysqldb.Tx, entries []Entry) error {
	for len(entries) > 0 {
		var q mysqldb.Statement
		n := 0
		for n < len(entries) && q.Len() < recordBytes {
			if err := entries[n].add(&q); err != nil {
				return err
			}
			n++
		}
		if err := q.Exec(ctx, tx); err != nil {
			return fmt.Errorf("record conflicts of %s: %w", entries[0].Table.Name, err)
		}
		entries = entries[n:]
	}
	return nil
}

// recordBytes is how large a statement may be before another conflict is added.
const recordBytes = 256 << 10

// add appends the conflict to a statement.
func (e *Entry) add(q *mysqldb.Statement) error {
	id, err := e.Table.ID(e.Key)
	if err != nil {
		return err
	}
	id = shown(id)
	if q.Len() == 0 {
		q.SQL(`INSERT IGNORE INTO sync_conflicts (table_name, row_id, row_key, primary_key, detected_at, policy,
			winner_time, winner_origin, winner_row, loser_time, loser_origin, loser_row) VALUES (`)
	} else {
		q.SQL(`,(`)
	}
	q.Text([]byte(e.Table.Name))
	q.SQL(`,`)
	q.Bytes([]byte(cmp.Or(e.ID, change.Short(e.Key))))
	q.SQL(`,`)
	q.Bytes([]byte(e.Key))
	q.SQL(`,`)
	q.Text([]byte(id))
	q.SQL(`,UTC_TIMESTAMP(6),`)
	q.Text([]byte(e.Policy))
	for _, s := range []Side{e.Winner, e.Loser} {
		q.SQL(`,`)
		q.Int(s.Time)
		q.SQL(`,`)
		q.Text([]byte(s.Origin))
		q.SQL(`,`)
		if err := s.addRow(q, e.Table); err != nil {
			return fmt.Errorf("record conflict of %s %s: %w", e.Table.Name, id, err)
		}
	}
	q.SQL(`)`)
	return nil
}

// MostID is how many characters of an id a column of sync_conflicts takes.
const MostID = 255

// shown is the beginning of an id, as much as a column of sync_conflicts takes.
func shown(id string) string {
	if r := []rune(id); len(r) > MostID {
		return string(r[:MostID])
	}
	return id
}

// addRow appends a row as a JSON object of its stored values, or NULL.
func (s *Side) addRow(q *mysqldb.Statement, t *schema.Table) error {
	if s.Columns == nil {
		q.Null()
		return nil
	}
	b, err := s.json(t)
	if err != nil {
		return err
	}
	q.Text(b)
	return nil
}

// json returns the row as a JSON object of its stored values; null is a deleted one.
func (s *Side) json(t *schema.Table) ([]byte, error) {
	if s.Columns == nil {
		return []byte("null"), nil
	}
	e := make(value.Entity, len(s.Columns))
	for i, name := range s.Columns {
		e[i] = value.Field{Name: name}
		if s.Values[i] == nil {
			continue
		}
		c, ok := t.Column(name)
		switch {
		case awkward(s.Values[i]):
			e[i].Value = packed(s.Values[i])
		case !ok || c.Kind != value.Binary && c.Kind != value.Geometry && utf8.Valid(s.Values[i]):
			e[i].Value = string(s.Values[i])
		default:
			e[i].Value = s.Values[i]
		}
	}
	return e.AppendJSON(nil)
}
