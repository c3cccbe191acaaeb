package apply

import (
	"errors"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// errRekeyed says that a join would give a row another key.
var errRekeyed = errors.New("its columns would make another key")

// join decides a planned conflict column by column: each is taken from the side that wrote it later. If that is
// impossible, the error says why, and the plan stands.
func (s *Step) join(t *schema.Table, l Local, p conflict.Policy) error {
	var ours [][]byte
	if l.Exists {
		ours = l.Values
	}
	theirs, err := overlay(t, ours, s.in)
	if err != nil {
		return err
	}
	came := s.came
	if theirs != nil {
		came.Made = s.partly(t, s.came)
	}
	columns := columnsOfTable(t, p)
	columns.Counter = counters(t, p)
	j := columns.Join(conflict.Side{State: s.local, Values: ours}, conflict.Side{State: came, Values: theirs})
	if j.Values != nil {
		if key, err := t.KeyOf(t.Names(), j.Values); err != nil || key != s.in.Key && key != s.key {
			return errors.Join(err, errRekeyed)
		}
	}
	s.keepJoined(t, j, ours, theirs)
	return nil
}

// keepJoined makes the step write the joined row, or nothing if that is the row here.
func (s *Step) keepJoined(t *schema.Table, j conflict.Joined, ours, theirs [][]byte) {
	g := group{table: t}
	s.State = j.State
	s.Decision, s.passOn = conflict.Win, true
	if sameRow(t, ours, j.Values) {
		s.Decision = conflict.Lose
	}
	s.merge = &merge{result: Incoming{Change: change.Change{Row: s.in.Row, State: s.State}, From: s.in.From, Dated: s.in.Dated}}
	if j.Values != nil {
		s.merge.result.Columns, s.merge.result.Values = t.Names(), j.Values
	}
	for _, side := range []struct {
		lost bool
		losers.Side
	}{{j.LostA, g.side(s.local.Version, ours)}, {j.LostB, g.side(s.came.Version, theirs)}} {
		if side.lost { // Promise 4
			s.merge.losers = append(s.merge.losers, side.Side)
		}
	}
	s.in = &s.merge.result
}

// partly says which writes made a row's columns after a change: the columns that the change leaves out stay as they were.
func (s *Step) partly(t *schema.Table, came change.State) *change.Made {
	if len(s.in.Columns) >= len(t.Columns) {
		return came.Made
	}
	by := make([]change.Version, len(t.Columns))
	for i, name := range t.Names() {
		by[i] = s.local.MadeBy(name)
		if slices.Contains(s.in.Columns, name) {
			by[i] = came.MadeBy(name)
		}
	}
	return change.MadeOf(came.Version, t.Names(), by)
}

// columnsOfTable returns the columns to join; those of one key, unique key, foreign key or CHECK are joined as a group.
// Counters are in none: they add up.
func columnsOfTable(t *schema.Table, p conflict.Policy) conflict.Columns {
	key := make([]string, len(t.Key))
	for i, k := range t.Key {
		key[i] = t.Columns[k].Name
	}
	sets := append([][]string{key}, t.Together...)
	for _, f := range t.ForeignKeys {
		sets = append(sets, f.Columns)
	}
	for i, set := range sets {
		sets[i] = slices.DeleteFunc(slices.Clone(set), p.Counts)
	}
	return conflict.Columns{
		Names: t.Names(), Groups: grouped(t, sets),
		Equal:   func(i int, a, b []byte) bool { return t.Columns[i].Equal(a, b) },
		Stamped: func(i int) bool { return t.Columns[i].Stamped },
	}
}

// grouped returns the positions of sets of columns; sets that share a column are merged.
func grouped(t *schema.Table, sets [][]string) [][]int {
	var groups [][]int
	for _, set := range sets {
		var group []int
		for _, name := range set {
			if i := t.Index(name); i >= 0 { // the server computes the others
				group = append(group, i)
			}
		}
		rest := groups[:0:0]
		for _, g := range groups {
			if slices.ContainsFunc(g, func(i int) bool { return slices.Contains(group, i) }) {
				group = append(group, g...)
			} else {
				rest = append(rest, g)
			}
		}
		slices.Sort(group)
		if group = slices.Compact(group); len(group) > 0 {
			groups = append(rest, group)
		}
	}
	return groups
}

// differing returns the columns in which a change differs from the row here.
func differing(t *schema.Table, in *Incoming, l Local) []string {
	changed := []string{}
	for i, name := range in.Columns {
		if at := t.Index(name); at < 0 || !t.Columns[at].Equal(l.Values[at], in.Values[i]) {
			changed = append(changed, name)
		}
	}
	return changed
}
