package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// valuesMost is the maximum number of values in a statement: SQL Server allows 2,100, SQLite 32,766.
const valuesMost = 2000

// comparedMost is the maximum number of multi-column keys that a statement compares: SQLite allows expressions 1,000
// levels deep.
const comparedMost = 200

// statement is a statement with its values.
type statement struct {
	strings.Builder
	values []any
	place  func(int) string
}

// value writes a placeholder for a value.
func (s *statement) value(v any) {
	s.values = append(s.values, v)
	s.WriteString(s.place(len(s.values)))
}

// list writes values in parentheses.
func (s *statement) list(values []any) {
	s.WriteByte('(')
	for i, v := range values {
		if i > 0 {
			s.WriteString(", ")
		}
		s.value(v)
	}
	s.WriteByte(')')
}

func (s *statement) exec(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, s.String(), s.values...)
	return err
}

// run does the work: deletes first, since a row may take a deleted row's unique value.
func (w *work) run(ctx context.Context, tx *sql.Tx) error {
	for keys := range slices.Chunk(w.deletes, w.comparedMost()) {
		kept, err := w.kept(ctx, tx, keys, w.dialect.locking())
		if err != nil {
			return err
		}
		keys = slices.DeleteFunc(slices.Clone(keys), func(k key) bool { return !kept[k.text] }) // another row may have an equal key there
		if len(keys) == 0 {
			continue
		}
		if err := w.delete(keys).exec(ctx, tx); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
	}
	for len(w.rows) > 0 { // grouped by their columns
		n := 1
		for n < len(w.rows) && slices.Equal(w.rows[n].columns, w.rows[0].columns) {
			n++
		}
		for rows := range slices.Chunk(w.rows[:n], max(1, valuesMost/max(1, len(w.rows[0].columns)))) {
			if err := w.put(ctx, tx, rows); err != nil {
				return err
			}
		}
		w.rows = w.rows[n:]
	}
	return nil
}

func (w *work) statement() *statement { return &statement{place: w.dialect.Placeholder} }

// quoted are names for a statement.
func (w *work) quoted(names []string) []string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = w.dialect.Quote(n)
	}
	return list
}

// where writes the condition for a statement's rows.
func (w *work) where(s *statement, keys []key) {
	names := w.quoted(w.leg.Key)
	if len(names) == 1 {
		s.WriteString(" WHERE " + names[0] + " IN (")
		for i, key := range keys {
			if i > 0 {
				s.WriteString(", ")
			}
			s.value(key.values[0])
		}
		s.WriteByte(')')
		return
	}
	for i, key := range keys {
		s.WriteString([]string{" OR (", " WHERE ("}[map[bool]int{true: 1}[i == 0]])
		for k, name := range names {
			if k > 0 {
				s.WriteString(" AND ")
			}
			s.WriteString(name + " = ")
			s.value(key.values[k])
		}
		s.WriteByte(')')
	}
}

func (w *work) delete(keys []key) *statement {
	s := w.statement()
	s.WriteString("DELETE FROM " + w.dialect.Quote(w.leg.Table))
	w.where(s, keys)
	return s
}

// insert writes new rows.
func (w *work) insert(rows []row) *statement {
	s := w.statement()
	fmt.Fprintf(s, "INSERT INTO %s (%s) VALUES ", w.dialect.Quote(w.leg.Table), strings.Join(w.quoted(rows[0].columns), ", "))
	for i := range rows {
		if i > 0 {
			s.WriteString(", ")
		}
		s.list(rows[i].values)
	}
	return s
}

// comparedMost is the maximum number of keys that one statement compares.
func (w *work) comparedMost() int {
	if len(w.leg.Key) > 1 {
		return comparedMost
	}
	return valuesMost
}

// kept returns the canonical texts of those keys that exist in the table, and of others that are equal there. locking ends the
// statement.
func (w *work) kept(ctx context.Context, tx *sql.Tx, keys []key, locking string) (map[string]bool, error) {
	found := map[string]bool{}
	for keys := range slices.Chunk(keys, w.comparedMost()) {
		s := w.statement()
		s.WriteString("SELECT " + strings.Join(w.quoted(w.leg.Key), ", ") + " FROM " + w.dialect.Quote(w.leg.Table))
		w.where(s, keys)
		s.WriteString(locking)
		rows, err := tx.QueryContext(ctx, s.String(), s.values...)
		if err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		if err := w.readKeys(rows, found); err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
	}
	return found, nil
}

// readKeys adds the canonical texts of a result's keys.
func (w *work) readKeys(rows *sql.Rows, found map[string]bool) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := sqldb.NewValues(w.dialect, rows)
	if err != nil {
		return err
	}
	parts := make([]any, len(w.leg.Key))
	for rows.Next() {
		if err := columns.Scan(); err != nil {
			return err
		}
		for i := range parts {
			if parts[i], err = columns.Value(i); err != nil {
				return err
			}
		}
		text, err := record.Key(parts, w.leg.IgnoreCase)
		if err != nil {
			return err
		}
		found[text] = true
		for i, name := range w.leg.Key { // sources have bits as bytes, or as numbers
			if n, ok := bits(w.dialect, w.types[name], parts[i]); ok {
				parts[i] = n
			}
		}
		if text, err = record.Key(parts, w.leg.IgnoreCase); err != nil {
			return err
		}
		found[text] = true
	}
	return rows.Err()
}

// keyError means that the table does not keep rows' keys as they are, so that it cannot tell them from others.
type keyError struct{ key, kept string }

// Error names what the table has instead.
func (e *keyError) Error() string {
	if e.kept == "" {
		return fmt.Sprintf("the table does not keep the key %.100q as it is; give its column the type and the collation that it has at the source", e.key)
	}
	return fmt.Sprintf("the table keeps the key %.100q as %.100q; give its column the type and the collation that it has at the source", e.key, e.kept)
}

// faithful checks that the table keeps the rows' keys as they are. Otherwise two rows of the source might become one there,
// and deleting one would delete the other. Promise 1.
func (w *work) faithful(ctx context.Context, tx *sql.Tx, rows []row) error {
	keys := make([]key, len(rows))
	for i := range rows {
		keys[i] = rows[i].key
	}
	kept, err := w.kept(ctx, tx, keys, "")
	if err != nil {
		return err
	}
	for _, k := range keys {
		if kept[k.text] {
			continue
		}
		e := &keyError{key: k.text}
		if len(keys) == 1 {
			for e.kept = range kept {
			}
		}
		return e
	}
	return nil
}

// put inserts or updates rows with the same columns.
func (w *work) put(ctx context.Context, tx *sql.Tx, rows []row) error {
	if rows[0].key.values == nil {
		if err := w.insert(rows).exec(ctx, tx); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		return nil
	}
	if err := w.dialect.upsert(ctx, tx, w, rows); err != nil {
		return err
	}
	return w.faithful(ctx, tx, rows)
}

// others are the columns that are not part of the key.
func (w *work) others(columns []string) []string {
	return slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return slices.Contains(w.leg.Key, c) })
}

// onConflict is the upsert of PostgreSQL and SQLite: it updates only rows with the same key.
func onConflict(ctx context.Context, tx *sql.Tx, w *work, rows []row) error {
	s := w.insert(rows)
	fmt.Fprintf(s, " ON CONFLICT (%s) DO ", strings.Join(w.quoted(w.leg.Key), ", "))
	sets := w.quoted(w.others(rows[0].columns))
	for i, name := range sets {
		sets[i] = name + " = excluded." + name
	}
	if len(sets) == 0 {
		s.WriteString("NOTHING")
	} else {
		s.WriteString("UPDATE SET " + strings.Join(sets, ", "))
	}
	if err := s.exec(ctx, tx); err != nil {
		return fmt.Errorf("upsert: %w", err)
	}
	return nil
}

// standing returns which rows exist, by their index in the list.
func (w *work) standing(ctx context.Context, tx *sql.Tx, rows []row, hint string) (map[int]bool, error) {
	s := w.statement()
	s.WriteString("SELECT n FROM (")
	for i := range rows {
		if i > 0 {
			s.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(s, "SELECT %d AS n FROM %s%s", i, w.dialect.Quote(w.leg.Table), hint)
		w.where(s, []key{rows[i].key})
	}
	s.WriteString(") there")
	found, err := tx.QueryContext(ctx, s.String(), s.values...)
	if err != nil {
		return nil, fmt.Errorf("look up existing rows: %w", err)
	}
	defer found.Close()
	there := map[int]bool{}
	for found.Next() {
		var n int
		if err := found.Scan(&n); err != nil {
			return nil, err
		}
		there[n] = true
	}
	return there, found.Err()
}
