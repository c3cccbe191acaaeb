package conflict

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Counted is the state after local writes of a row, given the one before and what the writes did to counters, in order. A write
// adds what the value grew by; inserts, and writes from or to NULL, set it. A counter that was never counted before begins with
// the value that it then had, as if the version before had set it: everyone who has that version says the same.
func Counted(before, after change.State, writes []change.Counted) change.State {
	for _, w := range writes {
		k := after.Counts.Of(w.Name)
		if k.Epoch.IsZero() && !w.Set {
			k.Epoch, k.Base = Epoch(before.Version), w.Old
		}
		origin := cmp.Or(w.Origin, after.Version.Origin)
		switch {
		case w.Set || (w.Old == "") != (w.New == ""):
			last := k.Epoch.Time
			if k.Epoch.IsZero() {
				last = before.Version.Time // which set it, maybe by a clock that is ahead
			}
			k = change.Counter{Name: k.Name, Base: w.New, Epoch: change.Version{Time: max(w.At, last+1), Origin: origin}}
		case w.Old != w.New:
			k = k.Plus(origin, value.Subtract(w.New, w.Old), w.At)
		}
		after.Counts = after.Counts.With(k)
	}
	return after
}

// Epoch returns the setting of a counter of which nothing is known but the row's version. Rows that no one has written since there
// are versions have no version at some nodes, and the Baseline of any at others: all these are one.
func Epoch(v change.Version) change.Version {
	if v.Time <= change.Baseline {
		return change.Version{Time: change.Baseline}
	}
	return v
}

// Counts reports whether a column is a counter. Case is ignored, as by the server.
func (p Policy) Counts(column string) bool {
	return slices.ContainsFunc(p.Counters, func(name string) bool { return strings.EqualFold(name, column) })
}

// Known completes what two states say about the counters of a row, where only one of them says something: the other row's value
// was then set by its version, unless the one side knows the other's version. ours and theirs return the value that a counter's row
// has, as an amount.
func (p Policy) Known(local, came *change.State, ours, theirs func(counter string) (amount string, ok bool)) {
	local.Counts, came.Counts = local.Counts.Only(p.Counters), came.Counts.Only(p.Counters)
	for _, name := range p.Counters {
		here, there := local.Counts.Of(name), came.Counts.Of(name)
		switch {
		case here.Epoch.IsZero() == there.Epoch.IsZero():
		case here.Epoch.IsZero():
			local.Counts = complete(local, came, there, ours)
		default:
			came.Counts = complete(came, local, here, theirs)
		}
	}
}

// complete returns the counts of a side that says nothing about a counter of which the other says something.
func complete(side, other *change.State, theirs change.Counter, amount func(string) (string, bool)) change.Counts {
	k := change.Counter{Name: theirs.Name, Epoch: Epoch(side.Version)}
	base, ok := amount(theirs.Name)
	if k.Base = base; !ok || side.Version.IsZero() || k.Epoch == theirs.Epoch || other.Knows(side.Version) {
		return side.Counts
	}
	return side.Counts.With(k)
}

// dropped reports whether a join drops something that the side has counted and that the other did not know: it set the counter
// to another value.
func dropped(joined change.Counts, side, other *Side) bool {
	for _, k := range side.Counts {
		w := joined.Of(k.Name)
		if k.Epoch == w.Epoch || k.Value() == w.Value() {
			continue
		}
		unknown := k.Epoch.Time > change.Baseline && side.wrote(k.Epoch, other)
		for _, t := range k.Tallies {
			unknown = unknown || side.wrote(change.Version{Time: t.At, Origin: t.Origin}, other)
		}
		if unknown {
			return true // Promise 4
		}
	}
	return false
}

// wrote reports whether the other side may lack a setting or an increment. Its time is that of the clock, which may be earlier than the
// version that it is part of, and its origin may be a former life of the client that recorded it: so the other has it for sure only if it knows
// all writes of the client that this side has.
func (s *Side) wrote(v change.Version, other *Side) bool {
	if !other.Knows(v) {
		return true
	}
	return slices.ContainsFunc(s.Seen.With(s.Version), func(w change.Version) bool { return w.Author() == v.Author() && !other.Knows(w) })
}
