package change

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Counts is what is known of a row's counters: columns whose increments by all clients add up. Each client keeps a tally of its
// own, so an increment counts once, however often and on whichever way its tally arrives. Counts are in the order of their names,
// and do not change once they are part of a State.
type Counts []Counter

// Counter is the state of one counter of a row: what a write set it to, and what was added since then.
type Counter struct {
	Name    string  // in lower case
	Epoch   Version // the write that set it; zero: it is counted, but nothing is known of this row's yet
	Base    string  // an amount (see value.Amount), or "" for NULL
	Tallies []Tally // in the order of their origins
}

// Tally is what one origin has added to a counter.
type Tally struct {
	Origin string
	N      int64  // how many increments
	Sum    string // an amount
	At     int64  // when the latest was made, as a version's time
}

// Counted is what one local write did to a counter.
type Counted struct {
	Name     string
	Old, New string // amounts; "" is NULL
	Set      bool   // an insert: there was no value before
	At       int64  // when, as a version's time
	Origin   string // to which it is credited; "": the client's present one
}

// Of returns a counter by its name; one of which nothing is known has no Epoch. Case is ignored, as by the server.
func (c Counts) Of(name string) Counter {
	for i := range c {
		if strings.EqualFold(c[i].Name, name) {
			return c[i]
		}
	}
	return Counter{Name: strings.ToLower(name)}
}

// With returns c with one counter replaced or added; c is not changed.
func (c Counts) With(k Counter) Counts {
	at := slices.IndexFunc(c, func(x Counter) bool { return strings.EqualFold(x.Name, k.Name) })
	n := slices.Clone(c)
	if at >= 0 {
		n[at] = k
	} else {
		n = append(n, k)
	}
	slices.SortFunc(n, func(a, b Counter) int { return cmp.Compare(a.Name, b.Name) })
	return n
}

// Only returns the counters with these names of which something is known; nil if there are none.
func (c Counts) Only(names []string) (only Counts) {
	for i := range c {
		named := slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, c[i].Name) })
		if named && !c[i].Epoch.IsZero() {
			only = append(only, c[i])
		}
	}
	return only
}

// Join returns the counts that know what both know. It is commutative, associative and idempotent. Promise 3.
func (c Counts) Join(o Counts) Counts {
	if len(o) == 0 {
		return c
	}
	joined := c
	for i := range o {
		joined = joined.With(joined.Of(o[i].Name).Join(o[i]))
	}
	return joined
}

// Equal reports whether both know the same.
func (c Counts) Equal(o Counts) bool {
	return slices.EqualFunc(c, o, func(a, b Counter) bool {
		return strings.EqualFold(a.Name, b.Name) && a.Epoch == b.Epoch && a.Base == b.Base && slices.Equal(a.Tallies, b.Tallies)
	})
}

// Join returns the counter that knows what both know: the later of two settings, and for each origin the tally that counts more.
// Two bases of one setting do not happen unless someone lies; the larger is taken, so that all end up with the same.
func (k Counter) Join(o Counter) Counter {
	if order := k.Epoch.Compare(o.Epoch); order > 0 {
		return k
	} else if order < 0 {
		o.Name = k.Name
		return o
	}
	if o.Base != "" && (k.Base == "" || value.CompareAmounts(o.Base, k.Base) > 0) {
		k.Base = o.Base
	}
	tallies := slices.Clone(k.Tallies)
	for _, t := range o.Tallies {
		at, ok := slices.BinarySearchFunc(tallies, t.Origin, byTally)
		switch {
		case !ok:
			tallies = slices.Insert(tallies, at, t)
		case t.compare(tallies[at]) > 0:
			tallies[at] = t
		}
	}
	k.Tallies = tallies
	return k
}

func byTally(t Tally, origin string) int { return strings.Compare(t.Origin, origin) }

// compare says which of one origin's tallies knows more. Those of as many increments are equal, unless a client that was set back
// does not know that it was.
func (t Tally) compare(o Tally) int {
	return cmp.Or(cmp.Compare(t.N, o.N), value.CompareAmounts(t.Sum, o.Sum), cmp.Compare(t.At, o.At))
}

// Plus returns the counter after one more increment; k is not changed.
func (k Counter) Plus(origin, amount string, at int64) Counter {
	k.Tallies = slices.Clone(k.Tallies)
	i, ok := slices.BinarySearchFunc(k.Tallies, origin, byTally)
	if !ok {
		k.Tallies = slices.Insert(k.Tallies, i, Tally{Origin: origin, Sum: "0"})
	}
	t := &k.Tallies[i]
	t.N, t.Sum, t.At = t.N+1, value.Add(t.Sum, amount), max(t.At, at)
	return k
}

// Value returns the counter's value, an amount; "" is NULL.
func (k Counter) Value() string {
	sum := k.Base
	for i := range k.Tallies {
		if sum != "" {
			sum = value.Add(sum, k.Tallies[i].Sum)
		}
	}
	return sum
}

// Text returns a form that is the same for equal ones, and that ParseCounts understands; nil for nothing.
func (c Counts) Text() []byte {
	var b []byte
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for i := range c {
		k := &c[i]
		text(k.Name)
		b = k.Epoch.Append(b)
		text(k.Base)
		b = binary.AppendUvarint(b, uint64(len(k.Tallies)))
		for _, t := range k.Tallies {
			text(t.Origin)
			b = binary.AppendUvarint(b, uint64(t.N))
			text(t.Sum)
			b = binary.AppendUvarint(b, uint64(t.At))
		}
	}
	return b
}

var errCounts = errors.New("what it says about the row's counters is damaged")

// ParseCounts returns what Text wrote; nil for nothing.
func ParseCounts(b []byte) (Counts, error) {
	var c Counts
	r := madeReader{b, true}
	for r.ok && len(r.rest) > 0 {
		k := Counter{Name: r.text(), Epoch: r.version(), Base: r.amount(true)}
		for n := r.number(); n > 0 && r.ok; n-- {
			k.Tallies = append(k.Tallies, Tally{Origin: r.text(), N: int64(r.number()), Sum: r.amount(false), At: int64(r.number())})
		}
		c = append(c, k)
	}
	if !r.ok {
		return nil, errCounts
	}
	return c, nil
}

// amount reads an amount, or "" where that is allowed.
func (r *madeReader) amount(null bool) string {
	s := r.text()
	if a, ok := value.Amount(s); r.ok && a != s || !ok && (s != "" || !null) {
		r.ok, r.rest = false, nil
	}
	return s
}
