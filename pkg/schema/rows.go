package schema

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ErrOutdated says that a table was altered since its definition was read.
var ErrOutdated = errors.New("the table was altered meanwhile")

// Rows are read by the definition that the node has, and must lack no column that was added since: promise 1. So they are read with
// what tells that it no longer holds, in one statement: no ALTER TABLE comes between.

// Shows reports whether rows that AddRows asks for show whether the definition still holds: whoever reads them, and has
// their columns checked, needs no Fresh first. They do where SELECT * gives just the columns of the definition.
func (t *Table) Shows() bool { return t.shape.shown }

// AddRows appends a query of the rows with the given keys, in any order: their key form, and then all columns as
// SelectList reads them.
func (t *Table) AddRows(s *mysqldb.Statement, keys iter.Seq[string]) error {
	list := t.SelectList()
	if t.shape.shown {
		list = mysqldb.Quote(t.Name) + ".*"
	}
	return t.AddSelect(s, t.KeyExpr("")+", "+list, keys, "")
}

// CheckColumns returns ErrOutdated if the columns of what AddRows asked for are not those of the definition.
func (t *Table) CheckColumns(types []*sql.ColumnType) error {
	if t.shape.shown && shapeOf(types[1:]) != t.shape.columns {
		return ErrOutdated
	}
	return nil
}

// Renew returns the definition of a table that may be outdated, and why: CheckColumns says so, or the server refused AddRows.
// If CheckColumns says so and nothing has changed, this server describes the same columns differently in another query: then
// they are no longer compared there.
func (ts *Tables) Renew(ctx context.Context, old *Table, why error) (*Table, error) {
	t, err := ts.FreshAtOnce(ctx, old.Name)
	if err != nil || !errors.Is(why, ErrOutdated) || t.shape.columns != old.shape.columns || !t.shape.shown {
		return t, err
	}
	plain := *t
	plain.shape.shown = false
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.byName[t.Name] == t {
		ts.byName[t.Name] = &plain
	}
	return &plain, nil
}
