package simulation

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// newCapture returns the capture of a new process.
func (n *node) newCapture() *capture.Capture {
	c := capture.Config{Origin: n.origin, Syncs: func(string) bool { return true }, Counters: n.w.counters}
	return capture.On(zap.NewNop(), &capturing{n: n}, feed{n}, c)
}

// feed is a node's capture.Feed: what the triggers have noted, in the order of ids.
type feed struct{ n *node }

func (f feed) Next(ctx context.Context) (capture.Batch, error) {
	n := f.n
	if n.source != nil {
		return n.follow(ctx)
	}
	list := n.changes()
	if len(list) == 0 {
		_ = n.nap(-1)
		return nil, n.pause(n.w.random(n.w.tempo.poll))
	}
	return noted{n: n, list: list}, n.step()
}

// changes reads some of the waiting changes.
func (n *node) changes() []entry {
	list := slices.Clone(n.db.changes)
	if n.w.mistake == CaptureByLastID {
		list = slices.DeleteFunc(list, func(e entry) bool { return e.id <= n.lastID })
	}
	slices.SortFunc(list, func(a, b entry) int { return int(a.id) - int(b.id) })
	list = list[:min(len(list), 1+n.w.r.IntN(5))]
	if len(list) > 0 {
		n.lastID = max(n.lastID, list[len(list)-1].id)
	}
	return list
}

// follow yields what the log's source does.
func (n *node) follow(ctx context.Context) (capture.Batch, error) {
	b, err := n.source.Next(ctx)
	if b == nil || err != nil {
		return nil, err
	}
	list := noted{n: n, real: b}
	for _, e := range b.Entries() {
		list.list = append(list.list, entry{id: n.idOf(e), key: n.w.keyOf(e.Row), written: e.Written, gone: e.Gone.Bool})
	}
	return list, n.step()
}

// idOf is the id that the database has for an entry: where a log captures, that is its time.
func (n *node) idOf(e capture.Entry) uint64 {
	if n.source == nil {
		return e.ID
	}
	return uint64(e.Written) //nolint:gosec // after 1970
}

// captured is an entry as a capture.Source returns it.
func (n *node) captured(e entry) capture.Entry {
	return capture.Entry{ID: e.id, Row: n.row(e.key), Written: e.written, Gone: sql.NullBool{Valid: true, Bool: e.gone}, Changed: e.changed, Counted: e.counted}
}

// noted is the capture.Batch of the simulation.
type noted struct {
	n    *node
	list []entry
	real capture.Batch // of the log's source; nil: triggers capture
}

func (e noted) Entries() []capture.Entry {
	if e.real != nil {
		return e.real.Entries()
	}
	list := make([]capture.Entry, len(e.list))
	for i, one := range e.list {
		list[i] = e.n.captured(one)
	}
	if e.n.w.mistake == RecordBackwards {
		slices.Reverse(list)
	}
	return list
}

func (noted) Consume(context.Context, mysqldb.Tx, *version.Writing, ...mysqldb.Query) error {
	return errNotPlayed
}

// ids returns the ids of the entries.
func (e noted) ids() (ids []uint64) {
	for _, one := range e.list {
		ids = append(ids, one.id)
	}
	return ids
}

// latest returns the last write of a row.
func (e noted) latest(key int) (last entry) {
	for _, one := range e.list {
		if one.key == key {
			last = one
		}
	}
	if e.real != nil {
		last.write = none
		if w, ok := e.n.binary.writes[last.id]; ok {
			last.write = w
		}
	}
	return last
}

// capturing is a node's capture.Database and its only transaction: capture has one at a time.
type capturing struct {
	n       *node
	keys    []int
	batch   noted
	entries []version.Entry
	routed  *routeTx      // nil: nothing is routed
	moved   *log.Recorded // P, from the commit on
	done    []binlog.Change
}

func (x *capturing) Write(_ context.Context, rows []change.Row, f func(capture.Tx, *version.Writing) error) error {
	n := x.n
	return n.stream.Decide(ctx, rows, func(w *version.Writing) error {
		x = &capturing{n: n}
		for _, r := range rows {
			x.keys = append(x.keys, n.w.keyOf(r))
		}
		if err := f(x, w); err != nil {
			return err
		}
		return n.commit(&transaction{keys: x.keys, do: x.commit, logs: x.logs, moves: x.moved != nil})
	})
}

// Consume waits for hanging transactions, which may have deleted some, and finds out whether all are there.
func (x *capturing) Consume(_ context.Context, b capture.Batch, w *version.Writing, _ []change.Row) error {
	n := x.n
	for {
		if err := n.step(); err != nil {
			return err
		}
		if !n.blocked(x.keys) {
			break
		}
	}
	x.batch = b.(noted)
	if x.batch.real != nil {
		return x.batch.real.Consume(ctx, recording{x: x, done: &x.done}, w)
	}
	if !n.db.has(x.batch.ids()) {
		return capture.ErrConsumed
	}
	if n.w.mistake == CaptureThenRecord {
		n.db.drop(x.batch.ids())
	}
	return nil
}

func (x *capturing) States(_ context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	states := map[change.Row]change.State{}
	for _, r := range rows {
		states[r] = x.n.db.versions[x.n.w.keyOf(r)].State
	}
	return states, x.n.step()
}

func (x *capturing) Record(_ context.Context, w *version.Writing, entries []version.Entry) error {
	if r := x.n.router; r != nil && x.routed == nil {
		x.routed = x.n.routeTx(entries, x.n.see, func(list []version.Entry) { x.entries = list })
		return r.RecordIn(ctx, x.routed, w, entries)
	}
	x.entries = entries
	for i := range entries {
		key := x.n.w.keyOf(entries[i].Row)
		x.n.mistaken(&entries[i], x.n.db.versions[key], x.batch.latest(key).written)
	}
	return x.n.step()
}

func (x *capturing) Respelled(context.Context, []change.Row, []change.Row) error { return nil }

func (x *capturing) commit() {
	n := x.n
	if x.routed != nil {
		x.routed.commit()
	}
	x.again()
	n.db.drop(x.batch.ids())
	if x.moved != nil {
		n.binary.p = *x.moved
	}
	for _, e := range x.entries {
		key := n.w.keyOf(e.Row)
		write := x.batch.latest(key).write
		n.record(key, e, write)
		n.w.trace("%s captures %s: %d is %v at %d", n.name, e.Key, write, e.State, e.Position)
	}
	n.wake()
}

// again notes writes that the log tells of a second time, after a COMMIT without an answer, or since apply has decided over them:
// they get one more version, which those who know the first do not know.
func (x *capturing) again() {
	n := x.n
	for _, e := range x.batch.list {
		if x.batch.real == nil || n.db.has([]uint64{e.id}) {
			continue
		}
		for _, write := range []int{x.batch.latest(e.key).write, n.db.rows[e.key].write} {
			if write != none {
				n.w.history[write].early = true
			}
		}
	}
}

// mistaken makes the mistakes in what is recorded for a row that already had a version.
func (n *node) mistaken(e *version.Entry, before known, written int64) {
	switch n.w.mistake {
	case KeepPosition:
		e.Position = cmp.Or(before.position, e.Position)
	case KeepCameFrom:
		e.From = before.from
	case NoLogicalClock:
		e.State = conflict.Next(change.State{}, written, n.origin)
		e.Seen = before.Seen.With(before.Version).With(e.Version)
	case NoVectors:
		e.Seen = change.Vector{e.Version}
	}
}
