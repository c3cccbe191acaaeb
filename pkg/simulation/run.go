package simulation

import (
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Report is what a run came to.
type Report struct {
	Shape  string // of the network
	Nodes  int
	Writes int // committed by users
	Rows   int // sent after the last write
	// Broken says which promises were broken, and by what; empty if none.
	Broken []string
	// Differing counts the rows that are not the same everywhere at the end, and Versions those that are, in different
	// versions: after a restored backup nobody sees these differ before the row is written again.
	Differing int
	Versions  int
	// Lost counts the writes that are nowhere, without those that a node lost
	// because its backup did not hold them: Undone.
	Lost   int
	Undone int
}

// Run runs the network drawn from the seed until nothing moves.
func Run(seed uint64, o Options) Report {
	w := newWorld(seed, o)
	for _, n := range w.nodes {
		n.start()
	}
	end := w.writes()
	w.faults(end)
	report := Report{Shape: w.shape, Nodes: len(w.nodes)}
	if o.Restores {
		w.restores(end)
	}
	if o.Resyncs {
		w.resyncs(end)
	}
	if o.Routes {
		w.reroutes(end)
	}
	w.queue.add(end, w.rest)
	if o.Repair {
		w.queue.add(end+3600*second, w.repair)
		w.queue.add(end+2*3600*second, w.repair)
	}
	w.drain()
	w.check(&report)
	for _, n := range w.nodes {
		n.kill() // which ends its processes
	}
	report.Writes, report.Rows, report.Broken = len(w.history), w.rowsSent, w.broken
	return report
}

// writes plans the users' writes, on all nodes or on few, and returns when they
// are over.
func (w *world) writes() (end int64) {
	at := w.now
	writers := 1 + w.r.IntN(len(w.nodes))
	for range 3 + w.r.IntN(30) {
		at += w.random(w.tempo.write)
		n, key := w.nodes[w.r.IntN(writers)], w.r.IntN(w.keys)
		w.queue.add(at, func() { w.write(n, key) })
	}
	return at + w.random(10*w.tempo.write)
}

// faults plans kills, partitions, lost connections and clocks that are set.
func (w *world) faults(end int64) {
	moment := func() int64 { return w.now + w.r.Int64N(end-w.now+1) }
	each := func(most int, do func(n *node)) {
		for range w.r.IntN(most + 1) {
			n := w.nodes[w.r.IntN(len(w.nodes))]
			w.queue.add(moment(), func() { do(n) })
		}
	}
	each(len(w.nodes), func(n *node) { n.w.stop(n, (*node).kill) })
	each(len(w.nodes)/2, func(n *node) { n.w.stop(n, (*node).killServer) })
	each(len(w.nodes), func(n *node) {
		if n.ready {
			n.links[w.r.IntN(len(n.links))].lose()
		}
	})
	each(2, func(n *node) { n.offset += (w.r.Int64N(120) - 60) * 60 * second })
	for _, n := range w.nodes {
		for _, l := range n.links {
			if l.declines != "" {
				w.queue.add(moment(), l.takeAll)
			}
		}
	}
	for side := range w.r.IntN(4) {
		from := moment()
		until := min(end, from+w.random(end-w.now))
		w.queue.add(from, func() { w.cut(uint64(1) << side) })
		w.queue.add(until, func() { w.heal(uint64(1) << side) })
	}
}

// stop kills a node and starts it a while later.
func (w *world) stop(n *node, kill func(*node)) {
	w.trace("%s is killed", n.name)
	kill(n)
	w.after(w.random(20*w.tempo.step), n.start)
}

// cut takes some nodes apart from the others.
func (w *world) cut(side uint64) {
	for _, n := range w.nodes {
		if w.r.IntN(2) == 0 {
			n.sides |= side
		}
	}
}

func (w *world) heal(side uint64) {
	for _, n := range w.nodes {
		n.sides &^= side
	}
}

// restTime is how long it may take after the last write until nothing moves any more.
const restTime = 12 * 3600 * second

// rest begins the time without writes and faults.
func (w *world) rest() {
	w.calm, w.calmed, w.tempo = true, w.now, calm
	w.rowsSent = 0
	w.heal(^uint64(0))
	for _, n := range w.nodes {
		n.start()
	}
	if w.ties && w.routes == nil {
		for i := range int64(3) {
			w.after((1+i)*60*second, w.shareOut)
		}
	}
}

// shareOut has users see to it that no two rows want one code: sites that gave it to different rows do not agree until they do.
func (w *world) shareOut() {
	first := map[string]int{}
	for key := range w.keys {
		for _, n := range w.nodes {
			c := n.db.rows[key].value(ofCode)
			if c == nil {
				continue
			}
			if other, ok := first[string(c)]; !ok || other == key {
				first[string(c)] = key
				continue
			}
			w.writeAs(n, key, statement{})
			break
		}
	}
}

// restores plans that nodes are set back to backups, rows, versions and places in the
// stream alike, and notice it.
func (w *world) restores(end int64) {
	for range 1 + w.r.IntN(2) {
		n := w.nodes[w.r.IntN(len(w.nodes))]
		taken := w.now + w.r.Int64N(end-w.now+1)
		restored := taken + w.r.Int64N(end-taken+1)
		w.queue.add(taken, func() {
			old, since := n.db.backup(), len(w.history)
			w.queue.add(restored, func() {
				w.trace("%s is restored", n.name)
				n.killServer()
				for _, loser := range n.db.losers[min(len(old.losers), len(n.db.losers)):] {
					w.history[loser].undone = true // unless another node has kept it too
				}
				n.db, n.origin = old, change.Origin(n.name, strconv.Itoa(len(w.history)))
				for i := since; i < len(w.history); i++ {
					v := &w.history[i]
					v.undone = v.undone || v.node == n.id
				}
				n.start()
			})
		})
	}
}

// drain lets happen what is planned, and what comes of it, until nothing is left.
func (w *world) drain() {
	for w.queue.heap.Len() > 0 {
		e := w.queue.next()
		w.now = e.at
		e.do()
		switch {
		case w.hostile() != nil:
			if w.calm && w.now > w.calmed+30*second {
				return
			}
		case w.calm && w.rowsSent > w.most():
			w.fail("promise 3: %d rows were sent after the last write, and more are under way", w.rowsSent)
			return
		case w.rowsSent > 10*w.most():
			w.fail("promise 3: %d rows were sent, round and round", w.rowsSent)
			return
		case w.made > 2*len(w.nodes)*w.given():
			w.fail("promise 3: of %d versions %d were made, round and round", w.given(), w.made)
			return
		case w.calm && w.now > w.calmed+restTime:
			w.fail("promise 3: there is no rest")
			return
		}
	}
}

// most is how many rows may be sent after the last write: each version once on
// each link, and twice as many again for those that are refused, late or repaired; a policy makes versions of its own.
func (w *world) most() int {
	links, versions := 0, w.given()
	for _, n := range w.nodes {
		links += len(n.links)
	}
	if w.policy.Decides() {
		versions *= 4
	}
	return 3 * links * versions
}

// given is how many versions there may be of users' writes and of rows that are sent anew, and one more for each row.
func (w *world) given() int { return len(w.history) + w.renewed + w.keys*(1+w.moved) }

// same reports whether two nodes hold the same row and version.
func same(a, b *node, key int) bool { return alike(a, b, key) && held(a, key) == held(b, key) }

// alike reports whether two nodes hold the same row.
func alike(a, b *node, key int) bool {
	x, y := a.db.rows[key], b.db.rows[key]
	return x.exists == y.exists && (!x.exists || a.w.equal(x, y))
}

// held is the version of a row; one that says only that nobody has written the row is none.
func held(n *node, key int) change.Version {
	if v := n.db.versions[key].Version; v.Time > change.Baseline {
		return v
	}
	return change.Version{}
}
