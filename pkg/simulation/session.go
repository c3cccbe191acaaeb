package simulation

import (
	"context"
	"errors"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// errNotPlayed is returned by what is never called in these networks.
var errNotPlayed = errors.New("the simulation does not play this")

// What a server answers.
var (
	errLocked     = mysqldb.Answer(1205, "somebody has locked it")
	errDuplicate  = mysqldb.Answer(1062, "another row has the value")
	errParent     = mysqldb.Answer(1452, "there is no such parent")
	errReferenced = mysqldb.Answer(1451, "a row refers to it")
	errRefused    = mysqldb.Answer(1644, "a trigger refuses the row")
)

// server is a node's apply.Database.
type server struct{ n *node }

func (s server) Table(_ context.Context, name string) (*schema.Table, error) {
	if name == children.Name {
		return children, nil
	}
	return parents, nil
}
func (s server) Forget(string)                                {}
func (s server) Identify(context.Context, []change.Row) error { return nil }
func (s server) Locks() apply.Locks                           { return apply.Locks{Told: true} }

func (s server) Write(_ context.Context, rows []change.Row, f func(apply.Tx, *version.Writing) error) error {
	n := s.n
	return n.stream.Decide(ctx, rows, func(w *version.Writing) error {
		x := &session{n: n, came: n.came, life: n.session, rows: map[int]row{}, found: map[int]row{}}
		if err := n.step(); err != nil {
			return err
		}
		if err := f(x, w); err != nil {
			x.unlock() // rolled back
			return err
		}
		if n.w.mistake == RememberAll {
			w.Wrote(nil)
		}
		for _, r := range rows {
			x.keys = append(x.keys, n.w.keyOf(r))
		}
		return n.commit(&transaction{keys: x.keys, locked: x.locked, codes: x.codes, do: x.commit, logs: x.logs})
	})
}

// session is a transaction of a node's applier. Only the session sees what it writes until it commits.
type session struct {
	n         *node
	came      arrivals
	life      int
	keys      []int
	rows      map[int]row // as it has written them
	found     map[int]row // as they were when they were locked
	locked    []int
	codes     []string
	unchecked bool
	entries   []version.Entry
	kept      []losers.Entry
	settled
	marked []marking
	stale
	routed *routeTx // nil: nothing is routed
}

// settled are the local writes that the transaction takes from their source.
type settled struct {
	consumed []capture.Entry
	done     []binlog.Change // what the log has of them
}

// stale is what was read before; only mistakes look at it.
type stale struct {
	early  map[string][]capture.Entry // only for DecideBeforeLock
	asked  binlog.Written             // only for LogAskBeforeLock
	locals map[string]*apply.Local    // only for LockOnce
}

// marking is rows that are marked for a remote.
type marking struct {
	remote string
	rows   []change.Row
	token  int64 // of the first
	lost   bool
}

func (x *session) unlock() {
	if x.n.session == x.life { // otherwise the kill has done it
		x.n.unlock(x.locked)
		x.n.release(x.codes)
	}
	x.locked, x.codes = nil, nil
}

// row returns a row as the transaction sees it.
func (x *session) row(key int) row {
	if r, ok := x.rows[key]; ok {
		return r
	}
	return x.n.db.rows[key]
}

// lock locks a row, unless someone else has.
func (x *session) lock(key int) error {
	switch {
	case slices.Contains(x.locked, key):
		return nil
	case x.n.locks[key] != free:
		return errLocked
	}
	x.n.locks[key] = applier
	x.locked = append(x.locked, key)
	return nil
}
