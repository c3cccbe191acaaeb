package simulation

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// owner says who holds the lock of a row.
type owner uint8

const (
	free owner = iota
	user
	applier
)

// node is a daemon with its database.
type node struct {
	w      *world
	id     int
	name   string
	origin string // of its users' writes
	links  []*link
	offset int64 // of its clock, µs
	sides  uint64
	stood  map[standing]int

	// The server and what is committed.
	db       database
	locks    []owner // by key
	serverUp bool
	life     int            // of the server: transactions of an earlier one are rolled back
	hanging  []*transaction // of daemons that do not know how they end

	// The daemon, which a kill empties.
	up         bool
	ready      bool // it has opened the stream
	session    int
	stream     *version.Stream
	processes  []*process
	committing []*transaction // the daemon waits for the answer
	capturing  *process
	lastID     uint64 // only CaptureByLastID looks at it
	receiving  *process
	marking    *process
	inbox      []batch
}

// ctx is what the daemon's own code is given: a kill is an error of what it asks.
var ctx = context.Background()

// errLost is that of a server that cannot be asked, or did not answer.
var errLost = errors.New("the connection to the server is lost")

// clock is the time on the node's clock in µs.
func (n *node) clock() int64 { return n.w.now + n.offset }

// start starts server and daemon, as far as they do not run.
func (n *node) start() {
	n.serverUp = true
	if n.up {
		return
	}
	n.up = true
	n.session++
	n.process(func() {
		if n.open() != nil {
			return
		}
		n.ready = true
		n.capturing = n.process(n.capture)
		n.receiving = n.process(n.receive)
		n.marking = n.process(n.resync)
		for _, l := range n.links {
			l.start()
		}
	})
}

// kill kills the daemon: what it had not committed is rolled back, unless its
// COMMIT was on its way; what it knew is gone.
func (n *node) kill() {
	n.up, n.ready = false, false
	n.session++
	for _, p := range n.processes {
		p.stop()
	}
	n.processes, n.inbox = nil, nil
	for key, o := range n.locks {
		if o == applier {
			n.locks[key] = free
		}
	}
	for _, t := range n.committing {
		n.hang(t)
	}
	n.committing = nil
	for _, t := range n.hanging {
		for _, key := range t.locked {
			n.locks[key] = applier
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
}

func (n *node) row(key int) change.Row { return n.w.rows[key] }

// standing is a version of a row, as a node has recorded it.
type standing struct {
	key int
	change.Version
}

// record writes a version into the database, for which a write stands.
func (n *node) record(key int, e version.Entry, stands int) {
	n.db.record(key, e, stands)
	n.stood[standing{key, e.Version}] = stands
}

// standsFor is the write for which a version was recorded here.
func (n *node) standsFor(key int, v change.Version) int {
	if write, ok := n.stood[standing{key, v}]; ok {
		return write
	}
	return none
}

// wake has the senders look for work.
func (n *node) wake() {
	for _, l := range n.links {
		l.tell(func() { l.sender.Wake() })
	}
}

// mark marks a key for a remote, as verify does, and tells its sender.
func (n *node) mark(l *link, key int) {
	l.box().mark(key, n.stream.Token(1))
	l.tell(func() { l.sender.Marked() })
}
