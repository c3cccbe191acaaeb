package apply

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Incoming is a change as it came from a client, which need not be its origin.
type Incoming struct {
	change.Change
	From string
	// Dated says that the change came by version 1 of the wire: its version is
	// the message's date and the sender, and says nothing of what it had seen.
	Dated bool
	// Strangers are rows that refer to this one here. The sender was asked and has no
	// changes of them on the way: whoever made this change did not know them.
	Strangers map[change.Row]struct{}
	verdict   verdict
}

// verdict is what a change means for the rows that refer to its row, if these are strange to
// whoever made it.
type verdict uint8

const (
	undecided verdict = iota
	keep              // the row stays as it is for their sake
	cascade           // they go with it
	follow            // they refer to what the row has now, or to the row that takes its place
)

// Local is what the node has of a row, read under the row's lock.
type Local struct {
	Exists  bool
	Key     string   // of a row that exists, as it is spelled here
	Values  [][]byte // in the order of the table's columns; only read for dated changes and scripts
	State   change.State
	Pending []uint64     // ids in table_changes of local changes not yet captured
	noted   []string     // keys under which they stand
	Written int64        // when the latest of these was made, µs since 1970
	server  int64        // the time by the same clock when that was read
	Fate    version.Fate // of a row that is missing
}

// Step is what is to be done about one incoming change.
type Step struct {
	Decision conflict.Decision
	State    change.State // held afterwards
	Consumed []uint64     // local changes that need not be captured any more
	noted    []string     // keys under which they stand
	in       *Incoming
	of       *Incoming // the change as it came, where a script has put another in its place
	exists   bool
	key      string       // as the row is spelled here
	local    change.State // what the node had
	came     change.State // what came in
	policy   string       // by which a conflict was decided
	merge    *merge       // what a script made of a conflict
	passOn   bool         // the row is news for other remotes
	made     bool         // a version was made here: it is news for all remotes
	answer   bool         // the sender must be told what the node has
	recorded bool         // the loser of a conflict is kept
	misfit   error        // why the row is refused; see fitting
	held     int64        // a later write of the origin's that is known here, though it may not know it; see Result
	lie      bool         // the sender claims to know what was not written
	altered  []altered    // what is stored otherwise than it came
}

// News reports whether the row is to be sent to a remote, by the stream.
func (s *Step) News(remote string) bool {
	return (s.made || s.passOn) && outbox.Needs(remote, s.cameFrom(), s.in.Version)
}

// cameFrom is the client that the version came from which is held afterwards; it is empty if that was made here.
func (s *Step) cameFrom() string {
	if s.made {
		return ""
	}
	return s.in.From
}

// writtenBy reports whether the version that came is a client's own write.
func (s *Step) writtenBy(client string) bool {
	return !s.in.Version.IsDecided() && s.in.Version.Author() == client
}

// heldFor is what a client is told of held. Only its author hears when that was written, which is nobody else's business. The others
// hear that there is a later write. Promise 8.
func (s *Step) heldFor(client string) int64 {
	if s.writtenBy(client) {
		return s.held
	}
	return s.in.Version.Time + 1
}

// Plan decides about one change of the table t, which only a dated change needs. It is pure: origin
// is that of the node's own writes, now the time in µs since 1970. Conflicts are the policy's; what a
// script says comes later. A version that is made for the sake of other rows is of the time now.
func Plan(t *schema.Table, in *Incoming, l Local, now int64, origin string, p conflict.Policy) Step {
	recorded := l.State
	posed, sure := conflict.Posed(in.Version, recorded, origin, now)
	if sure {
		return Step{Decision: conflict.Known, State: l.State, in: in, of: in, exists: l.Exists, key: l.Key, local: l.State, came: in.State, misfit: errPosed(origin), lie: true}
	}
	s := planned(t, in, l, now, origin, p)
	s.lie = s.lie || posed && !recorded.Version.IsZero()
	if posed && s.Decision == conflict.Apply && !recorded.Version.IsZero() {
		s.Decision = conflict.Win // Promise 4: what it replaces is kept
	}
	if !s.Decision.Writes() && !in.Dated && !in.OnlyMissing && !in.Version.IsDecided() && in.Version.Time > change.Baseline {
		if t := recorded.Latest(in.Version.Origin); t > in.Version.Time {
			s.held = t
		}
	}
	return s
}

// errPosed is the error of a change in the node's own name.
func errPosed(origin string) error {
	return fmt.Errorf("it is a write in the name of %s that it never made", origin)
}

func planned(t *schema.Table, in *Incoming, l Local, now int64, origin string, p conflict.Policy) Step {
	came, lie := conflict.Credible(in.State, l.State, origin, now)
	if vanished(in, l) {
		l.State = change.State{}
	}
	if len(l.Pending) > 0 {
		l.State = conflict.Next(l.State, l.Written, origin)
	}
	s := Step{in: in, of: in, exists: l.Exists, key: l.Key, local: l.State, came: came, policy: p.Name, lie: lie}
	if in.Dated {
		if unchanged(t, in, l) && !(in.Deleted() && l.State.Version.IsZero()) {
			s.Decision, s.State = conflict.Known, l.State // an echo comes to rest here
			return s
		}
		s.came = dated(in, l.State)
	}
	if in.OnlyMissing && (l.Exists || !l.State.Version.IsZero()) || l.Exists && s.came.Version.Time <= change.Baseline {
		s.Decision, s.State = conflict.Known, l.State // a snapshot overwrites nothing
		return s
	}
	known := l.State
	if known.Version.Time <= change.Baseline && s.came.Version.Time > change.Baseline {
		known = change.State{} // nobody wrote what the node has: it is no rival of a write
	}
	s.Decision, s.State = p.Resolve(known, s.came)
	switch s.Decision {
	case conflict.Apply, conflict.Win:
		s.Consumed, s.noted = l.Pending, l.noted
		s.passOn = true
	case conflict.Lose:
		// The version under which a local change has won is the one that it is
		// sent with: given another by capture, it would conflict with itself.
		s.Consumed, s.noted = l.Pending, l.noted
		s.made = len(l.Pending) > 0
	}
	s.made = s.made || s.Decision.Conflict() && p.Decides()
	if in.verdict == keep && s.Decision.Writes() {
		s.keepFor(now, origin)
	}
	s.answer = in.Dated && !s.Decision.Writes()
	return s
}

// vanished reports whether the node lacks a row without knowing of its delete, and the
// change can bring it: a version is one row everywhere, so that the same one with the
// row says that it was not deleted. It may have been taken away from another node, by a
// transformer, under the same version, and that was passed on. Of a row that was there
// when its version was recorded, any version will do but one that comes late: what went
// into the one that is known here is asked for by a snapshot alone.
func vanished(in *Incoming, l Local) bool {
	switch {
	case l.Exists || len(l.Pending) > 0 || in.Deleted() || l.State.Version.IsZero():
		return false
	case in.Version == l.State.Version:
		return true
	}
	return l.Fate == version.There && (in.OnlyMissing || !l.State.Knows(in.Version))
}

// ForeignKey is the policy by which a change loses that would take away what rows
// refer to of which its origin did not know.
const ForeignKey = "foreignKey"

// keepFor has the row stay as it is, for the sake of those who refer to it: as a
// new version, which has seen the change, so that the row comes back where it is gone.
// Nodes that do so at the same time leave the same row, and the later version.
func (s *Step) keepFor(now int64, origin string) {
	s.Decision, s.policy = conflict.Lose, ForeignKey
	s.State = conflict.Next(s.local.Merge(s.came, false), now, origin)
	s.made, s.passOn = true, false
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
func unchanged(t *schema.Table, in *Incoming, l Local) bool {
	if in.Deleted() {
		return !l.Exists
	}
	if !l.Exists || l.Values == nil {
		return false
	}
	for i, name := range in.Columns {
		at := t.Index(name)
		if at < 0 || !t.Columns[at].Equal(l.Values[at], in.Values[i]) || t.Columns[at].Fits(in.Values[i]) != nil {
			return false // what does not fit is another value, which the column rounds to the same
		}
	}
	return true
}
