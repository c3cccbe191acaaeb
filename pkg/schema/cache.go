package schema

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Tables caches the definitions of tables. It is safe for concurrent use.
type Tables struct {
	db *mysqldb.DB

	mu     sync.Mutex
	byName map[string]*Table
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
	t, err := Read(ctx, ts.db, ts.db.Name, name)
	if err != nil {
		return nil, err
	}
	ts.mu.Lock()
	ts.byName[name] = t
	ts.mu.Unlock()
	return t, nil
}

// Forget drops a definition, after a statement showed that it is outdated.
func (ts *Tables) Forget(name string) {
	ts.mu.Lock()
	delete(ts.byName, name)
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
