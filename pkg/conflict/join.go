package conflict

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Wrote is Next for a write that changed only some columns: the others were made by whichever write they had been made by. nil
// is all columns. counted is what it did to counters.
func Wrote(local change.State, written int64, origin string, columns []string, counted []change.Counted) change.State {
	next := Next(local, written, origin)
	next.Made = Altered(local, next.Version, columns)
	return Counted(local, next, counted)
}

// Altered says by which writes the columns of a row were made after the write v of some of them; nil is all.
func Altered(local change.State, v change.Version, columns []string) *change.Made {
	if columns == nil {
		return nil
	}
	if local.Made != nil {
		return local.Made.With(v, columns)
	}
	m := &change.Made{Rest: local.Version}
	if m.Rest.IsZero() { // a row that was there before there were versions
		m.Rest = change.Version{Time: change.Baseline, Origin: v.Origin}
	}
	return m.With(v, columns)
}

// Side is a whole row as one of two sides of a conflict has it.
type Side struct {
	change.State
	Values [][]byte // of all columns; nil: the row is deleted
}

// Columns are a table's columns as Join must know them.
type Columns struct {
	Names []string
	// Groups are columns that can only be taken together, by their positions: those of one unique key, for example. A column
	// is in one group at most, and one that is in none is by itself.
	Groups [][]int
	// Equal reports whether two values of a column are the same.
	Equal func(column int, a, b []byte) bool
	// Stamped reports whether the server sets a column at each update: then the earlier value of two is nothing that someone wrote.
	Stamped func(column int) bool
	// Counter returns the stored form of a column's value if the column is a counter and the counts know it.
	Counter func(counts change.Counts, column int) (stored []byte, ok bool)
}

// Joined is what becomes of a row that two sides wrote without knowing of each other.
type Joined struct {
	State  change.State
	Values [][]byte // nil: the row is deleted
	LostA  bool     // something that A wrote is not in the row, and B did not know it
	LostB  bool
}

// Join takes each column from the side that wrote it later. The answer is the same whichever side is called A. A row that one
// side deleted is there if the latest write of it is later than the delete. Promise 3. The values of one write are the same
// everywhere; if someone says that they are not, the larger ones are taken, so that all end up with the same.
func (c Columns) Join(a, b Side) Joined {
	if a.Values == nil || b.Values == nil {
		return c.joinDeleted(a, b)
	}
	n := len(c.Names)
	counts := a.Counts.Join(b.Counts)
	j := Joined{Values: make([][]byte, n), LostA: dropped(counts, &a, &b), LostB: dropped(counts, &b, &a)}
	by := make([]change.Version, n)
	for _, group := range c.groups() {
		from, other, lost := &a, &b, &j.LostB
		if c.compare(group, &a, &b) < 0 {
			from, other, lost = &b, &a, &j.LostA
		}
		last := c.latest(group, from)
		for _, i := range group {
			j.Values[i], by[i] = from.Values[i], last
			if stored, ok := c.counter(counts, i); ok {
				j.Values[i] = stored
				continue
			}
			v := other.MadeBy(c.Names[i])
			if v.Time > change.Baseline && !from.Knows(v) && !c.stamped(i) && !c.Equal(i, from.Values[i], other.Values[i]) {
				*lost = true // Promise 4
			}
		}
	}
	j.State = Merge(a.State, b.State, append(text(j.Values, by), counts.Text()...))
	j.State.Made = change.MadeOf(j.State.Version, c.Names, by)
	return j
}

// counter returns the value of a counter that the counts know.
func (c Columns) counter(counts change.Counts, column int) (stored []byte, ok bool) {
	if c.Counter == nil || len(counts) == 0 {
		return nil, false
	}
	return c.Counter(counts, column)
}

func (c Columns) stamped(column int) bool { return c.Stamped != nil && c.Stamped(column) }

// groups returns all columns by their groups.
func (c Columns) groups() [][]int {
	grouped := make([]bool, len(c.Names))
	all := append([][]int(nil), c.Groups...)
	for _, g := range c.Groups {
		for _, i := range g {
			grouped[i] = true
		}
	}
	for i := range c.Names {
		if !grouped[i] {
			all = append(all, []int{i})
		}
	}
	return all
}

// latest returns the latest write of a group: it made all of it.
func (c Columns) latest(group []int, s *Side) (last change.Version) {
	for _, i := range group {
		if v := s.MadeBy(c.Names[i]); v.Compare(last) > 0 {
			last = v
		}
	}
	return last
}

// compare says which side's columns of a group stay: those that were written later.
func (c Columns) compare(group []int, a, b *Side) int {
	if order := c.latest(group, a).Compare(c.latest(group, b)); order != 0 {
		return order
	}
	for _, i := range group {
		if order := bytes.Compare(a.Values[i], b.Values[i]); order != 0 {
			return order
		}
		if (a.Values[i] == nil) != (b.Values[i] == nil) {
			if a.Values[i] == nil {
				return -1
			}
			return 1
		}
	}
	return 0
}

// joinDeleted joins two sides of which one at least has deleted the row.
func (c Columns) joinDeleted(a, b Side) Joined {
	order := a.LastWrite().Compare(b.LastWrite())
	if order == 0 && a.Values == nil {
		order = 1 // so that both sides take the same
	}
	winner, both := a, a.Values == nil && b.Values == nil
	j := Joined{LostB: !both}
	if order < 0 {
		winner, j.LostA, j.LostB = b, !both, false
	}
	j.LostA, j.LostB = j.LostA && !a.Version.IsZero(), j.LostB && !b.Version.IsZero() // a row never seen is no loser
	j.Values = slices.Clone(winner.Values)
	counts := a.Counts.Join(b.Counts)
	j.LostA = j.LostA || a.Values != nil && dropped(counts, &a, &b)
	j.LostB = j.LostB || b.Values != nil && dropped(counts, &b, &a)
	for i := range j.Values {
		if stored, ok := c.counter(counts, i); ok {
			j.Values[i] = stored
		}
	}
	made := winner.Made
	if made == nil {
		made = &change.Made{Rest: winner.Version}
	}
	j.State = Merge(a.State, b.State, slices.Concat(text(j.Values, nil), made.Text(), counts.Text()))
	j.State.Made = made
	return j
}

// text returns a whole row, and by which writes it was made, in a form that is the same for equal ones.
func text(row [][]byte, by []change.Version) []byte {
	b := Text(row)
	for _, v := range by {
		b = v.Append(b)
	}
	return b
}

// Text returns a whole row in a form that is the same for equal ones, for Merge.
func Text(row [][]byte) []byte {
	var b []byte
	for _, v := range row {
		if v == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(v))+1)
		b = append(b, v...)
	}
	return b
}
