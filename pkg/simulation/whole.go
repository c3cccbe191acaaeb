package simulation

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
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
		x := &revising{l: l}
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
