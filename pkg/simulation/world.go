package simulation

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// Options steers a run.
type Options struct {
	Mistake Mistake
	// Restores sets some nodes back to an old backup of their databases.
	Restores bool
	// Repair has each node compare its tables with those of its remotes twice at the end, and repair what differs.
	Repair bool
	// Resyncs has nodes send a remote all rows, with new versions, while all else goes on.
	Resyncs bool
	// Turns has a node's remotes catch up one at a time.
	Turns bool
	// Routes makes a hub and its stores, each of which has its part of the rows.
	Routes bool
	// Relays makes some of its stores, with Routes, relays that route what they have.
	Relays bool
	// Hostile makes one of the stores, with Routes, one that answers nothing, and writes rows that it does not have. Nothing else is
	// checked then than what the hub takes from it.
	Hostile bool
	// Full has remotes, with Routes, take few marked rows, so that jobs wait for them.
	Full bool
	// Merges has all nodes merge rows by their columns, and count one of these.
	Merges bool
	// Log has all nodes capture from the log of their servers.
	Log bool
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
	log         int64 // until what is logged can be seen, and then until it counts as committed
	read        int64 // of a transaction of the log
}

// calm is the tempo after the last write.
var calm = tempo{step: 1000, transaction: 1000, poll: 10_000, net: 100_000, log: 1000, read: 1000}

// epoch is when a run begins, in µs since 1970.
const epoch = 1_700_000_000 * second

// world is nodes and what is between them.
type world struct {
	r       *rand.Rand
	queue   queue
	now     int64
	mistake Mistake
	out     io.Writer
	running *process
	calm    bool
	calmed  int64 // when that began

	shape string
	nodes []*node
	data
	conditions
	routes *routes // nil: all have all rows
	merged *merged // nil: of two rows one wins
	tally
}

// data is the rows that users write, by their keys.
type data struct {
	keys    int
	rows    []change.Row
	at      map[change.Row]int
	names   map[string]int // keys by those of their rows
	ties    bool           // rows refer to each other, and have codes
	private int            // a key whose rows a transformer holds back; -1: none
}

// conditions are how things go.
type conditions struct {
	tempo  tempo
	drop   float64
	twice  float64
	refuse float64 // transactions of changes that refer to what has not come, or the like
	large  float64 // readings of which a part must do, since rows are large
	turns  bool    // remotes catch up one at a time
	loads  bool    // what is packed for one remote is kept for others
	policy conflict.Policy
	// initial says which rows remotes are sent at first; see snapshot.Config.
	initial string
}

// tally is what became of it.
type tally struct {
	history  history
	renewed  int // rows that were given new versions
	made     int // versions that nodes made of those that came
	moved    int // times that many rows were given other remotes
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
	if o.Routes {
		count, shape = 3+w.r.IntN(3), star
	}
	if o.Relays {
		shape.name, shape.remotes = "tree", tree
	}
	if o.Log {
		count = 2 + w.r.IntN(3)
	}
	w.shape = shape.name
	if w.keys, w.private = 1+w.r.IntN(4), -1; o.Routes {
		w.keys = 2 + w.r.IntN(6)
	} else if o.Log {
		w.keys = 1 + w.r.IntN(2)
	}
	w.at, w.names = map[change.Row]int{}, map[string]int{}
	for key := range w.keys {
		row := change.Row{Table: []string{"t", "u"}[key%2], Key: fmt.Sprintf("row%d", key)}
		w.rows = append(w.rows, row)
		w.at[row], w.names[row.Key] = key, key
	}
	pick := func(list ...int64) int64 { return list[w.r.IntN(len(list))] }
	w.tempo = tempo{step: pick(500, 20_000, second), transaction: pick(500, 20_000, second), poll: pick(5000, second),
		net: pick(5000, 200_000, 5*second), write: pick(1000, 100_000, 3*second)}
	w.drop, w.twice = float64(pick(0, 5, 30))/100, float64(pick(0, 10, 30))/100
	w.refuse = float64(pick(0, 0, 10, 40)) / 100
	w.large = float64(pick(0, 0, 20)) / 100
	w.turns, w.loads, w.initial = o.Turns, w.r.IntN(2) == 0, snapshot.None
	skew := pick(0, second, 300*second)
	singles, declines := pick(0, 0, 25, 100), pick(0, 0, 25)
	if w.keys > 1 && w.r.IntN(5) == 0 && !o.Routes {
		w.private = w.keys - 1
	}
	w.ties = w.keys > 1 && w.r.IntN(2) == 0
	if o.Routes || o.Merges {
		singles = 0
	}
	if o.Merges {
		w.private, w.ties = -1, false
	}
	list := shape.remotes(w.r, count)
	for id, remotes := range list {
		n := &node{w: w, id: id, name: fmt.Sprintf("node-%02d", id), stood: map[standing]int{}}
		n.origin, n.locks, n.codes, n.unanswered = n.name, make([]owner, w.keys), map[string]owner{}, map[uint64]batch{}
		if skew > 0 {
			n.offset = w.r.Int64N(2*skew) - skew
		}
		n.db = newDatabase(w.keys, len(remotes))
		w.nodes = append(w.nodes, n)
	}
	percent := func(p int64) bool { return w.r.Int64N(100) < p }
	for id, remotes := range list {
		n := w.nodes[id]
		for slot, remote := range remotes {
			l := &link{n: n, slot: slot, to: w.nodes[remote], single: percent(singles)}
			if percent(declines) {
				l.declines = "u"
			}
			n.links = append(n.links, l)
		}
	}
	if o.Routes {
		w.newRouted(o.Full)
		if o.Hostile {
			w.routes.hostile = &hostile{n: w.nodes[1], had: make([]bool, w.keys)}
		}
		return w
	}
	if o.Merges {
		w.newMerged()
		return w
	}
	if o.Log {
		w.tempo.log, w.tempo.read = pick(500, 20_000, 500_000), pick(500, 50_000, second)
		w.newLogs()
	}
	if w.r.IntN(4) == 0 {
		w.begin()
	}
	if w.r.IntN(4) == 0 {
		w.policy = conflict.Policy{Name: conflict.Priority, Clients: []string{w.nodes[w.r.IntN(len(w.nodes))].name}}
	}
	return w
}

// keyOf returns the key that a row has here.
func (w *world) keyOf(r change.Row) int { return w.at[r] }

// named returns the key of a row's name.
func (w *world) named(name string) int { return w.names[name] }

func (w *world) after(delay int64, do func()) { w.queue.add(w.now+delay, do) }

// time is what no clock shows.
func (w *world) time() time.Time { return time.UnixMicro(w.now) }

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
