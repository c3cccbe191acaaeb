package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Tables caches the definitions of tables. It is safe for concurrent use.
type Tables struct {
	db *mysqldb.DB

	mu      sync.Mutex
	byName  map[string]*Table
	former  map[string]*Table // definitions before they were forgotten
	held    []ForeignKey      // foreign keys of the schema's tables; nil: not read
	outside []ForeignKey      // foreign keys of other schemas that refer to it
	looked  time.Time         // when these were read

	asides map[string]*aside // tables that cannot be read now
	more   chan struct{}     // there are more asides
}

// NewTables returns an empty cache.
func NewTables(db *mysqldb.DB) *Tables {
	return &Tables{db: db, byName: map[string]*Table{}, former: map[string]*Table{}, more: make(chan struct{}, 1)}
}

// Table returns the definition of a table, reading it if it is not cached. While someone has locked the table it is the
// last known definition, or what the server's catalog says; see Aside.
func (ts *Tables) Table(ctx context.Context, name string) (*Table, error) {
	ts.mu.Lock()
	t, former := ts.byName[name], ts.former[name]
	ts.mu.Unlock()
	aside := ts.Aside(name) != nil
	if t != nil && (t.whole() || aside) {
		return t, nil
	}
	if former != nil && aside {
		return former, nil
	}
	keys, err := ts.foreignKeys(ctx) // before the table: a later check shows what has changed since
	if err != nil {
		return nil, err
	}
	t, err = readAlone(ctx, ts.db, name)
	switch {
	case err == nil:
	case (former != nil || t != nil) && ts.SetAside(name, err):
		if former != nil {
			return former, nil
		}
	default:
		return nil, err
	}
	t.RowValue = ts.db.RowValue()
	t.tie(ts.db.Name, keys)
	ts.mu.Lock()
	ts.byName[name] = t
	delete(ts.former, name)
	ts.mu.Unlock()
	return t, nil
}

// outsideTime is how long the foreign keys of other schemas are cached.
const outsideTime = 10 * time.Minute

// foreignKeys returns the foreign keys of the schema's tables, and those that refer to them from other schemas. They
// are read once for all tables, since the servers search a whole schema even for those of one table; those of other
// schemas are read rarely: see Outside.
func (ts *Tables) foreignKeys(ctx context.Context) ([]ForeignKey, error) {
	ts.mu.Lock()
	held, outside, looked := ts.held, ts.outside, ts.looked
	ts.mu.Unlock()
	var err error
	if held == nil {
		if held, err = Held(ctx, ts.db, ts.db.Name); err != nil {
			return nil, err
		}
		held = append([]ForeignKey{}, held...) // not nil
	}
	if looked.IsZero() || time.Since(looked) > outsideTime {
		looked = time.Now()
		if outside, err = Outside(ctx, ts.db, ts.db.Name); err != nil {
			return nil, err
		}
	}
	ts.mu.Lock()
	ts.held, ts.outside, ts.looked = held, outside, looked
	ts.mu.Unlock()
	return slices.Concat(held, outside), nil
}

// Forget drops a definition after a statement has shown that it is outdated.
func (ts *Tables) Forget(name string) {
	ts.mu.Lock()
	if t := ts.byName[name]; t != nil {
		ts.former[name] = t
	}
	delete(ts.byName, name)
	ts.held = nil
	ts.mu.Unlock()
}

// Check reads the named tables and returns every mistake found: missing tables, and tables that cannot be synced.
func (ts *Tables) Check(ctx context.Context, names []string) error {
	var mistakes []error
	for _, n := range names {
		if _, err := ts.Table(ctx, n); err != nil {
			mistakes = append(mistakes, ts.Meant(ctx, err, n))
		}
	}
	return errors.Join(mistakes...)
}

// Meant adds a similar name to the error of a missing table. A name is never taken for another: it is only suggested.
func (ts *Tables) Meant(ctx context.Context, err error, name string) error {
	if !errors.Is(err, ErrNoTable) {
		return err
	}
	var names []string
	if ts.db.SelectContext(ctx, &names, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME`, ts.db.Name) != nil {
		return err // the first error is the one to report
	}
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(Own, n) })
	if known := keys.Nearest(name, names); known != "" {
		return fmt.Errorf("%w; did you mean %s?", err, known)
	}
	return err
}

// ID returns a row's id on the wire and in sync_status. If the table's definition is not available it is the key form
// itself.
func (ts *Tables) ID(ctx context.Context, r change.Row) string {
	if t, err := ts.Table(ctx, r.Table); err == nil {
		if id, err := t.ID(r.Key); err == nil {
			return id
		}
	}
	return strings.ToValidUTF8(r.Key, "?")
}

// Spelled reports whether rows of a table may have several spellings, as far as its definition can be read.
func (ts *Tables) Spelled(ctx context.Context, table string) bool {
	t, err := ts.Table(ctx, table)
	return err == nil && t.SpellingForm() != ""
}

// Fresh returns the definition of a table after comparing the cached one with the table's current columns: what is then
// read or written by it misses no column that was added before. It costs one short statement.
func (ts *Tables) Fresh(ctx context.Context, name string) (*Table, error) {
	return ts.fresh(ctx, ts.db, name)
}

// FreshAtOnce is like Fresh, but does not wait for the table if the server supports that.
func (ts *Tables) FreshAtOnce(ctx context.Context, name string) (*Table, error) {
	return ts.fresh(ctx, ts.db.AtOnce(ts.db), name)
}

func (ts *Tables) fresh(ctx context.Context, db mysqldb.Queryer, name string) (*Table, error) {
	t, err := ts.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	same, err := t.matches(ctx, db)
	if err == nil && same {
		return t, nil
	}
	if err != nil && !mysqldb.SchemaChanged(err) {
		return nil, err
	}
	ts.Forget(name)
	return ts.Table(ctx, name)
}

// whole reports whether the table was accessible when its definition was read.
func (t *Table) whole() bool { return t.shape.columns != "" }

// matches compares names and types of the table's columns, including generated ones, with those it was read with.
func (t *Table) matches(ctx context.Context, db mysqldb.Queryer) (bool, error) {
	now, _, err := shapeNow(ctx, db, t.Name)
	return now == t.shape.columns, err
}

// shape is what is compared to find out whether a table was altered.
type shape struct {
	columns string // as a query of all of them returned them
	shown   bool   // rows are read by such a query; see Table.Shows
}

// shapeNow describes a table's columns as a query of all of them returns them, and names them.
func shapeNow(ctx context.Context, db mysqldb.Queryer, table string) (string, []string, error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+mysqldb.Quote(table)+" LIMIT 0")
	if err != nil {
		return "", nil, fmt.Errorf("look at the columns of %s: %w", table, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return "", nil, fmt.Errorf("look at the columns of %s: %w", table, err)
	}
	names := make([]string, len(types))
	for i, c := range types {
		names[i] = c.Name()
	}
	return shapeOf(types), names, rows.Err()
}

// shapeOf describes the columns of a query's result.
func shapeOf(types []*sql.ColumnType) string {
	var b strings.Builder
	for _, c := range types {
		precision, scale, _ := c.DecimalSize()
		fmt.Fprintf(&b, "%q %s %d %d,", c.Name(), c.DatabaseTypeName(), precision, scale)
	}
	return b.String()
}
