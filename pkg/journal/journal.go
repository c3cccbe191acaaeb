// Package journal keeps the versions that lost a conflict, in the table
// sync_conflicts, and puts one back when a person asks for it.
//
// It keeps promise 4: the loser is recorded in the transaction that makes it the
// loser. Which version loses is package conflict's business.
package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Side is one of the two versions of a conflict. Columns is nil where the row
// was deleted.
type Side struct {
	change.Version
	Columns []string
	Values  [][]byte
}

// Entry is a conflict that is to be kept.
type Entry struct {
	Table         *schema.Table
	Key           string
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

// recordBytes is how large a statement may be to which a conflict is added.
const recordBytes = 256 << 10

// add appends the conflict to a statement.
func (e *Entry) add(q *mysqldb.Statement) error {
	id, err := e.Table.ID(e.Key)
	if err != nil {
		return err
	}
	if r := []rune(id); len(r) > 255 {
		id = string(r[:255])
	}
	if q.Len() == 0 {
		q.SQL(`INSERT IGNORE INTO sync_conflicts (table_name, row_id, row_key, primary_key, detected_at, policy,
			winner_time, winner_origin, winner_row, loser_time, loser_origin, loser_row) VALUES (`)
	} else {
		q.SQL(`,(`)
	}
	q.Text([]byte(e.Table.Name))
	q.SQL(`,`)
	q.Bytes([]byte(change.Row{Table: e.Table.Name, Key: e.Key}.ID()))
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

// addRow appends a row as a JSON object of its stored values, or NULL.
func (s *Side) addRow(q *mysqldb.Statement, t *schema.Table) error {
	if s.Columns == nil {
		q.Null()
		return nil
	}
	e := make(value.Entity, len(s.Columns))
	for i, name := range s.Columns {
		e[i] = value.Field{Name: name}
		if s.Values[i] == nil {
			continue
		}
		c, ok := t.Column(name)
		if !ok || c.Kind != value.Binary && c.Kind != value.Geometry && utf8.Valid(s.Values[i]) {
			e[i].Value = string(s.Values[i])
		} else {
			e[i].Value = s.Values[i]
		}
	}
	b, err := e.AppendJSON(nil)
	if err != nil {
		return err
	}
	q.Text(b)
	return nil
}

// ErrNoConflict says that there is no conflict with the number asked for.
var ErrNoConflict = errors.New("there is no such conflict")

// PutBack writes the row that lost over the one that stands now, as a local
// write: the triggers note it, and it goes to all remotes with a new version.
func PutBack(ctx context.Context, db *mysqldb.DB, ts *schema.Tables, id uint64) error {
	return mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		table, key, loser, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		t, err := ts.Table(ctx, table)
		if err != nil {
			return err
		}
		if err := restore(ctx, tx, t, key, loser); err != nil {
			return fmt.Errorf("put back the loser of conflict %d: %w", id, err)
		}
		_, err = tx.ExecContext(ctx, `UPDATE sync_conflicts SET put_back_at = ? WHERE id = ?`, time.Now().UTC().Format("2006-01-02 15:04:05.000000"), id)
		return err
	})
}

// find returns the table, the key and the loser of a conflict, and locks it.
func find(ctx context.Context, tx mysqldb.Tx, id uint64) (table, key string, loser sql.NullString, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT table_name, row_key, loser_row FROM sync_conflicts WHERE id = ? FOR UPDATE`, id)
	if err != nil {
		return "", "", loser, fmt.Errorf("read conflict %d: %w", id, err)
	}
	defer rows.Close()
	if !rows.Next() {
		return "", "", loser, errors.Join(rows.Err(), fmt.Errorf("%w: %d", ErrNoConflict, id))
	}
	err = rows.Scan(&table, &key, &loser)
	return table, key, loser, err
}

func restore(ctx context.Context, tx mysqldb.Tx, t *schema.Table, key string, loser sql.NullString) error {
	where, err := t.KeyArgs(nil, key)
	if err != nil {
		return err
	}
	if !loser.Valid {
		_, err := tx.ExecContext(ctx, "DELETE FROM "+mysqldb.Quote(t.Name)+" WHERE "+t.WhereKeys(1), where...)
		return err
	}
	e, err := value.DecodeEntity([]byte(loser.String))
	if err != nil {
		return err
	}
	names, set := "", ""
	var args []any
	for _, f := range e {
		c, ok := t.Column(f.Name)
		if !ok {
			return fmt.Errorf("table %s has no column %s any more", t.Name, f.Name)
		}
		stored, err := c.Encode(f.Value, time.UTC)
		if err != nil {
			return err
		}
		args = append(args, c.Bind(stored))
		if names != "" {
			names, set = names+", ", set+", "
		}
		names, set = names+mysqldb.Quote(c.Name), set+mysqldb.Quote(c.Name)+"=?"
	}
	rows, err := tx.QueryContext(ctx, "SELECT 1 FROM "+mysqldb.Quote(t.Name)+" WHERE "+t.WhereKeys(1)+" FOR UPDATE", where...)
	if err != nil {
		return err
	}
	exists := rows.Next()
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if exists {
		_, err = tx.ExecContext(ctx, "UPDATE "+mysqldb.Quote(t.Name)+" SET "+set+" WHERE "+t.WhereKeys(1), append(args, where...)...)
	} else {
		_, err = tx.ExecContext(ctx, "INSERT INTO "+mysqldb.Quote(t.Name)+" ("+names+") VALUES "+mysqldb.Groups(1, len(e)), args...)
	}
	return err
}
