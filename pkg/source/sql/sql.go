package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Source is a database to read from. It is safe for concurrent use.
type Source struct {
	db      *sql.DB
	dialect dialect
}

// dialect is how databases differ when reading.
type dialect interface {
	sqldb.Dialect
	// begin opens the snapshot in a session, read-only.
	begin(context.Context, *sql.Conn) (end func(), err error)
	// query runs a statement in a session with exact values. close comes after the rows.
	query(ctx context.Context, conn *sql.Conn, text string, args []any) (rows *sql.Rows, close func(), err error)
	// since returns a watermark as a statement's argument.
	since(mark string) any
}

// dialectOf returns a driver's dialect.
func dialectOf(driver string) (dialect, error) {
	d, err := sqldb.DialectOf(driver)
	if err != nil {
		return nil, err
	}
	switch driver {
	case "postgres":
		return postgresDialect{d}, nil
	case "sqlite":
		return sqliteDialect{d}, nil
	case "mssql":
		return mssqlDialect{d}, nil
	}
	return mysqlDialect{d}, nil
}

// Open returns a source; it does not connect yet.
func Open(c sqldb.Config) (*Source, error) {
	d, err := dialectOf(c.Driver)
	if err != nil {
		return nil, err
	}
	db, err := d.Open(c, false)
	if err != nil {
		return nil, err
	}
	return &Source{db, d}, nil
}

// Close closes the sessions.
func (s *Source) Close() error { return s.db.Close() }

// Check connects to the database.
func (s *Source) Check(ctx context.Context) error { return s.db.PingContext(ctx) }

// Read reads the rows of the request's query.
func (s *Source) Read(ctx context.Context, r job.Request, yield func(*record.Record) error) error {
	text, args := s.statement(r)
	return s.rows(ctx, text, args, func(rows *sql.Rows) error {
		reader, err := s.newResult(rows, r.From)
		if err != nil {
			return err
		}
		for rows.Next() {
			rec, err := reader.read(ctx, &r)
			if err != nil {
				return err
			}
			if err := yield(rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// Query runs a statement as a job's query would run, and calls yield with each row.
func (s *Source) Query(ctx context.Context, text string, yield func(value.Entity) error) error {
	return s.rows(ctx, text, nil, func(rows *sql.Rows) error { return Entities(s.dialect, rows, yield) })
}

// rows runs a statement in a read-only snapshot.
func (s *Source) rows(ctx context.Context, text string, args []any, read func(*sql.Rows) error) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	end, err := s.dialect.begin(ctx, conn)
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	defer end()
	rows, done, err := s.dialect.query(ctx, conn, text, args)
	if err != nil {
		return fmt.Errorf("run the query: %w", err)
	}
	defer done()
	defer rows.Close()
	if err := read(rows); err != nil {
		return err
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the rows: %w", err)
	}
	return nil
}

// plain runs a statement directly.
func plain(ctx context.Context, conn *sql.Conn, text string, args []any) (rows *sql.Rows, close func(), err error) {
	rows, err = conn.QueryContext(ctx, text, args...)
	return rows, func() {}, err
}

// Entities calls yield with the rows of a result.
func Entities(d sqldb.Dialect, rows *sql.Rows, yield func(value.Entity) error) error {
	columns, err := sqldb.NewValues(d, rows)
	if err != nil {
		return err
	}
	for n := 1; rows.Next(); n++ {
		if err := columns.Scan(); err != nil {
			return fmt.Errorf("read row %d: %w", n, err)
		}
		if size := columns.Size(); size > maxRow {
			return fmt.Errorf("row %d has %d bytes, more than %d", n, size, maxRow)
		}
		e := make(value.Entity, len(columns.Names))
		for i, name := range columns.Names {
			v, err := columns.Value(i)
			if err != nil {
				return fmt.Errorf("read row %d: column %s: %w", n, name, err)
			}
			e[i] = value.Field{Name: name, Value: v}
		}
		if err := yield(e); err != nil {
			return err
		}
	}
	return nil
}

// statement returns the request's query, restricted to rows from a watermark on if there is one.
func (s *Source) statement(r job.Request) (string, []any) {
	query := strings.TrimRight(strings.TrimSpace(r.From.Query), "; \n\t\r")
	if r.From.Watermark == "" {
		return query, nil
	}
	quoted := []string{s.dialect.Quote(r.From.Watermark)}
	for _, name := range r.From.Key {
		quoted = append(quoted, s.dialect.Quote(name))
	}
	text, order := "SELECT * FROM (\n"+query+"\n) AS q", " ORDER BY "+strings.Join(quoted, ", ")
	if r.Since == nil {
		return text + order, nil
	}
	return text + " WHERE " + quoted[0] + " >= " + s.dialect.Placeholder(1) + " OR " + quoted[0] + " IS NULL" + order, []any{s.dialect.since(*r.Since)}
}

// maxRow is how many bytes a row may have: a larger one alone is refused.
const maxRow = 16 << 20

// markOf returns a watermark as text, in the source's format, so that it can be compared and sorted.
func markOf(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.999999999") // sessions are in UTC
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}

// result makes records from a result's rows.
type result struct {
	*sqldb.Values
	from    job.From
	values  []any
	key     []int
	deleted int // -1: none
	mark    int // -1: none
	n       int
	build   record.Builder
}

func (s *Source) newResult(rows *sql.Rows, from job.From) (*result, error) {
	columns, err := sqldb.NewValues(s.dialect, rows)
	if err != nil {
		return nil, err
	}
	r := &result{Values: columns, from: from, values: make([]any, len(columns.Names))}
	for i, name := range r.Names {
		if slices.Contains(r.Names[:i], name) {
			return nil, fmt.Errorf("the query returns two columns named %q; rename one with AS", name)
		}
	}
	for _, name := range from.Key {
		i, err := r.column(name, "key")
		if err != nil {
			return nil, err
		}
		r.key = append(r.key, i)
	}
	if r.deleted, err = r.column(from.Deleted, "delete"); err != nil {
		return nil, err
	}
	if r.mark, err = r.column(from.Watermark, "watermark"); err != nil {
		return nil, err
	}
	return r, nil
}

// column returns the index of a column; -1 if no name is given.
func (r *result) column(name, what string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if i := slices.Index(r.Names, name); i >= 0 {
		return i, nil
	}
	return -1, fmt.Errorf("the query does not return %q, the %s column; it returns %s", name, what, strings.Join(r.Names, ", "))
}

// read makes a record from the current row.
func (r *result) read(ctx context.Context, request *job.Request) (*record.Record, error) {
	r.n++
	if err := r.Scan(); err != nil {
		return nil, fmt.Errorf("read row %d: %w", r.n, err)
	}
	size := r.Size()
	if size > maxRow { // without a single copy
		return &record.Record{Bad: fmt.Sprintf("row %d has %d bytes, more than %d", r.n, size, maxRow)}, nil
	}
	if size >= job.Large { // its values are copied once there is room
		if err := request.Ask(ctx, r.length()); err != nil {
			return nil, err
		}
	}
	for i := range r.Names {
		var err error
		if r.values[i], err = r.Value(i); err != nil {
			return nil, fmt.Errorf("read row %d: column %s: %w", r.n, r.Names[i], err)
		}
	}
	if size >= job.Large {
		r.build.Grow(record.Length(r.values...))
	}
	for i := range r.Names {
		if err := r.build.Add(r.Names[i], r.values[i]); err != nil {
			return nil, fmt.Errorf("read row %d: %w", r.n, err)
		}
	}
	rec := &record.Record{Data: r.build.Bytes()}
	if len(r.key) > 0 {
		parts := make([]any, len(r.key))
		for i, at := range r.key {
			parts[i] = r.values[at]
		}
		var err error
		if rec.Key, err = record.Key(parts, r.from.IgnoreCase); err != nil {
			rec.Bad = fmt.Sprintf("row %d: %s: %v", r.n, strings.Join(r.from.Key, ", "), err)
		}
	}
	if r.deleted >= 0 {
		rec.Deleted = isDeleted(r.values[r.deleted], r.from.Truthy)
	}
	if r.mark >= 0 {
		if v := r.Source(r.mark); v != nil {
			rec.Mark = markOf(v)
		}
	}
	clear(r.values) // large ones are not needed twice
	return rec, nil
}

// length returns the approximate size of the current row as JSON.
func (r *result) length() (n int) {
	for i := range r.Names {
		switch v := r.Source(i).(type) {
		case string:
			n += record.TextLength(v)
		case []byte:
			if utf8.Valid(v) {
				n += record.TextLength(v)
			} else {
				n += value.BufferLength(v)
			}
		}
	}
	return n
}

// isDeleted reports whether the delete column's value means that a row is deleted:
// it is not NULL and, with truthy, not 0, false or ” either.
func isDeleted(v any, truthy bool) bool {
	if v == nil || !truthy {
		return v != nil
	}
	return v != "" && v != false && v != int64(0) && v != float64(0)
}
