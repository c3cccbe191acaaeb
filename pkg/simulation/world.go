package simulation

import (
	"fmt"
	"io"
	"math/rand/v2"
)

// Options steers a run.
type Options struct {
	Mistake Mistake
	// Restores sets some nodes back to an old backup of their databases.
	Restores bool
	// Repair sends all rows to all remotes twice at the end, as verify --repair
	// sends those that differ.
	Repair bool
	// Resyncs has nodes send a remote all rows, with new versions, while all else goes on.
	Resyncs bool
	// Trace, if not nil, is told what happens, a line for each event of note.
	Trace io.Writer
}

// tempo is how long things take at the most, as a rule, in µs.
type tempo struct {
	step        int64 // between two steps of a stage
	transaction int64 // of a user
	poll        int64 // of capture
	net         int64 // of a message
	write       int64 // between two writes
}

// calm is the tempo after the last write.
var calm = tempo{step: 1000, transaction: 1000, poll: 10_000, net: 100_000}

// epoch is when a run begins, in µs since 1970.
const epoch = 1_700_000_000 * second

// world is nodes and what is between them.
type world struct {
	r       *rand.Rand
	queue   queue
	now     int64
	mistake Mistake
	out     io.Writer

	shape    string
	nodes    []*node
	keys     int
	names    []string // of keys
	tempo    tempo
	calm     bool
	drop     float64
	twice    float64
	refuse   float64 // transactions of changes that refer to what has not come, or the like
	single   bool    // of a row one change is on its way at a time, as with transformers
	history  history
	versions []int // given to each key
	rowsSent int
	broken   []string // promises, with what was seen
	failed   int      // how often, as broken is cut
}

// newWorld draws a network by the seed.
func newWorld(seed uint64, o Options) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 0)), now: epoch, mistake: o.Mistake, out: o.Trace}
	count := 2 + w.r.IntN(6)
	switch w.r.IntN(10) {
	case 0, 1, 2, 3:
		count = 5 + w.r.IntN(11)
	case 4:
		count = 16 + w.r.IntN(35)
	}
	shape := topologies[w.r.IntN(len(topologies))]
	w.shape = shape.name
	w.keys = 1 + w.r.IntN(4)
	w.versions = make([]int, w.keys)
	for key := range w.keys {
		w.names = append(w.names, fmt.Sprintf("row%d", key))
	}
	pick := func(list ...int64) int64 { return list[w.r.IntN(len(list))] }
	w.tempo = tempo{step: pick(500, 20_000, second), transaction: pick(500, 20_000, second), poll: pick(5000, second),
		net: pick(5000, 200_000, 5*second), write: pick(1000, 100_000, 3*second)}
	w.drop, w.twice = float64(pick(0, 5, 30))/100, float64(pick(0, 10, 30))/100
	w.single = w.r.IntN(4) == 0
	w.refuse = float64(pick(0, 0, 10, 40)) / 100
	skew := pick(0, second, 300*second)
	for id, remotes := range shape.remotes(w.r, count) {
		n := &node{w: w, id: id, name: fmt.Sprintf("node-%02d", id), remotes: remotes, locks: make([]owner, w.keys)}
		n.origin = n.name
		if skew > 0 {
			n.offset = w.r.Int64N(2*skew) - skew
		}
		n.db = newDatabase(w.keys, len(remotes))
		w.nodes = append(w.nodes, n)
	}
	return w
}

func (w *world) after(delay int64, do func()) { w.queue.add(w.now+delay, do) }

// random draws how long something takes: seldom much longer than usual.
func (w *world) random(usual int64) int64 {
	if w.r.IntN(20) == 0 {
		usual *= 10
	}
	return w.r.Int64N(usual + 1)
}

// lost draws whether the answer to a COMMIT is lost.
func (w *world) lost() bool { return !w.calm && w.r.IntN(30) == 0 }

// send gives a message to the bus.
func (w *world) send(from, to *node, deliver func()) {
	copies := 1
	if w.r.Float64() < w.twice {
		copies = 2
	}
	for range copies {
		if !w.calm && w.r.Float64() < w.drop {
			continue
		}
		w.after(w.random(w.tempo.net), func() {
			if to.ready && from.sides == to.sides {
				deliver()
			}
		})
	}
}

// trace tells what happens.
func (w *world) trace(format string, args ...any) {
	if w.out != nil {
		fmt.Fprintf(w.out, "%12.6f ", float64(w.now-epoch)/second)
		fmt.Fprintf(w.out, format+"\n", args...)
	}
}
