package conflict

import (
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// ownTolerance is how far a node's clock may have been set back for the node to believe that it made, and forgot, a write
// while the clock was ahead.
const ownTolerance = 5 * time.Minute

// Credible returns the part of an incoming state that a node can believe. held is its own state of the row, without local writes
// that it has not recorded, which nobody else can know; own is the origin of its writes, and now its time in µs.
//
// A node knows its own writes best. A vector that claims to have seen a later one has not, or saw one forgotten here, which
// then hides nothing: what it says of them is not believed. A state that has seen less conflicts with more, so no write is
// lost. Only the others can judge their own writes: see apply.Result.Held.
//
// lie says that, as far as the node can tell, the state claims to know writes that it never made.
func Credible(in, held change.State, own string, now int64) (believed change.State, lie bool) {
	claimed := change.State{Seen: in.Seen}.Latest(own)
	known := held.Latest(own)
	if claimed <= known {
		return in, false
	}
	seen := slices.DeleteFunc(slices.Clone(in.Seen), func(v change.Version) bool { return v.Origin == own })
	return change.State{Version: in.Version, Seen: seen, Made: in.Made, Counts: in.Counts}, known > 0 || claimed > now+ownTolerance.Microseconds()
}

// Posed reports whether an incoming version is in the name of the node, whose origin is own, but is not one of its writes, as
// far as the row's state tells; sure says that it cannot be one that the node has forgotten.
func Posed(v change.Version, held change.State, own string, now int64) (posed, sure bool) {
	if v.Origin != own || v.Time <= held.Latest(own) {
		return false, false
	}
	return true, v.Time > now+ownTolerance.Microseconds()
}
