package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

const (
	shared  = 50        // rows that all sessions of both sites write: ids 1 to shared
	hot     = 10        // of these, those that a storm hits
	ownIDs  = 1_000_000 // ids that belong to one session
	pace    = time.Millisecond
	breath  = 20 * time.Millisecond // after an error: the server may be dead
	holding = 5 * time.Millisecond  // how long a stormer keeps its first lock
)

// load is the users' sessions at both sites.
type load struct {
	quit     context.CancelFunc
	done     sync.WaitGroup
	sessions []*session
}

// startLoad starts two sessions at each site, or the stormers.
func startLoad(w *world) *load {
	ctx, quit := context.WithCancel(w.ctx)
	l := &load{quit: quit}
	if w.quiet {
		return l
	}
	for i, s := range w.sites() {
		for k := range max(2, w.stormers) {
			x := &session{s: s, name: fmt.Sprintf("%s-%d", s.Name, k+1), first: int64(1+i*100+k) * ownIDs, storms: w.stormers > 0}
			l.sessions = append(l.sessions, x)
			l.done.Go(func() { x.run(ctx) })
		}
	}
	return l
}

// stop ends the sessions and returns what they did.
func (l *load) stop() []write {
	l.quit()
	l.done.Wait()
	var all []write
	for _, x := range l.sessions {
		all = append(all, x.writes...)
	}
	return all
}

// write is what one statement did to a row, and how its transaction ended.
type write struct {
	id    int64
	over  string // name that the row had; empty: it was not there
	name  string // its new name, which is unique; empty: it was deleted
	doubt bool   // COMMIT returned an error: it may be committed or not
	site  string
}

// session is one user: a transaction every few milliseconds, on its own rows and on shared ones.
type session struct {
	s      *site
	name   string
	first  int64
	storms bool

	writes []write // for others only once run has returned
	next   int64   // own rows so far
	count  int     // names given so far
}

// run writes until ctx ends, whatever errors occur.
func (x *session) run(ctx context.Context) {
	for ctx.Err() == nil {
		rest := pace
		if err := x.transaction(); err != nil {
			rest = breath
		}
		_ = pause.For(ctx, rest)
	}
}

// transaction writes one row, or two in the given order. It does not use the context of the run: a
// transaction that has begun is finished, so that the end of a run leaves none in doubt.
func (x *session) transaction() error {
	x.s.hold.RLock()
	defer x.s.hold.RUnlock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	tx, err := x.s.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	var writes []write
	for i, id := range x.pick() {
		if i > 0 {
			time.Sleep(holding) // a user's think time before the second row
		}
		w, err := x.change(ctx, tx, id)
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	err = tx.Commit()
	for _, w := range writes {
		w.doubt = err != nil
		x.writes = append(x.writes, w)
	}
	return err
}

// pick chooses the rows of a transaction.
func (x *session) pick() []int64 {
	if x.storms {
		two := rand.Perm(hot)
		return []int64{int64(1 + two[0]), int64(1 + two[1])}
	}
	switch n := rand.IntN(10); {
	case n < 4 || x.next == 0:
		x.next++
		return []int64{x.first + x.next}
	case n < 8:
		return []int64{x.first + 1 + rand.Int64N(x.next)}
	default:
		return []int64{1 + rand.Int64N(shared)}
	}
}

// change reads a row and inserts, updates or deletes it.
func (x *session) change(ctx context.Context, tx *sql.Tx, id int64) (write, error) {
	w := write{id: id, site: x.s.Name}
	err := tx.QueryRowContext(ctx, `SELECT name FROM orders WHERE id = ? FOR UPDATE`, id).Scan(&w.over)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return w, err
	}
	x.count++
	name := fmt.Sprintf("%s/%d", x.name, x.count)
	switch {
	case w.over == "":
		w.name = name
		_, err = tx.ExecContext(ctx, `INSERT INTO orders (id, name, amount) VALUES (?, ?, ?)`, id, name, x.count)
	case rand.IntN(4) == 0:
		_, err = tx.ExecContext(ctx, `DELETE FROM orders WHERE id = ?`, id)
	default:
		w.name = name
		_, err = tx.ExecContext(ctx, `UPDATE orders SET name = ?, amount = ? WHERE id = ?`, name, x.count, id)
	}
	return w, err
}
