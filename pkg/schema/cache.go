package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Tables caches the definitions of tables. It is safe for concurrent use.
type Tables struct {
	db *mysqldb.DB

	mu        sync.Mutex
	byName    map[string]*Table
	referring []ForeignKey // to tables of the schema; nil: not read
}

// NewTables returns an empty cache.
func NewTables(db *mysqldb.DB) *Tables {
	return &Tables{db: db, byName: map[string]*Table{}}
}

// Table returns the definition of a table, from the server if it is not cached.
func (ts *Tables) Table(ctx context.Context, name string) (*Table, error) {
	ts.mu.Lock()
	t := ts.byName[name]
	ts.mu.Unlock()
	if t != nil {
		return t, nil
	}
	keys, err := ts.referrers(ctx) // before the table: a later look shows what has changed since
	if err != nil {
		return nil, err
	}
	t, err = Read(ctx, ts.db, ts.db.Name, name)
	if err != nil {
		return nil, err
	}
	t.RowValue = ts.db.RowValue()
	for _, f := range keys {
		if f.RefTable == name {
			t.Referrers = append(t.Referrers, f)
		}
	}
	ts.mu.Lock()
	ts.byName[name] = t
	ts.mu.Unlock()
	return t, nil
}

// referrers returns the foreign keys that refer to tables of the schema. The server
// looks for them in all its tables, so that they are read once for all of ours.
func (ts *Tables) referrers(ctx context.Context) ([]ForeignKey, error) {
	ts.mu.Lock()
	keys := ts.referring
	ts.mu.Unlock()
	if keys != nil {
		return keys, nil
	}
	keys, err := Referring(ctx, ts.db, ts.db.Name)
	if err != nil {
		return nil, err
	}
	if keys == nil {
		keys = []ForeignKey{}
	}
	ts.mu.Lock()
	ts.referring = keys
	ts.mu.Unlock()
	return keys, nil
}

// Forget drops a definition, after a statement showed that it is outdated.
func (ts *Tables) Forget(name string) {
	ts.mu.Lock()
	delete(ts.byName, name)
	ts.referring = nil
	ts.mu.Unlock()
}

// Check reads all the tables named and returns every mistake found: tables that
// are not there, or that cannot be synced.
func (ts *Tables) Check(ctx context.Context, names []string) error {
	var mistakes []error
	for _, n := range names {
		if _, err := ts.Table(ctx, n); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return errors.Join(mistakes...)
}

// ID returns a row's id on the wire and in sync_status. Of a table whose
// definition is not to be had it is the key form itself.
func (ts *Tables) ID(ctx context.Context, r change.Row) string {
	if t, err := ts.Table(ctx, r.Table); err == nil {
		if id, err := t.ID(r.Key); err == nil {
			return id
		}
	}
	return strings.ToValidUTF8(r.Key, "?")
}

// Fresh returns the definition of a table after comparing the cached one with
// the table's columns as they are now: what is read or written by it afterwards
// leaves out no column that was added before. It costs one short statement.
func (ts *Tables) Fresh(ctx context.Context, name string) (*Table, error) {
	t, err := ts.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	same, err := t.matches(ctx, ts.db)
	if err == nil && same {
		return t, nil
	}
	if err != nil && !mysqldb.SchemaChanged(err) {
		return nil, err
	}
	ts.Forget(name)
	return ts.Table(ctx, name)
}

// matches compares names and types of the table's columns, generated ones
// included, with those that it was read with.
func (t *Table) matches(ctx context.Context, db mysqldb.Queryer) (bool, error) {
	now, err := shape(ctx, db, t.Name)
	return now == t.shape, err
}

// shape describes the columns of a table as a query of all of them returns them.
func shape(ctx context.Context, db mysqldb.Queryer, table string) (string, error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+mysqldb.Quote(table)+" LIMIT 0")
	if err != nil {
		return "", fmt.Errorf("look at the columns of %s: %w", table, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return "", fmt.Errorf("look at the columns of %s: %w", table, err)
	}
	var b strings.Builder
	for _, c := range types {
		precision, scale, _ := c.DecimalSize()
		fmt.Fprintf(&b, "%q %s %d %d,", c.Name(), c.DatabaseTypeName(), precision, scale)
	}
	return b.String(), rows.Err()
}
