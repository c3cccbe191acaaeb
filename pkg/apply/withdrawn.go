package apply

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// errNews is why a row is not given back yet: a local write must reach the sender first.
var errNews = errors.New("it was written here, and the sender does not have that yet")

// errOwn is why a row that no one has sent is not given back.
var errOwn = errors.New("the row there was never received from anyone")

// errBelow is why a row is not given back yet: what the remotes of this node write must come here first.
var errBelow = errors.New("the remotes of this node must give the row back first")

// routes reports whether this node decides who has which rows of a table.
func (a *Applier) routes(table string) bool { return a.Routes != nil && a.Routes.Routed(table) }

// hearAbove drops what clients say about who has the rows of a table that this node routes, except those that get all of them: it is of
// no use, and their numbers are not those of who does say it.
func (a *Applier) hearAbove(g *group) {
	if !a.routes(g.table.Name) {
		return
	}
	for _, in := range g.in {
		if !in.Withdrawn && !a.Routes.All(in.From, g.table.Name) {
			in.Token = 0
		}
	}
}

// leave has rows that this node routes, and is to give back, leave its own remotes first. The sender tries again.
func (a *Applier) leave(ctx context.Context, tx Tx, w *version.Writing, groups []*group) error {
	for _, g := range groups {
		if !a.routes(g.table.Name) {
			continue
		}
		var away []*Step
		var rows []change.Row
		for i := range g.steps { // with those of rows that were deleted here, of which a remote may have news
			if s := &g.steps[i]; s.in.Withdrawn && s.token != 0 {
				away, rows = append(away, s), append(rows, s.in.Row)
			}
		}
		if len(away) == 0 {
			continue
		}
		have, err := tx.Leave(ctx, w, g.table.Name, rows)
		if err != nil {
			return err
		}
		for _, s := range away {
			if have[s.in.Row] {
				s.Decision, s.State, s.token, s.misfit, s.retry = conflict.Known, s.local, 0, errBelow, true
			}
		}
	}
	return nil
}

// withdrawn decides about a row that this node should no longer have. Anything that the sender does not have stays, so
// nothing is lost; a row that is gone, nobody knows how, may be one that was deleted here. The row keeps
// its version and vector, under which it can come back.
func withdrawn(in *Incoming, l Local, now int64, origin string) Step {
	came, lie := conflict.Credible(in.State, l.State, origin, now)
	s := Step{Decision: conflict.Known, State: l.State, in: in, of: in, facts: facts{l.Exists, l.Key, l.State, came}, noticed: noticed{lie: lie}}
	known := l.State.Version.Time == change.Baseline || came.Knows(l.State.Version) || // no one wrote a baseline, so vectors need not have it
		l.State.Version.IsDecided() && came.Seen.With(came.Version).Covers(l.State.Seen) // nor a policy's decision: the writes that went into it count
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
