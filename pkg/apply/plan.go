package apply

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Incoming is a change as received from a client, which need not be its origin.
type Incoming struct {
	change.Change
	From string
	// Dated means that the change came by version 1: its version is the message's date and the sender, and says nothing
	// about what it had seen.
	Dated bool
	// Form is the table's definition by which the columns were read. An Applier has its own.
	Form *schema.Table
	// Strangers are rows here that refer to this one. The sender was asked and has no changes to them on the way:
	// whoever made this change did not know them.
	Strangers map[change.Row]struct{}
	verdict   verdict
}

// verdict is what a change means for the rows that refer to its row, if whoever made it did not know them.
type verdict uint8

const (
	undecided verdict = iota
	keep              // the row stays because of them
	cascade           // they go with it
	follow            // they refer to the row's new values, or to the row that replaces it
)

// Local is what the node knows of a row, read under the row's lock.
type Local struct {
	Exists  bool
	Key     string   // of an existing row, as spelled here
	Values  [][]byte // in the order of the table's columns; only read for dated changes, scripts and merged columns
	State   change.State
	Pending []capture.Entry // local changes not captured yet
	Fate    version.Fate    // of a missing row
	Token   int64           // of the last word about who has the row; negative if that was that this node does not
}

// Step is what to do about one incoming change.
type Step struct {
	Decision conflict.Decision
	State    change.State    // the state afterwards
	Consumed []capture.Entry // local changes that no longer need to be captured
	in       *Incoming
	of       *Incoming // the original change, if a script has replaced it
	facts
	policy string // that decided a conflict
	merge  *merge // a script's result for a conflict
	passOn bool   // the row is news for other remotes
	made   bool   // the version was made here: news for all remotes
	noticed
}

// facts are what a step is decided on.
type facts struct {
	exists bool
	key    string       // as the row is spelled here
	local  change.State // the node's
	came   change.State // the incoming one
}

// noticed is what others learn of a step.
type noticed struct {
	answer   bool      // the sender must get what the node has
	recorded bool      // keep the loser of a conflict
	misfit   error     // why the row is refused; see fitting
	retry    bool      // the sender should try again
	token    int64     // of the last word about who has the row, as in Local; 0: there was none
	held     int64     // the time of a later write by the origin that is known here but perhaps not to the origin; see Result
	lie      bool      // the sender claims to know something that was never written
	altered  []altered // what is stored differently from how it came
}

// Change returns what the step writes, if anything.
func (s *Step) Change() *change.Change { return &s.in.Change }

// News reports whether the stream must bring the row to a remote.
func (s *Step) News(remote string) bool {
	return (s.made || s.passOn) && outbox.Needs(remote, s.cameFrom(), s.in.Version)
}

// cameFrom is the client from which the resulting version came; empty if it was made here.
func (s *Step) cameFrom() string {
	if s.made {
		return ""
	}
	return s.in.From
}

// writtenBy reports whether the received version is a client's own write.
func (s *Step) writtenBy(client string) bool {
	return !s.in.Version.IsDecided() && s.in.Version.Author() == client
}

// heldFor is what a client is told about held. Only the author learns when the later write was made; others learn only
// that it exists. Promise 8.
func (s *Step) heldFor(client string) int64 {
	if s.writtenBy(client) {
		return s.held
	}
	return s.in.Version.Time + 1
}

// Plan decides about one change. It is pure: origin is that of the node's own writes, now the time in µs since 1970. The
// table t is needed only for dated changes and for policies that merge columns. The policy decides conflicts; a script
// is run later. A version made because of other rows is dated now.
func Plan(t *schema.Table, in *Incoming, l Local, now int64, origin string, p conflict.Policy) Step {
	if outdated(in, l) {
		return Step{Decision: conflict.Known, State: l.State, in: in, of: in, facts: facts{l.Exists, l.Key, l.State, in.State}}
	}
	if in.Withdrawn {
		return withdrawn(in, l, now, origin)
	}
	recorded := l.State
	posed, sure := conflict.Posed(in.Version, recorded, origin, now)
	if sure {
		return Step{Decision: conflict.Known, State: l.State, in: in, of: in, facts: facts{l.Exists, l.Key, l.State, in.State}, noticed: noticed{misfit: errPosed(origin), lie: true}}
	}
	if err := uncounted(t, in, p); err != nil {
		return refused(in, l, err)
	}
	s := planned(t, in, l, now, origin, p)
	if s.Decision == conflict.Known && len(p.Counters) > 0 { // local writes wait for capture: were they in the state already, their increments would count twice
		s.State = l.State
	}
	last, _ := l.word()
	s.token = max(in.Token, last)
	s.lie = s.lie || posed && !recorded.Version.IsZero()
	if posed && s.Decision == conflict.Apply && !recorded.Version.IsZero() {
		s.Decision = conflict.Win // Promise 4: keep what it replaces
	}
	if !s.Decision.Writes() && !in.Dated && !in.OnlyMissing && !in.Version.IsDecided() && in.Version.Time > change.Baseline {
		if t := recorded.Latest(in.Version.Origin); t > in.Version.Time {
			s.held = t
		}
	}
	return s
}

// errPosed is the error for a change that poses as the node's own.
func errPosed(origin string) error {
	return fmt.Errorf("it is a write in the name of %s that it never made", origin)
}

func planned(t *schema.Table, in *Incoming, l Local, now int64, origin string, p conflict.Policy) Step {
	came, lie := conflict.Credible(in.State, l.State, origin, now)
	if vanished(in, l) {
		l.State = change.State{Counts: l.State.Counts}
	}
	drifted := l.remember(t, now, origin, p)
	whole := in
	in, strange := leaveCounters(t, in, &l, p)
	s := Step{in: in, of: whole, facts: facts{l.Exists, l.Key, l.State, came}, policy: p.Name, noticed: noticed{lie: lie}}
	if in.Dated {
		if unchanged(t, in, l) && !(in.Deleted() && l.State.Version.IsZero()) {
			s.Decision, s.State = conflict.Known, l.State // an echo ends here
			if strange {
				s.Decision, s.Consumed, s.made = conflict.Lose, l.Pending, len(l.Pending) > 0
				s.keepNumber(whole)
			}
			return s
		}
		s.came = dated(in, l.State)
		if p.Name == conflict.MergeColumns && l.Exists && !in.Deleted() {
			s.came.Made = conflict.Altered(l.State, s.came.Version, differing(t, in, l))
		}
	}
	if in.OnlyMissing && (l.Exists || !l.State.Version.IsZero() && !s.came.Knows(l.State.Version)) || l.Exists && s.came.Version.Time <= change.Baseline {
		s.Decision, s.State = conflict.Known, l.State // a snapshot overwrites nothing
		return s
	}
	s.knowCounters(t, &l, p)
	s.local = l.State
	known := l.State
	if known.Version.Time <= change.Baseline && s.came.Version.Time > change.Baseline {
		known = change.State{Counts: known.Counts} // no one wrote the node's row: it does not compete with a write
	}
	s.Decision, s.State = p.Resolve(known, s.came)
	if drifted && !s.Decision.Conflict() { // what no trigger saw goes to all
		s.Decision = conflict.Lose
	}
	switch s.Decision {
	case conflict.Apply, conflict.Win:
		if p.Name == conflict.MergeColumns && l.Exists && !in.Deleted() {
			s.State.Made = s.partly(t, s.State)
		}
		s.Consumed = l.Pending
		s.passOn = true
	case conflict.Lose:
		// A local change is sent with the version under which it has won: with another one from capture, it would
		// conflict with itself.
		s.Consumed = l.Pending
		s.made = len(l.Pending) > 0
	}
	s.made = s.made || s.Decision.Conflict() && p.Decides()
	if in.verdict == keep && s.Decision.Writes() {
		s.keepFor(now, origin)
	}
	s.answer = in.Dated && !s.Decision.Writes()
	if strange {
		s.keepNumber(whole)
	}
	if !s.Decision.Conflict() {
		s.count(t, p)
	}
	return s
}

// vanished reports whether the node lacks a row without knowing of a delete, and the change can bring it back. A version
// is one row everywhere, so the same version with the row proves that it was not deleted: a transformer may have
// removed it from another node, which passed that on under the same version. If the row existed when its version was
// recorded, any version brings it back, except one that the recorded version had seen: that one is late, and counts only
// if a snapshot has requested it.
func vanished(in *Incoming, l Local) bool {
	switch {
	case l.Exists || len(l.Pending) > 0 || in.Deleted() || l.State.Version.IsZero():
		return false
	case in.Version == l.State.Version:
		return true
	}
	return l.Fate.Elsewhere() && (in.OnlyMissing || !l.State.Knows(in.Version))
}

// ForeignKey is the policy by which a change loses if rows unknown to its origin refer to what it would remove.
const ForeignKey = "foreignKey"

// keepFor keeps the row as it is, because of the rows that refer to it: as a new version that has seen the change, so
// that the row comes back where it is gone. If several nodes do so at once, they keep the same row, and the later
// version.
func (s *Step) keepFor(now int64, origin string) {
	s.Decision, s.policy = conflict.Lose, ForeignKey
	s.State = conflict.Next(s.local.Merge(s.came, false), now, origin)
	s.State.Counts = s.local.Counts // the row stays as it is; who deleted it sends what it counted
	s.made, s.passOn = true, false
}

// dated returns the state of a version-1 change. Such a peer sends no versions, so a change with a later date is assumed
// to have seen the node's row; two changes in one millisecond count in order of arrival.
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

// unchanged reports whether the node's row is already as the change wants it.
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
			return false // a value that does not fit is different, even if the column would round it to the same
		}
	}
	return true
}
