// Package conflict decides between two versions of a row. It is pure: the same
// two states give the same answer on every node, whatever the order in which
// they meet.
//
// It keeps promise 2 (a version that is known is not applied again) and promise
// 3 (the later write wins, by version, never by arrival). Reading and writing
// the versions is left to packages apply and capture.
package conflict

import (
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// MaxAhead is how far a version's time may lie ahead of the clock of the node
// that receives it. A clock that is wrong by more would win every conflict for
// days, and one that is wrong by much more would overflow.
const MaxAhead = 24 * time.Hour

// Decision says what becomes of an incoming version.
type Decision uint8

// The decisions.
const (
	Known Decision = iota // the node has it, or a version that was made knowing it: nothing to do
	Apply                 // it was made knowing what the node has: write it
	Win                   // neither knew the other and the incoming one is later: write it
	Lose                  // neither knew the other and the local one is later: keep that
)

// Writes reports whether the incoming row is written.
func (d Decision) Writes() bool { return d == Apply || d == Win }

// Conflict reports whether neither version knew the other.
func (d Decision) Conflict() bool { return d == Win || d == Lose }

// Resolve decides between the state that a node holds of a row and the one that
// comes in. The state returned is the one that the node holds afterwards: it
// has seen both.
func Resolve(local, incoming change.State) (Decision, change.State) {
	seen := local.Seen.With(local.Version)
	theirs := incoming.Seen.With(incoming.Version)
	after := change.State{Version: local.Version, Seen: seen.Merge(theirs)}
	if local.Version.IsDecided() || incoming.Version.IsDecided() {
		return succeed(local.Version, incoming.Version, seen, theirs, after)
	}
	if seen.Has(incoming.Version) {
		return Known, after
	}
	if local.Version.IsZero() || theirs.Has(local.Version) {
		// A version that knew the local one is later by construction; where a
		// foreign message claims otherwise the order by version still decides,
		// so that all nodes end with the same row.
		if incoming.Version.Compare(local.Version) > 0 {
			after.Version = incoming.Version
			return Apply, after
		}
		return Known, after
	}
	if incoming.Version.Compare(local.Version) > 0 {
		after.Version = incoming.Version
		return Win, after
	}
	return Lose, after
}

// succeed is Resolve where a policy has made one of the versions. Such a version
// is known by the writes that went into it: of two rows, the one that has seen
// more of them has taken in the other, whatever their times. Two that have seen
// the same writes are two ways to decide the same conflict; no write is lost by
// taking the later one, since each was decided with all of them at hand.
func succeed(local, incoming change.Version, seen, theirs change.Vector, after change.State) (Decision, change.State) {
	known, knew := seen.Covers(theirs), theirs.Covers(seen)
	later := incoming.Compare(local) > 0
	switch {
	case incoming == local || known && !(knew && later):
		return Known, after
	case knew:
		after.Version = incoming
		return Apply, after
	case later:
		after.Version = incoming
		return Win, after
	}
	return Lose, after
}

// Next returns the state of a row after a local write: its version is the time
// of the write or, where the row already has a later one, just after that.
func Next(local change.State, written int64, client string) change.State {
	seen := local.Seen.With(local.Version)
	t := max(written, local.Version.Time+1)
	for _, v := range seen {
		t = max(t, v.Time+1)
	}
	v := change.Version{Time: t, Origin: client}
	return change.State{Version: v, Seen: seen.With(v)}
}
