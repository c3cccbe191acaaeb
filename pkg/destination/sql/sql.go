package sql

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// To is the JSON Schema of what a job says about a table.
//
//go:embed to.json
var To []byte

// Leg is where in a database rows go.
type Leg struct {
	Table string   `koanf:"table"`
	Key   []string `koanf:"keyColumns"` // none: each row is added
	// IgnoreCase is the source's comparison of the key.
	IgnoreCase bool `koanf:"-"`
}

// rowsInBatch and bytesInBatch are the limits of a transaction.
const (
	rowsInBatch  = 1000
	bytesInBatch = 8 << 20
)

// Database is a database to write to. It is safe for concurrent use.
type Database struct {
	db      *sql.DB
	dialect dialect
	host    string
	most    times
}

// times are the most that a transaction waits for the locks of others, and that a server waits for the next statement of one: the
// process may be gone.
type times struct{ lock, idle time.Duration }

// usual times: MySQL's own for locks. MySQL's for idle sessions is set when they are opened.
var usual = times{lock: 50 * time.Second, idle: time.Minute}

// Open returns a database; it does not connect yet.
func Open(c sqldb.Config) (*Database, error) {
	d, err := dialectOf(c.Driver)
	if err != nil {
		return nil, err
	}
	db, err := d.Open(c, true)
	if err != nil {
		return nil, err
	}
	host := c.Host
	if host == "" {
		host = c.Database
	}
	return &Database{db, d, host, usual}, nil
}

// Close closes the sessions.
func (d *Database) Close() error { return d.db.Close() }

// Destination is a table. It is safe for concurrent use.
type Destination struct {
	*Database
	leg Leg
	// Dry is called with what a dry run would have sent; nil: send it.
	Dry func(remote.Sent)

	mu      sync.Mutex
	columns map[string]string // each column's type; nil: not read yet
	alone   bool              // the key is the table's only unique key
}

// Table returns a table of the database; it reads nothing yet.
func (d *Database) Table(leg Leg) *Destination { return &Destination{Database: d, leg: leg} }

// Check checks that the table exists.
func (d *Destination) Check(ctx context.Context) error {
	_, err := d.types(ctx)
	return err
}

// Limits are a transaction's limits.
func (d *Destination) Limits() job.Limits {
	return job.Limits{Rows: rowsInBatch, Bytes: bytesInBatch}
}

// types returns the type of each column.
func (d *Destination) types(ctx context.Context) (map[string]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.columns != nil {
		return d.columns, nil
	}
	rows, err := d.db.QueryContext(ctx, "SELECT * FROM "+d.dialect.Quote(d.leg.Table)+" WHERE 1 = 0")
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", d.leg.Table, err)
	}
	defer rows.Close()
	list, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", d.leg.Table, err)
	}
	columns := map[string]string{}
	for _, c := range list {
		columns[c.Name()] = strings.TrimPrefix(strings.ToUpper(c.DatabaseTypeName()), "UNSIGNED ")
	}
	for _, name := range d.leg.Key {
		if _, ok := columns[name]; !ok {
			return nil, fmt.Errorf("table %s has no key column %q", d.leg.Table, name)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", d.leg.Table, err)
	}
	if d.alone, err = d.dialect.alone(ctx, d); err != nil {
		return nil, err
	}
	d.columns = columns
	return columns, nil
}

// Send writes a batch in one transaction.
func (d *Destination) Send(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	if d.Dry != nil {
		return nil, d.dry(b)
	}
	w, answers, err := d.prepare(ctx, b)
	if err != nil {
		return nil, d.failed(err, remote.Retry)
	}
	release(b)
	err = d.transaction(ctx, func(tx *sql.Tx) error { return w.run(ctx, tx) })
	if err == nil {
		return answers, nil
	}
	d.forget()
	if e, ok := errors.AsType[*remote.Error](err); ok && e.Next.Do == remote.RowRefused && len(b.Operations) > 1 && d.dialect.savepoints() {
		return d.careful(ctx, b)
	}
	return nil, err
}

// releasedBytes is the size from which a row's JSON is not kept beside its values. It is needed again only for a batch of
// several rows.
const releasedBytes = 1 << 20

// release frees a large row's JSON, which is up to six times its values, before a driver copies these.
func release(b *job.Batch) {
	if len(b.Operations) == 1 && len(b.Operations[0].Data) >= releasedBytes {
		b.Operations[0].Data = nil
		debug.FreeOSMemory() // SQLite's copies do not count as the runtime's memory
	}
}

// A transaction that the server ended in favour of another one is retried, after growing pauses.
const (
	mostTries    = 8
	firstPause   = 20 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// transaction runs work in a transaction. The error is a *remote.Error.
func (d *Destination) transaction(ctx context.Context, do func(*sql.Tx) error) error {
	tries := 0
	var err error
	for range pause.Doubling(ctx, firstPause, longestPause) {
		err = d.try(ctx, do)
		if tries++; err == nil || tries == mostTries || !d.dialect.deadlock(err) {
			break
		}
	}
	return err
}

// try is transaction without retries.
func (d *Destination) try(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, d.dialect.options())
	if err != nil {
		return d.failed(err, remote.Retry)
	}
	err = d.dialect.fence(ctx, tx, d.leg.Table, d.most)
	if err == nil {
		err = do(tx)
	}
	if err != nil {
		_ = tx.Rollback() // a lost connection rolls back by itself
		switch {
		case d.dialect.tooLarge(err):
			return d.failed(err, remote.Halve)
		case d.refuses(err):
			return d.failed(err, remote.RowRefused)
		case d.dialect.locked(err):
			err = fmt.Errorf("another session of the database has kept what this one needs locked for too long: %w", err)
		}
		return d.failed(err, remote.Retry)
	}
	if err := tx.Commit(); err != nil {
		return d.failed(err, remote.Doubt)
	}
	return nil
}

// prepare returns what a batch does, and its rows' answers in case of success. Columns that were missing when the
// table was read may have been added since.
func (d *Destination) prepare(ctx context.Context, b *job.Batch) (work, []job.Answer, error) {
	for fresh := false; ; fresh = true {
		types, err := d.types(ctx)
		if err != nil {
			return work{}, nil, err
		}
		answers, lacks := make([]job.Answer, len(b.Operations)), false
		w := work{Destination: d, types: types}
		for i := range b.Operations {
			if answers[i].ID, err = w.add(&b.Operations[i]); err != nil {
				answers[i] = job.Answer{Refused: err.Error()}
				lacks = lacks || errors.As(err, new(*columnError))
			}
		}
		if !lacks || fresh {
			return w, answers, nil
		}
		d.forget()
	}
}

// columnError means that the table lacks a column.
type columnError struct{ table, column string }

// Error says so.
func (e *columnError) Error() string {
	return fmt.Sprintf("table %s has no column %q", e.table, e.column)
}

// forget makes the columns be read again: they may have changed.
func (d *Destination) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.columns = nil
}

// failed adds to a batch's error what to do next.
func (d *Destination) failed(err error, do remote.Verb) error {
	return &remote.Error{Operation: "write to " + d.leg.Table, Host: d.host, Next: remote.Next{Do: do}, Err: err}
}

// dry reports what would be sent.
func (d *Destination) dry(b *job.Batch) error {
	for i := range b.Operations {
		o := &b.Operations[i]
		body := o.Data
		if o.Kind == job.Delete {
			body = []byte(o.Key)
		}
		d.Dry(remote.Sent{Operation: string(o.Kind) + " a row", Method: strings.ToUpper(string(o.Kind)), Host: d.host + " " + d.leg.Table, Body: body})
	}
	return remote.ErrDry
}

// work is what a batch does in a transaction.
type work struct {
	*Destination
	types   map[string]string
	deletes []key
	rows    []row
}

// row is a row to insert or update.
type row struct {
	columns []string // sorted
	values  []any
	key     key // without values: the row is added
}

// key identifies a row in the table.
type key struct {
	values []any  // for a statement
	text   string // canonical: see record.Key
}

// add adds an operation, and returns the id that identifies its row later: its key, as a JSON object.
func (w *work) add(o *job.Operation) (id string, err error) {
	if o.Kind == job.Delete {
		key, err := w.keyOf(o)
		if err != nil {
			return "", err
		}
		w.deletes = append(w.deletes, key)
		return o.ID, nil
	}
	entity, err := value.DecodeEntity(o.Data)
	if err != nil {
		return "", err
	}
	slices.SortFunc(entity, func(a, b value.Field) int { return strings.Compare(a.Name, b.Name) })
	r := row{}
	for _, f := range entity {
		kind, ok := w.types[f.Name]
		if !ok {
			return "", &columnError{w.leg.Table, f.Name}
		}
		r.columns, r.values = append(r.columns, f.Name), append(r.values, valueOf(w.dialect, kind, f.Value))
	}
	if len(w.leg.Key) == 0 {
		w.rows = append(w.rows, r)
		return "", nil
	}
	var own value.Entity
	for _, name := range w.leg.Key {
		i, ok := slices.BinarySearch(r.columns, name)
		if !ok || r.values[i] == nil {
			return "", fmt.Errorf("has no value for the key column %s", name)
		}
		own = append(own, entity[i])
	}
	if r.key, err = w.key(own); err != nil {
		return "", err
	}
	text, err := record.Data(own)
	if err != nil {
		return "", err
	}
	if id = string(text); o.ID != "" && o.ID != id { // its key has changed
		old, err := w.keyOf(o)
		if err != nil {
			return "", err
		}
		w.deletes = append(w.deletes, old)
	}
	w.rows = append(w.rows, r)
	return id, nil
}

// key builds a key from the values of its columns, in order.
func (w *work) key(columns value.Entity) (k key, err error) {
	parts := make([]any, len(columns))
	for i, f := range columns {
		kind := w.types[f.Name]
		k.values = append(k.values, valueOf(w.dialect, kind, f.Value))
		parts[i] = asKept(kind, f.Value)
	}
	k.text, err = record.Key(parts, w.leg.IgnoreCase)
	return k, err
}

// keyOf returns the key of the row in the table that an operation refers to.
func (w *work) keyOf(o *job.Operation) (key, error) {
	if o.ID == "" { // its insert was not answered
		return w.canonical(o.Key)
	}
	entity, err := value.DecodeEntity([]byte(o.ID))
	if err != nil {
		return key{}, fmt.Errorf("its key at the destination is unknown: %w", err)
	}
	var own value.Entity
	for _, name := range w.leg.Key {
		v, ok := entity.Value(name)
		if !ok {
			return key{}, fmt.Errorf("its key at the destination has no %s", name)
		}
		own = append(own, value.Field{Name: name, Value: v})
	}
	return w.key(own)
}

// canonical parses a canonical text; see record.Key.
func (w *work) canonical(text string) (key, error) {
	parts, err := record.SplitKey(text, len(w.leg.Key))
	if err != nil {
		return key{}, err
	}
	columns := make(value.Entity, len(parts))
	for i, name := range w.leg.Key {
		v, err := keyText(w.types[name], parts[i])
		if err != nil {
			return key{}, fmt.Errorf("column %s: %w", name, err)
		}
		columns[i] = value.Field{Name: name, Value: v}
	}
	return w.key(columns)
}
