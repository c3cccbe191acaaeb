package apply

import (
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// errNews is why a row is not given back yet: a local write must reach the sender first.
var errNews = errors.New("it was written here, and the sender does not have that yet")

// errOwn is why a row that no one has sent is not given back.
var errOwn = errors.New("the row there was never received from anyone")

// withdrawn decides about a row that this node should no longer have. Anything that the sender does not have stays, so
// nothing is lost; a row that is gone, nobody knows how, may be one that was deleted here. The row keeps
// its version and vector, under which it can come back.
func withdrawn(in *Incoming, l Local, now int64, origin string) Step {
	came, lie := conflict.Credible(in.State, l.State, origin, now)
	s := Step{Decision: conflict.Known, State: l.State, in: in, of: in, facts: facts{l.Exists, l.Key, l.State, came}, noticed: noticed{lie: lie}}
	known := l.State.Version.Time == change.Baseline || came.Knows(l.State.Version) // no one wrote a baseline, so vectors need not have it
	unheard := l.State.Version.IsZero()
	deleted := !l.Exists && l.Fate == version.Deleted
	switch {
	case len(l.Pending) > 0, !known && !unheard && (l.Exists || !l.Fate.Elsewhere()):
		s.misfit, s.retry = errNews, true
		return s
	case l.Exists && unheard && !in.Knows(change.Version{Time: change.Baseline, Origin: origin}): // or the sender has it from here
		s.misfit = errOwn
		return s
	case !deleted:
		s.Decision, s.State = conflict.Apply, l.State.Merge(came, known || unheard)
	}
	last, _ := l.word()
	s.token = -max(in.Token, last) // also of a deleted row, which stays deleted for others
	return s
}

// word returns the token of the last word about whether this node has the row, and whether that was that it does not. What
// happened here since does not change what the sender said.
func (l *Local) word() (token int64, withdrawn bool) {
	if l.Token < 0 {
		return -l.Token, true
	}
	return l.Token, !l.Exists && l.Fate == version.Withdrawn // as it was recorded before tokens had a sign
}

// outdated reports whether the sender has said the opposite about whether this node has the row, later than the change.
func outdated(in *Incoming, l Local) bool {
	last, withdrawn := l.word()
	return in.Token != 0 && in.Token < last && in.Withdrawn != withdrawn
}
