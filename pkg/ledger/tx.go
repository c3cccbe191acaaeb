package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// tx is the only connection that writes. Its statements are prepared once, since there are few: those of variable length
// must come in few lengths (see lengths).
type tx struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt

	piece  int  // the size of pieces
	pieces bool // there may be some
	shrunk bool // the cache is small
}

func newTx(ctx context.Context, file string) (*tx, error) {
	db, err := connect(file, cacheKiB, writes)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &tx{db: db, conn: conn, stmts: map[string]*sql.Stmt{}}, nil
}

func (t *tx) close() error {
	for _, s := range t.stmts {
		s.Close() //nolint:errcheck // its connection is closed next
	}
	return errors.Join(t.conn.Close(), t.db.Close())
}

// do runs f in a transaction.
func (t *tx) do(f func() error) error {
	defer t.cached(cacheKiB)
	if err := t.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	err := f()
	if err == nil {
		if err = t.exec(`COMMIT`); err == nil {
			return nil
		}
	}
	if again := t.exec(`ROLLBACK`); again != nil && !strings.Contains(again.Error(), "no transaction is active") { // after some errors SQLite has already done it
		err = errors.Join(err, again)
	}
	return err
}

func (t *tx) prepare(query string) (*sql.Stmt, error) {
	s := t.stmts[query]
	if s == nil {
		var err error
		if s, err = t.conn.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		t.stmts[query] = s
	}
	return s, nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.count(query, args...)
	return err
}

// count runs a statement and returns how many rows it has changed.
func (t *tx) count(query string, args ...any) (int, error) {
	r, err := t.run(query, args)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// insert runs a statement and returns the id of the new row.
func (t *tx) insert(query string, args ...any) (int64, error) {
	r, err := t.run(query, args)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

func (t *tx) run(query string, args []any) (sql.Result, error) {
	s, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}

// script runs statements that are used once.
func (t *tx) script(text string) error {
	_, err := t.conn.ExecContext(context.Background(), text)
	return err
}

// one returns the statement's one row.
func (t *tx) one(query string, args ...any) scanner {
	s, err := t.prepare(query)
	if err != nil {
		return failed{err}
	}
	return s.QueryRowContext(context.Background(), args...)
}

// each calls f for each row of the result.
func (t *tx) each(f func(r *sql.Rows) error, query string, args ...any) error {
	s, err := t.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	return each(rows, err, f)
}

var errEnough = errors.New("enough")

// each calls f for each row that a query has returned, until f returns errEnough.
func each(rows *sql.Rows, err error, f func(r *sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return rows.Err()
}

type scanner interface{ Scan(to ...any) error }

type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// lengths splits n rows into statements of few different lengths, the longest first.
func lengths(n, longest int, f func(from, to int) error) error {
	for from := 0; from < n; {
		size := longest
		for size > n-from {
			size /= 2
		}
		if err := f(from, from+size); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// tuples returns what follows VALUES for n rows with the given number of columns.
func tuples(n, columns int) string {
	one := "(" + strings.Repeat("?,", columns-1) + "?)"
	return strings.Repeat(one+",", n-1) + one
}
