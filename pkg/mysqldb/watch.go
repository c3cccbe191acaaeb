package mysqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// While a node waits for a lock, users wait for the rows that it has locked, and so do
// the rows of all other tables. Promises 5 and 7.
const (
	patience   = 20 * time.Millisecond // of a statement, until we look at what it is doing
	lookAgain  = 10 * time.Millisecond // between two looks
	indistinct = 40 * time.Millisecond // patience if the server does not say who waits
)

// waited is an error of a lock for which the server made a statement wait.
type waited struct{ error }

func (w waited) Unwrap() error { return w.error }

// Waited reports whether a statement waited for a lock and did not get it, as on MySQL
// for all but the rows of a SELECT … NOWAIT.
func Waited(err error) bool { return errors.As(err, new(waited)) }

// watch ends statements that wait for a lock: a second connection asks the server whether
// one does, and interrupts it. One that is merely slow continues.
type watch struct {
	pool  *sql.DB
	log   *zap.Logger // nil: none
	vague atomic.Bool // the login may not see who waits
}

// unseen are errors that say that the login may not see who waits, or that the server has no
// such table, like MySQL 5.7.
var unseen = []uint16{1044, 1142, 1143, noSuchTable, accessDenied}

// blinded notes such an error; it is logged once.
func (w *watch) blinded(err error) bool {
	if !slices.Contains(unseen, uint16(Number(err))) {
		return false
	}
	if !w.vague.Swap(true) && w.log != nil {
		w.log.Warn("the login may not see lock waits", zap.Error(err))
	}
	return true
}

type watchedKey struct{}

// watched marks a statement that must not wait.
func watched(ctx context.Context) context.Context { return context.WithValue(ctx, watchedKey{}, true) }

// watchedConn is a connection whose statements are watched, if they are marked.
type watchedConn struct {
	serverConn
	process
	watch *watch
}

// process is a connection as the server calls it.
type process struct{ id, server string }

// processOf asks for a connection's id. It is 0 for MariaDB, which needs no watch.
func processOf(ctx context.Context, conn driver.Conn) (p process, err error) {
	version, err := ask(ctx, conn, `SELECT VERSION()`)
	if err != nil || isMariaDB(version) {
		return p, err
	}
	if p.id, err = ask(ctx, conn, `SELECT CONNECTION_ID()`); err == nil {
		p.server, err = ask(ctx, conn, `SELECT @@server_uuid`)
	}
	if Number(err) == unknownVariable {
		return process{}, nil
	}
	return p, err
}

// ExecContext runs a statement.
func (c *watchedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	ended := c.begin(ctx)
	result, err := c.serverConn.ExecContext(ctx, query, args)
	return result, ended(err)
}

// QueryContext runs a query. A server sends nothing until it has found some
// thousands of bytes.
func (c *watchedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	ended := c.begin(ctx)
	rows, err := c.serverConn.QueryContext(ctx, query, args)
	return rows, ended(err)
}

// begin watches a statement, until ended is called with its error.
func (c *watchedConn) begin(ctx context.Context) (ended func(error) error) {
	if ctx.Value(watchedKey{}) == nil {
		return func(err error) error { return err }
	}
	ctx, stop := context.WithCancel(ctx)
	var interrupted bool
	over := make(chan struct{})
	timer := time.AfterFunc(patience, func() {
		defer close(over)
		interrupted = c.watch.see(ctx, c.process)
	})
	return func(err error) error {
		stop()
		if timer.Stop() {
			return err
		}
		<-over // an interruption that it asked for must not hit the next statement
		if interrupted && Number(err) == queryInterrupted {
			return waited{&mysql.MySQLError{Number: lockWaitTimeout, SQLState: [5]byte([]byte("HY000")),
				Message: "Lock wait timeout exceeded; the node waits for no lock"}}
		}
		return err
	}
}

// see watches a connection's statement until ctx ends, and interrupts it if it waits for a
// lock. Without a second connection it does nothing: the server ends the wait.
func (w *watch) see(ctx context.Context, p process) (interrupted bool) {
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		return false
	}
	defer conn.Close() // it goes back to its pool
	// A statement that ctx ends costs the connection, so each is left to finish.
	through := context.WithoutCancel(ctx)
	for begun := time.Now(); ctx.Err() == nil; {
		waits, err := w.waits(through, conn, p, patience+time.Since(begun))
		if err != nil && Number(err) != cannotConvert {
			return false
		}
		if waits && ctx.Err() == nil {
			// It has no effect on a connection that runs nothing.
			_, err := conn.ExecContext(through, "KILL QUERY ?", p.id)
			return err == nil
		}
		_ = pause.For(ctx, lookAgain)
	}
	return false
}

// What the server says about waits: whether a connection of our own login waits for a table;
// how many in all wait for row locks; and which, to those who may see it.
const (
	waitsForTable = `SELECT COUNT(*), COALESCE(SUM(STATE LIKE 'Waiting for %lock'), 0) FROM information_schema.PROCESSLIST
		WHERE ID = ? AND @@server_uuid = ?`
	howManyWait = `SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'`
	whoWaits    = `SELECT COUNT(*) FROM performance_schema.data_lock_waits w JOIN performance_schema.threads t
		ON t.THREAD_ID = w.REQUESTING_THREAD_ID WHERE t.PROCESSLIST_ID = ?`
)

// cannotConvert is MySQL's error when it lists sessions and one runs a statement with bytes that are not text: at the next look
// it may have ended.
const cannotConvert = 3854

// errElsewhere says that a connection cannot be seen: a proxy may have led to another
// server, where its id belongs to someone else.
var errElsewhere = errors.New("the connection is not at this server")

// waits reports whether a connection has waited for a lock for a while.
func (w *watch) waits(ctx context.Context, conn *sql.Conn, p process, since time.Duration) (bool, error) {
	var there, table, rows int
	if err := conn.QueryRowContext(ctx, waitsForTable, p.id, p.server).Scan(&there, &table); err != nil || table > 0 {
		return table > 0, err
	}
	if there == 0 {
		return false, errElsewhere
	}
	var name string
	if err := conn.QueryRowContext(ctx, howManyWait).Scan(&name, &rows); err != nil || rows == 0 {
		return false, err
	}
	if w.vague.Load() {
		return since >= indistinct, nil
	}
	err := conn.QueryRowContext(ctx, whoWaits, p.id).Scan(&rows)
	if w.blinded(err) {
		return false, nil
	}
	return rows > 0, err
}
