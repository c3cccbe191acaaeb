package simulation

import "github.com/mysql-sync/mysql-sync/pkg/change"

// owner says who holds the lock of a row.
type owner uint8

const (
	free owner = iota
	user
	applier
)

// node is a daemon with its database.
type node struct {
	w       *world
	id      int
	name    string
	origin  string // of its users' writes
	remotes []int
	offset  int64 // of its clock, µs
	sides   uint64

	// The server and what is committed.
	db       database
	locks    []owner // by key
	serverUp bool
	life     int        // of the server: transactions of an earlier one are rolled back
	hanging  []*writing // of daemons that do not know how they end

	// The daemon, which a kill empties.
	up         bool
	ready      bool // it has opened the stream
	session    int
	stream     stream
	committing []*writing // the daemon waits for the answer
	capturing  bool
	lastID     uint64 // only CaptureByLastID looks at it
	receiving  bool
	inbox      []batch
	latched    []bool // by key
	resyncing  []bool // by remote
	senders    []*sender
}

// clock is the time on the node's clock in µs.
func (n *node) clock() int64 { return n.w.now + n.offset }

// after does something a while later, unless the daemon was killed meanwhile.
func (n *node) after(delay int64, do func()) {
	session := n.session
	n.w.after(delay, func() {
		if n.up && n.session == session {
			do()
		}
	})
}

// step does the next step of a stage. Anything may happen before it.
func (n *node) step(do func()) { n.after(n.w.random(n.w.tempo.step), do) }

// start starts server and daemon, as far as they do not run.
func (n *node) start() {
	n.serverUp = true
	if n.up {
		return
	}
	n.up = true
	n.session++
	n.capturing, n.receiving, n.inbox = false, false, nil
	n.latched = make([]bool, n.w.keys)
	n.openStream(func() {
		n.ready = true
		n.senders = n.senders[:0]
		for slot := range n.remotes {
			n.senders = append(n.senders, newSender(n, slot))
		}
		n.wake()
		n.capture()
		n.resyncsOpen()
	})
}

// kill kills the daemon: what it had not committed is rolled back, unless its
// COMMIT was on its way; what it knew is gone.
func (n *node) kill() {
	n.up, n.ready = false, false
	n.session++
	for key, o := range n.locks {
		if o == applier {
			n.locks[key] = free
		}
	}
	for _, w := range n.committing {
		n.hang(w)
	}
	n.committing = nil
	for _, w := range n.hanging {
		for _, key := range w.locked {
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

func (n *node) row(key int) change.Row { return change.Row{Table: "t", Key: n.w.names[key]} }

// wake has the senders look for work.
func (n *node) wake() {
	if n.ready {
		for _, s := range n.senders {
			s.wake()
		}
	}
}

// mark marks a key for a remote and wakes its sender.
func (n *node) mark(slot, key int) {
	n.db.remotes[slot].mark(key, n.stream.token())
	n.senders[slot].wake()
}
