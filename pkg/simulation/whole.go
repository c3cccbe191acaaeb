package simulation

import (
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
func (n *node) resync() {
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
	exists := n.db.rows[key].exists
	row := n.row(key)
	err := n.stream.Decide(ctx, []change.Row{row}, func(w *version.Writing) error {
		if err := n.step(); err != nil {
			return err
		}
		v := n.db.versions[key]
		// A version that was given here since goes to the remote by the stream.
		streamed := v.position > st.since && v.Version.Origin == n.origin && outbox.Needs(l.to.name, v.from, v.Version)
		token := n.stream.Token(1)
		e := snapshot.Renewed([]change.Row{row}, map[change.Row]change.State{row: v.State}, min(st.started, n.clock()), n.origin, l.to.name, w.Positions(1))[0]
		if n.w.mistake == ResyncOne {
			e.Position = 0
		}
		return n.commit(&transaction{keys: []int{key}, do: func() {
			r := l.box()
			if exists && !streamed {
				n.record(key, e, v.stands)
				n.w.versions[key]++
				r.mark(key, token)
				// It counts as written now, by somebody who knew what the row was made of.
				n.w.history[n.db.rows[key].write].early = true
				n.w.trace("%s sends %s anew, as %v at %d", n.name, row.Key, e.State, e.Position)
			}
			if r.all == st {
				r.all.next++
				r.all.open = r.all.next < n.w.keys
			}
		}})
	})
	l.tell(func() { l.sender.Marked() })
	n.wake()
	return err
}
