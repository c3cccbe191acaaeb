package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// Ledger is an open state file. It is safe for concurrent use.
type Ledger struct {
	file   string
	now    func() time.Time
	lock   *os.File // nil for a copy
	remove string   // a copy's folder
	life   string

	read  *sql.DB
	looks func() (*sql.Stmt, error) // look-ups, prepared once
	turn  chan struct{}             // has a token while someone writes; it guards the fields below, and all that legs remember
	tx    *tx

	legs    map[legKey]*Leg
	inboxes map[inboxKey]*Inbox

	unwritten unwritten

	close sync.Once
}

// Config tunes a ledger. The zero value is fine.
type Config struct {
	Now   func() time.Time // nil: time.Now
	Piece int              // bytes of the pieces in which larger rows are stored; 0: 1 MiB
}

const (
	applicationID = 0x6d73636c // "mscl", so that no other database is taken for a ledger
	busy          = 10 * time.Second
	cacheKiB      = 8 << 10 // the writer's
	readers       = 4
	readCacheKiB  = 2 << 10 // of each reader
)

// Open opens the state file, creates it if it does not exist, and migrates it to this version's form. No other process
// can open it until Close: a *LockedError says which process has it. Batches that were in flight when the last process
// ended are now in doubt, and its runs interrupted.
func Open(ctx context.Context, file string, c Config) (*Ledger, error) {
	held, err := lock(file)
	if err != nil {
		return nil, err
	}
	l, err := open(ctx, file, c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), unlock(held))
	}
	l.lock = held
	return l, nil
}

func open(ctx context.Context, file string, c Config) (*Ledger, error) {
	if err := private(file); err != nil {
		return nil, err
	}
	l := &Ledger{file: file, now: c.Now, turn: make(chan struct{}, 1), legs: map[legKey]*Leg{}, inboxes: map[inboxKey]*Inbox{}}
	if l.now == nil {
		l.now = time.Now
	}
	var err error
	if l.tx, err = newTx(ctx, file); err != nil {
		return nil, err
	}
	if l.read, err = connect(file, readCacheKiB, reads); err != nil {
		return nil, errors.Join(err, l.tx.close())
	}
	l.looks = prepared(l.read)
	l.read.SetMaxOpenConns(readers)
	l.read.SetMaxIdleConns(readers)
	l.tx.piece = cmp.Or(c.Piece, pieceBytes)
	if err = migrate(l.tx); err == nil {
		err = l.tx.look()
	}
	if err == nil {
		err = l.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.read.Close(), l.tx.close())
	}
	return l, nil
}

// access is what a connection may do.
type access int

const (
	writes access = iota
	reads
	copies // reads, and writes other files
)

// private creates the file if it does not exist, readable only by its owner, since it holds rows. SQLite gives its other
// files the same mode.
func private(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// connect opens nothing yet. The address configures each connection.
func connect(file string, cache int, a access) (*sql.DB, error) {
	full, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	q := url.Values{}
	q.Set("_busy_timeout", fmt.Sprint(busy.Milliseconds()))
	q.Set("_foreign_keys", "on")
	q.Add("_pragma", fmt.Sprintf("cache_size(-%d)", cache))
	switch a {
	case writes:
		q.Set("_auto_vacuum", "incremental")
		q.Set("_journal_mode", "wal")
		q.Set("_synchronous", "full")
		q.Add("_pragma", "journal_size_limit(67108864)")
	case reads:
		q.Set("_query_only", "on")
	case copies:
		q.Set("mode", "ro")
	}
	address := url.URL{Scheme: "file", Path: full, RawQuery: q.Encode()}
	return sql.Open("sqlite", address.String())
}

// begin draws a life if there is none, and marks whatever was in flight or running when the last process ended.
func (l *Ledger) begin(ctx context.Context) error {
	err := l.update(ctx, func(tx *tx) error {
		if err := tx.exec(`INSERT OR IGNORE INTO meta VALUES ('life', ?)`, rand.Text()[:10]); err != nil {
			return err
		}
		if err := tx.one(`SELECT value FROM meta WHERE name = 'life'`).Scan(&l.life); err != nil {
			return err
		}
		if err := tx.exec(`UPDATE batches SET state = 'doubt'`); err != nil { // Promise 2
			return err
		}
		return tx.exec(`UPDATE runs SET state = 'interrupted', ended = ? WHERE state = 'running'`, l.ms())
	})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return nil
}

// Close closes the ledger. Batches in flight are in doubt at the next start.
func (l *Ledger) Close() error {
	err := error(nil)
	l.close.Do(func() {
		l.turn <- struct{}{} // a writer finishes first
		err = l.read.Close()
		if l.tx != nil {
			err = errors.Join(err, l.tx.close())
		}
		if l.remove != "" {
			err = errors.Join(err, os.RemoveAll(l.remove))
		}
		if l.lock != nil {
			err = errors.Join(err, unlock(l.lock))
		}
		<-l.turn
	})
	return err
}

// update runs f in a transaction, in its turn, and after once it is committed: only after may change what the turn
// guards. The transaction itself does not end with ctx, since it must be known whether it was committed; it is short.
func (l *Ledger) update(ctx context.Context, f func(tx *tx) error, after ...func()) error {
	if l.tx == nil {
		return errView
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.tx.do(func() error { return f(l.tx) }); err != nil {
		l.unwritten.cannot(err)
		return err
	}
	for _, a := range after {
		a()
	}
	return nil
}

func (l *Ledger) ms() int64 { return l.now().UnixMilli() }

// at converts a time in the file, or none, to Go's.
func at(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64)
}

// when is the inverse of at.
func when(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}
