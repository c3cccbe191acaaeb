package apply

import (
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// errNews is why a row is not given back: what was written here must reach its sender first.
var errNews = errors.New("it was written here, and the sender does not have that yet")

// errOwn is why a row is not given back that no one has sent.
var errOwn = errors.New("the row there was never received from anyone")

// withdrawn decides about a row that this node is to have no more. Whatever the sender does not have stays, so that
// nothing is lost. The row keeps its version and vector, under which it can come back.
func withdrawn(in *Incoming, l Local, now int64, origin string) Step {
	came, lie := conflict.Credible(in.State, l.State, origin, now)
	s := Step{Decision: conflict.Known, State: l.State, in: in, of: in, facts: facts{l.Exists, l.Key, l.State, came}, noticed: noticed{lie: lie}}
	known := l.State.Version.Time == change.Baseline || came.Knows(l.State.Version) // no vector need have what nobody wrote
	unheard := l.State.Version.IsZero()
	switch {
	case len(l.Pending) > 0, !known && !unheard && (l.Exists || l.Fate == version.Deleted):
		s.misfit, s.retry = errNews, true
	case l.Exists && unheard:
		s.misfit = errOwn
	case l.Exists || !(known && l.Fate == version.Deleted):
		s.Decision, s.State, s.token = conflict.Apply, l.State.Merge(came, known || unheard), max(in.Token, l.Token)
	}
	return s
}

// outdated reports whether a later word than the change's is known about whether this node has the row.
func outdated(in *Incoming, l Local) bool {
	return in.Token != 0 && in.Token < l.Token && in.Withdrawn != (!l.Exists && l.Fate == version.Withdrawn)
}
