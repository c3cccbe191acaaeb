package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// whole is a table that one remote is sent as a whole, with new versions: a row of
// sync_snapshots. Keys are sent in their order.
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
		slot := w.r.IntN(len(n.remotes))
		w.queue.add(w.now+w.r.Int64N(end-w.now+1), func() {
			if n.serverUp {
				n.db.remotes[slot].all = whole{open: true, started: n.clock(), since: n.db.lastPosition()}
				n.resync(slot)
			}
		})
	}
}

// resync goes on with what is to be sent to a remote as a whole.
func (n *node) resync(slot int) {
	if n.ready && n.db.remotes[slot].all.open && !n.resyncing[slot] {
		n.resyncing[slot] = true
		n.step(func() { n.chunk(slot) })
	}
}

// chunk gives the next row a new version, as snapshot.mark does with many.
func (n *node) chunk(slot int) {
	st := n.db.remotes[slot].all
	if !st.open {
		n.resyncing[slot] = false
		return
	}
	keys := []int{st.next}
	exists := n.db.rows[st.next].exists
	n.latch(keys, func() {
		n.settle(func() { n.renewFor(slot, st, keys, exists) })
	})
}

func (n *node) renewFor(slot int, st whole, keys []int, exists bool) {
	if n.blocked(keys) {
		n.step(func() { n.renewFor(slot, st, keys, exists) })
		return
	}
	key, w, r := keys[0], &writing{keys: keys}, &n.db.remotes[slot]
	v, token := n.db.versions[key], n.stream.token()
	// A version that was given here since goes to the remote by the stream.
	streamed := v.position > st.since && v.Version.Origin == n.origin && v.from != n.w.nodes[n.remotes[slot]].name
	v.State, v.position = conflict.Next(v.State, st.started, n.origin), n.stream.positions(w, 1)
	v.from = n.w.nodes[n.remotes[slot]].name // which has a mark
	if n.w.mistake == ResyncOne {
		v.position = 0
	}
	w.commit = func() {
		if exists && !streamed {
			n.db.record(key, v)
			n.w.versions[key]++
			r.mark(key, token)
			// It counts as written now, by somebody who knew what the row was made of.
			n.w.history[n.db.rows[key].write].early = true
			n.w.trace("%s sends %s anew, as %v at %d", n.name, n.w.names[key], v.State, v.position)
		}
		if r.all == st {
			r.all.next++
			r.all.open = r.all.next < n.w.keys
		}
	}
	n.finish(w, func(bool) {
		n.unlatch(keys)
		n.wake()
		n.step(func() { n.chunk(slot) })
	})
}

// resyncsOpen goes on with what was begun before a kill.
func (n *node) resyncsOpen() {
	n.resyncing = slices.Repeat([]bool{false}, len(n.remotes))
	for slot := range n.remotes {
		n.resync(slot)
	}
}
