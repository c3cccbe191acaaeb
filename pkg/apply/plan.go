package apply

import (
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Incoming is a change as it came from a client, which need not be its origin.
type Incoming struct {
	change.Change
	From string
	// Dated says that the change came by version 1 of the wire: its version is
	// the message's date and the sender, and says nothing of what it had seen.
	Dated bool
}

// local is what the node has of a row, read under the row's lock.
type local struct {
	exists  bool
	values  [][]byte // in the order of the table's columns; only read for dated changes
	state   change.State
	pending []uint64 // ids in table_changes of local changes not yet captured
	written int64    // when the latest of these was made, µs since 1970
}

// step is what is to be done about one incoming change.
type step struct {
	in       *Incoming
	decision conflict.Decision
	exists   bool
	state    change.State   // held afterwards
	local    change.Version // what the node had
	consumed []uint64       // local changes that the incoming one replaces
	passOn   bool           // the row is news for other remotes
	answer   bool           // the sender must be told what the node has
}

// plan decides about one change. It is pure: client names the node.
func plan(t *schema.Table, in *Incoming, l local, client string) step {
	if len(l.pending) > 0 {
		l.state = conflict.Next(l.state, l.written, client)
	}
	s := step{in: in, exists: l.exists, local: l.state.Version}
	incoming := in.State
	if in.Dated {
		if unchanged(t, in, l) && !(in.Deleted() && l.state.Version.IsZero()) {
			s.decision, s.state = conflict.Known, l.state // an echo comes to rest here
			return s
		}
		incoming = dated(in, l.state)
	}
	if in.OnlyMissing && (l.exists || !l.state.Version.IsZero()) || l.exists && incoming.Version.Time <= change.Baseline {
		s.decision, s.state = conflict.Known, l.state // a snapshot overwrites nothing
		return s
	}
	s.decision, s.state = conflict.Resolve(l.state, incoming)
	if s.decision.Writes() {
		s.consumed = l.pending
		s.passOn = true
	}
	s.answer = in.Dated && !s.decision.Writes()
	return s
}

// dated returns the state of a change that came by version 1. Such a peer names
// no versions, so a later date is taken to have seen what the node has; two
// changes of one millisecond count in the order of their arrival.
func dated(in *Incoming, l change.State) change.State {
	v := in.Version
	if l.Version.Origin == v.Origin && l.Version.Time >= v.Time && l.Version.Time < v.Time+1000 {
		v.Time = l.Version.Time + 1
	}
	if v.Compare(l.Version) > 0 {
		return change.State{Version: v, Seen: l.Seen.With(l.Version).With(v)}
	}
	return change.State{Version: v, Seen: change.Vector{v}}
}

// unchanged reports whether the node's row already is as the change wants it.
func unchanged(t *schema.Table, in *Incoming, l local) bool {
	if in.Deleted() {
		return !l.exists
	}
	if !l.exists || l.values == nil {
		return false
	}
	for i, name := range in.Columns {
		at := t.Index(name)
		if at < 0 || !t.Columns[at].Equal(l.values[at], in.Values[i]) {
			return false
		}
	}
	return true
}
