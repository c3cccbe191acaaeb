package owner

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// ErrSecondNode says that another node is using the database.
var ErrSecondNode = errors.New("another mysql-sync node is using this database")

const (
	lockWait  = 3 * time.Second  // waiting for the lock of a node that has just stopped
	lockCheck = 10 * time.Second // between two checks of the own lock
)

// Lock keeps a second node off the database: both would capture the same writes. It is a named lock of the server, so
// it goes with the connection, however the node ends.
//
// A node may learn late that it has lost its lock, for example if its machine was paused. So the lock only decides who
// becomes the owner of the database; each transaction checks for itself whether the node still is. See Own.
type Lock struct {
	log   *zap.Logger
	db    *mysqldb.DB
	name  string
	conn  *sql.Conn
	id    int64 // of the connection, at the server
	owner schema.Owner
	lost  chan struct{} // a transaction has found another owner
}

// Acquire takes the lock, or returns ErrSecondNode with the holder.
func Acquire(ctx context.Context, log *zap.Logger, db *mysqldb.DB, client string) (*Lock, error) {
	l := &Lock{log: log.With(zap.String("client", client)), db: db, name: schema.Lock(db.Name), lost: make(chan struct{}, 1)}
	if err := l.take(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Lock) take(ctx context.Context) error {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("lock the database: %w", err)
	}
	var got sql.NullInt64
	var id int64
	// The server drops the connection, and the lock, of a node that is not heard of for a minute.
	if _, err = conn.ExecContext(ctx, `SET SESSION wait_timeout = 60`); err == nil {
		err = conn.QueryRowContext(ctx, `SELECT GET_LOCK(?, ?), CONNECTION_ID()`, l.name, int(lockWait.Seconds())).Scan(&got, &id)
	}
	if err == nil && got.Int64 == 1 {
		l.conn, l.id = conn, id
		return nil
	}
	defer conn.Close()
	if err != nil {
		return fmt.Errorf("lock the database: %w", err)
	}
	var holder sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT IS_USED_LOCK(?)`, l.name).Scan(&holder); err != nil {
		return fmt.Errorf("lock the database: %w", err)
	}
	if holder.Int64 == l.id {
		return errors.New("the server has not noticed yet that the old connection is gone")
	}
	return fmt.Errorf("%w (%s): stop it first; its lock is held by connection %d of the server%s; if no node runs any more, KILL that connection",
		ErrSecondNode, l.db.Name, holder.Int64, whose(ctx, conn, holder.Int64))
}

// whose names the user and the address of a connection, or says how to find them: a user without PROCESS sees only its own. It
// asks several times, as a busy server's list once lacked a connection.
func whose(ctx context.Context, conn *sql.Conn, id int64) string {
	for range 5 {
		var user, host string
		if conn.QueryRowContext(ctx, `SELECT USER, HOST FROM information_schema.PROCESSLIST WHERE ID = ?`, id).Scan(&user, &host) == nil {
			return fmt.Sprintf(", of %s from %s", user, host)
		}
		if pause.For(ctx, 50*time.Millisecond) != nil {
			break
		}
	}
	return " (see SHOW PROCESSLIST)"
}

// Own makes this run of the node the owner of the database, once the transactions of previous runs have ended, and
// makes everything that the pools write depend on that. Whatever the node reads from its own tables to go by, it reads
// after this. The transaction of a node lost behind a silent network ends when the server drops its connection, after a
// minute.
func (l *Lock) Own(ctx context.Context, pools ...*mysqldb.DB) error {
	for {
		owner, err := schema.Claim(ctx, l.conn)
		if err == nil {
			l.owner = owner
			break
		}
		if !mysqldb.LockTimeout(err) || ctx.Err() != nil {
			return err
		}
		l.log.Warn("waiting for transactions of an earlier run to end", zap.Error(err))
	}
	for _, db := range pools {
		db.Fence(l.owner.Condition(), l.doubt)
	}
	return nil
}

// doubt makes Hold check at once who owns the database.
func (l *Lock) doubt() {
	select {
	case l.lost <- struct{}{}:
	default:
	}
}

// Hold keeps the lock until ctx ends. A lost connection is re-established; the error is ErrSecondNode if another node
// was faster, even if that has stopped since: what this one knows about the database is no longer true.
func (l *Lock) Hold(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.lost:
		case <-time.After(lockCheck):
		}
		if l.alive(ctx) {
			if err := l.confirm(ctx); errors.Is(err, ErrSecondNode) {
				return err
			}
			continue
		}
		_ = l.conn.Raw(func(any) error { return driver.ErrBadConn }) // it is lost: out of the pool
		_ = l.conn.Close()
		err := l.retake(ctx)
		if errors.Is(err, ErrSecondNode) {
			return err
		}
		if err != nil {
			l.log.Warn("the lock on the database was lost with its connection; retrying", zap.Error(err))
		}
	}
}

func (l *Lock) retake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lockCheck)
	defer cancel()
	if err := l.take(ctx); err != nil {
		return err
	}
	return l.confirm(ctx)
}

// confirm returns ErrSecondNode if the database now belongs to another run.
func (l *Lock) confirm(ctx context.Context) error {
	if l.owner == "" { // a command's
		return nil
	}
	owns, err := l.owner.Owns(ctx, l.conn)
	if err != nil || owns {
		return err
	}
	return fmt.Errorf("%w (%s), or did while this one was cut off from it, or a backup was restored under it: "+
		"this one has written nothing since, and ends", ErrSecondNode, l.db.Name)
}

// alive asks for a sign of life; a network that swallows everything gives none.
func (l *Lock) alive(ctx context.Context) bool {
	short, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	return l.conn.PingContext(short) == nil || ctx.Err() != nil
}

// Release releases the database.
func (l *Lock) Release() {
	_ = l.conn.Close() // the pool's Close ends the connection itself
}
