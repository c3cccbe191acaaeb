package conflict

import (
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// ownTolerance is how far behind a node's clock may have been set, for it to believe that it has made and forgotten a write of
// the time that it was ahead.
const ownTolerance = 5 * time.Minute

// Credible returns what of an incoming state a node can believe. held is what it has of the row, without local writes that it has
// not recorded, so that nobody can know them; own is the origin of its writes, and now its time in µs.
//
// Of its own writes a node knows best. A vector that claims to have seen a later one has not, or what it has seen is forgotten
// here and then hides nothing: nothing is believed of what it says of them. Whoever has seen less is in conflict with more, so
// that no write is lost by it. Of others' writes only these can tell: see apply.Result.Held.
//
// lie says that the state claims to know writes of the node that were not made, as far as it can tell.
func Credible(in, held change.State, own string, now int64) (believed change.State, lie bool) {
	claimed := change.State{Seen: in.Seen}.Latest(own)
	known := held.Latest(own)
	if claimed <= known {
		return in, false
	}
	seen := slices.DeleteFunc(slices.Clone(in.Seen), func(v change.Version) bool { return v.Origin == own })
	return change.State{Version: in.Version, Seen: seen}, known > 0 || claimed > now+ownTolerance.Microseconds()
}

// Posed reports whether a version that comes in is in the name of the node, whose origin is own, and is none of its writes, as
// far as the row's state says; sure is that it cannot be one which the node has forgotten.
func Posed(v change.Version, held change.State, own string, now int64) (posed, sure bool) {
	if v.Origin != own || v.Time <= held.Latest(own) {
		return false, false
	}
	return true, v.Time > now+ownTolerance.Microseconds()
}
