package mysqldb

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// Execer and Queryer are what a pool, a connection and a transaction share.
type (
	Execer interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
	Queryer interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
	// Tx runs statements of both kinds.
	Tx interface {
		Execer
		Queryer
	}
	// Beginner starts a transaction: a pool or a connection.
	Beginner interface {
		BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
	}
)

// Quote quotes an identifier.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// QuoteString quotes a text as a literal, for the few statements that take no
// parameters, such as CREATE TRIGGER. The text must not contain a NUL byte.
func QuoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// Account quotes a user in the form of CURRENT_USER() and of definers, name@host, as GRANT takes it.
func Account(user string) string {
	name, host := user, "%"
	if at := strings.LastIndexByte(user, '@'); at >= 0 {
		name, host = user[:at], user[at+1:]
	}
	return QuoteString(name) + "@" + QuoteString(host)
}

// Groups returns rows groups of width placeholders: "(?,?),(?,?)".
func Groups(rows, width int) string {
	group := "(" + List(width) + ")"
	return strings.Repeat(group+",", rows-1) + group
}

// List returns n placeholders: "?,?,?". For none it is NULL, which IN never matches.
func List(n int) string {
	if n <= 0 {
		return "NULL"
	}
	return strings.Repeat("?,", n-1) + "?"
}

// lockRetries is how often a transaction that loses its locks is tried.
const lockRetries = 6

// InTx runs f in a transaction and commits it. A transaction that a deadlock
// ended is rerun a few times, with growing pauses: f must be prepared for that.
// One that waited too long for a lock is not: its caller may have other rows to
// continue with. Promise 7.
func InTx(ctx context.Context, db Beginner, f func(Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := once(ctx, db, f)
		if err == nil || !Deadlock(err) || attempt == lockRetries {
			return err
		}
		most := time.Duration(5<<attempt) * time.Millisecond
		if pause.For(ctx, most/2+rand.N(most)) != nil {
			return err
		}
	}
}

// Panic is the error of a transaction in which this program panicked. The transaction is rolled back, as after any other error:
// its locks are released, and the culprit is found like a bad row. Promise 9.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("internal error: %.200v", p.Value) }

// survive calls f and returns its panic as an error.
func survive(tx Tx, f func(Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{p, debug.Stack()}
		}
	}()
	return f(tx)
}

func once(ctx context.Context, db Beginner, f func(Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	pool, ok := db.(*DB)
	t := &ending{Tx: tx, may: ok && pool.AsksAfterwards()}
	if err := survive(t, f); err != nil {
		_ = tx.Rollback() // the error of f is the one to tell; a lost connection rolls back by itself
		return err
	}
	if t.then == nil {
		return tx.Commit()
	}
	return t.commit(ctx, tx)
}
