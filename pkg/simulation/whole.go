package simulation

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// whole is all rows, which one remote is sent with new versions: a row of sync_snapshots. Keys are sent in their order.
type whole struct {
	open    bool
	started int64 // by the node's clock
	since   int64 // the stream's end
	next    int
}

// resyncs plans that some nodes are asked to send a remote all rows.
func (w *world) resyncs(end int64) {
	for range 1 + w.r.IntN(4) {
		n := w.nodes[w.r.IntN(len(w.nodes))]
		l := n.links[w.r.IntN(len(n.links))]
		w.queue.add(w.now+w.r.Int64N(end-w.now+1), func() {
			if n.serverUp {
				l.box().all = whole{open: true, started: n.clock(), since: n.db.lastPosition()}
				n.rouse(n.marking)
			}
		})
	}
}

// resync goes on with what is to be sent to remotes as a whole, as snapshot.Snapshots does: row by row.
func (n *node) resync(context.Context) {
	for p := n.w.running; !p.dead; {
		open := false
		for _, l := range n.links {
			if open = open || l.box().all.open; l.box().all.open {
				_ = l.renewNext()
			}
		}
		if open {
			_ = n.step()
		} else {
			_ = n.nap(-1)
		}
	}
}

// renewNext gives the next row a new version.
func (l *link) renewNext() error {
	n, st := l.n, l.box().all
	key := st.next
	var rows []change.Row
	if n.db.rows[key].exists {
		rows = append(rows, n.row(key))
	}
	r := &snapshot.Renewal{Remote: l.to.name, Origin: n.origin, Since: st.since, Written: min(st.started, n.clock())}
	err := n.stream.Decide(ctx, rows, func(w *version.Writing) error {
		x := &renewing{l: l}
		if err := r.Renew(ctx, x, rows, w.Positions); err != nil {
			return err
		}
		return n.commit(&transaction{keys: []int{key}, do: func() {
			x.commit()
			if all := &l.box().all; *all == st {
				all.next++
				all.open = all.next < n.w.keys
			}
		}})
	})
	l.tell(func() { l.sender.Marked() })
	n.wake()
	return err
}

// renewing is a link's snapshot.Rows.
type renewing struct {
	l       *link
	entries []version.Entry
	token   int64
}

func (x *renewing) States(_ context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	states := map[change.Row]change.State{}
	return states, x.l.each(rows, func(r change.Row, key int) { states[r] = x.l.n.db.versions[key].State })
}

func (x *renewing) Since(_ context.Context, r *snapshot.Renewal, rows []change.Row) (streamed, deleted map[string]bool, err error) {
	streamed, deleted = map[string]bool{}, map[string]bool{}
	return streamed, deleted, x.l.each(rows, func(row change.Row, key int) {
		v := x.l.n.db.versions[key]
		streamed[row.ID()] = v.position > r.Since && v.Version.Origin == r.Origin && outbox.Needs(r.Remote, v.from, v.Version)
		deleted[row.ID()] = v.fate == version.Deleted && x.l.n.w.mistake != ResyncDeleted
	})
}

func (x *renewing) There(_ context.Context, rows []change.Row) (there []change.Row, err error) {
	err = x.l.each(rows, func(r change.Row, key int) {
		if x.l.n.db.rows[key].exists {
			there = append(there, r)
		}
	})
	return there, err
}

func (x *renewing) Write(_ context.Context, entries []version.Entry) error {
	x.entries = entries
	return x.l.n.step()
}

func (x *renewing) Mark(context.Context, []change.Row, string) error {
	x.token = x.l.n.stream.Token(1)
	return x.l.n.step()
}

func (x *renewing) commit() {
	n := x.l.n
	for _, e := range x.entries {
		if n.w.mistake == ResyncOne {
			e.Position = 0
		}
		key := n.w.keyOf(e.Row)
		n.record(key, e, n.db.versions[key].stands)
		n.w.renewed++
		x.l.box().mark(key, x.token)
		// It counts as written now, by somebody who knew what the row was made of.
		n.w.history[n.db.rows[key].write].early = true
		n.w.trace("%s sends %s anew, as %v at %d", n.name, e.Key, e.State, e.Position)
	}
}

// each reads something of rows.
func (l *link) each(rows []change.Row, read func(r change.Row, key int)) error {
	if err := l.n.step(); err != nil {
		return err
	}
	for _, r := range rows {
		read(r, l.n.w.keyOf(r))
	}
	return nil
}
