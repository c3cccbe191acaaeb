// Package conflict decides between two versions of a row. It is pure: the same two states give the
// same answer on every node, in any order.
//
// It keeps promise 2 (a known version is not applied again) and promise 3 (the later write wins, by
// version, never by arrival). Reading and writing the versions is left to packages apply and
// capture.
package conflict

import (
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// MaxAhead is how far a version's time may lie ahead of the clock of the node
// that receives it. A clock that is wrong by more would win every conflict for
// days; much more, and it would overflow.
const MaxAhead = 24 * time.Hour

// Decision says what to do with an incoming version.
type Decision uint8

// The decisions.
const (
	Known Decision = iota // the node has it, or a version that knew it: nothing to do
	Apply                 // it knew what the node has: write it
	Win                   // neither knew the other and the incoming one is later: write it
	Lose                  // neither knew the other and the local one is later: keep the local one
)

// Writes reports whether the incoming row is written.
func (d Decision) Writes() bool { return d == Apply || d == Win }

// Conflict reports whether neither version knew the other.
func (d Decision) Conflict() bool { return d == Win || d == Lose }

// Resolve decides between the state of a row that a node holds and an incoming
// one. The node then holds the state returned, which has seen both.
func Resolve(local, incoming change.State) (Decision, change.State) {
	if local.Version.IsDecided() || incoming.Version.IsDecided() {
		return succeed(local, incoming)
	}
	later := incoming.Version.Compare(local.Version) > 0
	switch {
	case local.Knows(incoming.Version):
		return Known, local.Merge(incoming, false)
	case !local.Version.IsZero() && !incoming.Knows(local.Version):
		if later {
			return Win, local.Merge(incoming, true)
		}
		return Lose, local.Merge(incoming, false)
	case later:
		return Apply, local.Merge(incoming, true)
	}
	// A version that knew the local one is later by construction. If a foreign
	// message claims otherwise, the order of versions still decides, so all
	// nodes end with the same row.
	return Known, local.Merge(incoming, false)
}

// succeed is Resolve for versions of which a policy made at least one. Such a
// version is known by the writes that went into it: of two rows, the one that
// has seen more of them includes the other, whatever their times. Two that have
// seen the same writes are two decisions of the same conflict: taking the later
// one loses no write, as each was made with all of them at hand.
func succeed(local, incoming change.State) (Decision, change.State) {
	seen, theirs := local.Seen.With(local.Version), incoming.Seen.With(incoming.Version)
	known, knew := seen.Covers(theirs), theirs.Covers(seen)
	later := incoming.Version.Compare(local.Version) > 0
	switch {
	case incoming.Version == local.Version || known && !(knew && later):
		return Known, local.Merge(incoming, false)
	case knew:
		return Apply, local.Merge(incoming, true)
	case later:
		return Win, local.Merge(incoming, true)
	}
	return Lose, local.Merge(incoming, false)
}

// stride is the most, in µs, between two versions of a row if the clock does not
// say. So a node restored from a backup is unlikely to reissue a version.
const stride = 1000

// Next returns the state of a row after a local write. Its version is the time of
// the write or, if the row has seen a later one, soon after that. It has seen
// what the row had seen, but not itself: of its own origin's writes it knows no
// more than the row did.
func Next(local change.State, written int64, origin string) change.State {
	seen := local.Seen.With(local.Version)
	latest := local.Version.Time
	for _, v := range seen {
		latest = max(latest, v.Time)
	}
	t := written
	if t <= latest {
		t = latest + 1 + max(written, 0)%stride
	}
	return change.State{Version: change.Version{Time: t, Origin: origin}, Seen: seen, Counts: local.Counts}
}
