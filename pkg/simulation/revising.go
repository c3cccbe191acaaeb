package simulation

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/verify"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// revising is a transaction in which rows are sent anew, or repaired: a snapshot.Tx and verify.Rows.
type revising struct {
	n         *node
	entries   []version.Entry
	forgotten []change.Row
	marked    []change.Row
	remote    string // for which they are
	token     int64  // of the first
	reached   *snapshot.Reached
}

var (
	_ snapshot.Tx = &revising{}
	_ verify.Rows = &revising{}
)

func (x *revising) States(_ context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	states := map[change.Row]change.State{}
	return states, x.n.each(rows, func(r change.Row, key int) { states[r] = x.n.db.versions[key].State })
}

func (x *revising) Since(_ context.Context, r *snapshot.Renewal, rows []change.Row) (streamed, deleted map[string]bool, err error) {
	streamed, deleted = map[string]bool{}, map[string]bool{}
	return streamed, deleted, x.n.each(rows, func(row change.Row, key int) {
		v := x.n.db.versions[key]
		streamed[row.ID()] = v.position > r.Since && v.Version.Origin == r.Origin && outbox.Needs(r.Remote, v.from, v.Version)
		deleted[row.ID()] = v.fate == version.Deleted && x.n.w.mistake != ResyncDeleted
	})
}

func (x *revising) There(_ context.Context, rows []change.Row) (there []change.Row, err error) {
	err = x.n.each(rows, func(r change.Row, key int) {
		if x.n.db.rows[key].exists {
			there = append(there, r)
		}
	})
	return there, err
}

func (x *revising) Fates(_ context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	fates := map[change.Row]version.Fate{}
	return fates, x.n.each(rows, func(r change.Row, key int) { fates[r] = x.n.db.versions[key].fate })
}

// NotTheirs returns none: all rows go to all remotes.
func (x *revising) NotTheirs(context.Context, []change.Row, string) (map[string]bool, error) {
	return nil, nil
}

func (x *revising) Write(_ context.Context, entries []version.Entry) error {
	x.entries = entries
	return x.n.step()
}

func (x *revising) Forget(_ context.Context, rows []change.Row) error {
	x.forgotten = rows
	return x.n.step()
}

func (x *revising) Mark(_ context.Context, rows []change.Row, remote string) error {
	x.marked, x.remote, x.token = rows, remote, x.n.stream.Token(len(rows))
	return x.n.step()
}

// MarkLost has nothing to do: all rows go to all remotes.
func (x *revising) MarkLost(context.Context, []change.Row, string) error { return nil }

func (x *revising) Advance(_ context.Context, r snapshot.Reached) error {
	x.reached = &r
	return x.n.step()
}

func (x *revising) commit() {
	n := x.n
	for _, e := range x.entries {
		if n.w.mistake == ResyncOne || n.w.mistake == RepairOne {
			e.Position = 0
		}
		key := n.w.keyOf(e.Row)
		n.record(key, e, n.db.versions[key].stands)
		n.w.renewed++
		// It counts as written now, by someone who knew what the row was made of.
		if write := n.db.rows[key].write; write != none {
			n.w.history[write].early = true
		}
		n.w.trace("%s sends %s anew, as %v at %d", n.name, e.Key, e.State, e.Position)
	}
	for _, r := range x.forgotten {
		n.db.versions[n.w.keyOf(r)] = known{stands: none}
		n.w.trace("%s forgets what it knows of %s", n.name, r.Key)
	}
	for i, r := range x.marked {
		n.linkTo(x.remote).box().mark(n.w.keyOf(r), x.token+int64(i), false)
	}
	if x.reached != nil {
		n.reach(*x.reached)
	}
}

// each reads something of rows.
func (n *node) each(rows []change.Row, read func(r change.Row, key int)) error {
	if err := n.step(); err != nil {
		return err
	}
	for _, r := range rows {
		read(r, n.w.keyOf(r))
	}
	return nil
}
