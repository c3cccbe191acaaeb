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
// nothing is lost. The row keeps its version and vector, under which it can come back.
func withdrawn(in *Incoming, l Local, now int64, origin string) Step {
	came, lie := conflict.Credible(in.State, l.State, origin, now)
	s := Step{Decision: conflict.Known, State: l.State, in: in, of: in, facts: facts{l.Exists, l.Key, l.State, came}, noticed: noticed{lie: lie}}
	known := l.State.Version.Time == change.Baseline || came.Knows(l.State.Version) // no one wrote a baseline, so vectors need not have it
	unheard := l.State.Version.IsZero()
	switch {
	case len(l.Pending) > 0, !known && !unheard && (l.Exists || l.Fate == version.Deleted):
		s.misfit, s.retry = errNews, true
	case l.Exists && unheard && !in.Knows(change.Version{Time: change.Baseline, Origin: origin}): // or the sender has it from here
		s.misfit = errOwn
	case l.Exists || !(known && l.Fate == version.Deleted):
		s.Decision, s.State, s.token = conflict.Apply, l.State.Merge(came, known || unheard), max(in.Token, l.Token)
	}
	return s
}

// outdated reports whether a word later than the change's, about whether this node has the row, is already known.
func outdated(in *Incoming, l Local) bool {
	return in.Token != 0 && in.Token < l.Token && in.Withdrawn != (!l.Exists && l.Fate == version.Withdrawn)
}
