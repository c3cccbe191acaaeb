package simulation

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/route"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// owner says who holds the lock of a row.
type owner uint8

const (
	free owner = iota
	user
	applier
)

// node is a daemon and its database.
type node struct {
	w      *world
	id     int
	name   string
	origin string // of its users' writes
	links  []*link
	offset int64 // of its clock, µs
	sides  uint64
	stood  map[standing]int
	machine
	daemon
}

// machine is a node's server, and what is committed.
type machine struct {
	db       database
	locks    []owner          // by key
	codes    map[string]owner // by code about to be written
	serverUp bool
	life     int            // of the server: transactions of an earlier one are rolled back
	hanging  []*transaction // whose end the daemon does not know
	binary   *binaryLog     // nil: triggers capture

	readAt int64 // when something was last read of the log
}

// daemon is what a kill empties.
type daemon struct {
	up         bool
	ready      bool // it has opened the stream
	session    int
	stream     *version.Stream
	committing []*transaction  // the daemon waits for the answer
	lastID     uint64          // only CaptureByLastID looks at it
	source     *log.Source     // nil: triggers capture
	readTo     binlog.Position // only LogMoveToRead looks at it
	applier    *apply.Applier
	snapshots  *snapshot.Snapshots
	router     *route.Router // nil: it routes nothing
	rules      []config.RouteRule
	came       arrivals
	threads
	mail
}

// threads are the processes of a daemon.
type threads struct {
	processes                               []*process
	capturing, receiving, marking, settling *process
	routing                                 *process
}

// mail is what came to a daemon.
type mail struct {
	inbox      []batch
	unanswered map[uint64]batch // that the receiver has
	taken      uint64           // number of the last batch taken
	together   int              // batches taken at a time
}

// ctx is given to the daemon's own code: after a kill, what it asks returns an error.
var ctx = context.Background()

// errLost says that a server cannot be reached, or did not answer.
var errLost = fmt.Errorf("the connection to the server is lost: %w", driver.ErrBadConn)

// clock returns the time on the node's clock in µs.
func (n *node) clock() int64 { return n.w.now + n.offset }

// start starts the server and the daemon, unless they run.
func (n *node) start() {
	n.serverUp = true
	if n.up {
		return
	}
	n.up = true
	n.session++
	n.process(func(ctx context.Context) {
		if n.open() != nil || !n.openRouter(ctx) || !n.openLog(ctx) {
			return
		}
		n.ready = true
		c := n.newCapture()
		n.capturing = n.process(func(ctx context.Context) { _ = c.Run(ctx) })
		n.applier = n.newApplier()
		n.receiving = n.process(n.receive)
		n.settling = n.process(n.settle)
		n.snapshots = n.newSnapshots()
		n.marking = n.process(n.walk)
		n.marking.idle = n.marked
		var turns *deliver.Turns
		if n.w.turns {
			turns = deliver.NewTurns(1)
		}
		if n.router != nil {
			n.routing = n.process(n.routeAll)
			n.routing.idle = n.allRouted
		}
		for _, l := range n.links {
			l.start(turns)
		}
	})
}

// kill kills the daemon: what it has not committed is rolled back, unless its COMMIT is on its way; what it knew is gone.
func (n *node) kill() {
	n.up, n.ready = false, false
	n.session++
	for _, p := range n.processes {
		p.stop()
	}
	n.processes, n.inbox, n.unanswered = nil, nil, map[uint64]batch{}
	for key, o := range n.locks {
		if o == applier {
			n.locks[key] = free
		}
	}
	for _, t := range n.committing {
		n.hang(t)
	}
	n.committing = nil
	for c, o := range n.codes {
		if o == applier {
			delete(n.codes, c)
		}
	}
	for _, t := range n.hanging {
		for _, key := range t.locked {
			n.locks[key] = applier
		}
		for _, c := range t.codes {
			n.codes[c] = applier
		}
	}
}

// killServer kills the server too, with the open transactions.
func (n *node) killServer() {
	n.kill()
	n.serverUp = false
	n.life++
	n.hanging = nil
	clear(n.locks)
	clear(n.codes)
	if n.binary != nil {
		n.recover()
	}
}

func (n *node) row(key int) change.Row { return n.w.rows[key] }

// see is a row as it is committed.
func (n *node) see(key int) row { return n.db.rows[key] }

// arrivals are the changes that came to a process.
type arrivals struct {
	all map[standing]*sent
	now map[change.Row][]*sent // those that are being applied
}

// standing is a version of a row as a node has recorded it.
type standing struct {
	key int
	change.Version
}

// record writes a write's version into the database.
func (n *node) record(key int, e version.Entry, stands int) {
	n.db.record(key, e, stands)
	n.gives(key, e.Label)
	n.stood[standing{key, e.Version}] = stands
}

// standsFor returns the write for which a version was recorded here.
func (n *node) standsFor(key int, v change.Version) int {
	if write, ok := n.stood[standing{key, v}]; ok {
		return write
	}
	return none
}

// wake makes the senders look for work.
func (n *node) wake() {
	for _, l := range n.links {
		l.tell(func() { l.sender.Wake() })
	}
}

// markAs marks rows, and tells the sender.
func (n *node) markAs(m marking) {
	for _, l := range n.links {
		for i, r := range m.rows {
			if l.to.name == m.remote {
				place := m.token + int64(i)
				if m.lost {
					place = outbox.PlaceOfLost(place, n.w.routes.cfgs[n.id].Followed(r.Table))
				}
				l.box().markAt(n.w.keyOf(r), place, m.token+int64(i), m.lost)
				l.tell(func() { l.sender.Marked() })
				n.w.trace("%s marks %s for %s, lost: %v", n.name, r.Key, m.remote, m.lost)
			}
		}
	}
}

// mark marks a key for a remote, as verify does, and tells its sender.
func (n *node) mark(l *link, key int) {
	l.box().mark(key, n.stream.Token(1), false)
	l.tell(func() { l.sender.Marked() })
}
