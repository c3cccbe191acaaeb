package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Counter is the policy that sync_conflicts names where an existing peer wrote a counter: its number is kept there.
const Counter = "counter"

// uncounted returns why a change of a table with counters is refused: its sender does not count the same columns, so what it says
// about them would drop increments of others. Existing peers are told apart by Dated; see leaveCounters. The same goes for a counter
// that this node cannot count, since its column was renamed, dropped or given another type meanwhile.
func uncounted(t *schema.Table, in *Incoming, p conflict.Policy) error {
	if in.Withdrawn {
		return nil
	}
	for _, name := range p.Counters {
		if c, ok := t.Column(name); !ok || !c.Adds() {
			return fmt.Errorf("counter %s cannot count: table %s has no such column, or its values do not add up", name, t.Name)
		}
	}
	if in.Dated {
		return nil
	}
	for _, name := range p.Counters {
		if !slices.ContainsFunc(in.Counts, func(k change.Counter) bool { return strings.EqualFold(k.Name, name) }) {
			return fmt.Errorf("%s counts %s.%s, and the sender does not: give both the same counters, and a version that knows them", "this node", in.Table, name)
		}
	}
	if len(p.Counters) > 0 && len(in.Counts) != len(p.Counters) {
		return errors.New("the sender counts more columns of " + in.Table + " than this node: give both the same counters")
	}
	return nil
}

// remember completes what the node knows of the row's counters: local writes that are not recorded yet, and anything by which
// the row differs from what was recorded although no trigger saw it written, which counts as an increment made here.
// l must have the row's values. It reports whether there was such a difference.
func (l *Local) remember(t *schema.Table, now int64, origin string, p conflict.Policy) (drifted bool) {
	l.State.Counts = l.State.Counts.Only(p.Counters)
	if len(l.Pending) > 0 {
		l.State = conflict.Wrote(l.State, capture.Latest(l.Pending), origin, capture.Changed(l.Pending), capture.Additions(l.Pending, p.Counters))
	}
	if len(l.State.Counts) == 0 || !l.Exists || l.Values == nil || p.Received || t.Triggered {
		return false // a user's trigger may write another number than it is given, each time
	}
	var counted []change.Counted
	var names []string
	for _, k := range l.State.Counts {
		if is, ok := amountOf(t, t.Names(), l.Values, k.Name); ok && is != k.Value() {
			counted, names = append(counted, change.Counted{Name: k.Name, Old: k.Value(), New: is, At: now}), append(names, k.Name)
		}
	}
	if counted != nil {
		l.State = conflict.Wrote(l.State, now, origin, names, counted)
	}
	return counted != nil
}

// amountOf returns the value of a counter among a row's values; "" is NULL.
func amountOf(t *schema.Table, names []string, values [][]byte, counter string) (string, bool) {
	i := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, counter) })
	if i < 0 || i >= len(values) || t.Index(counter) < 0 {
		return "", false
	}
	if values[i] == nil {
		return "", true
	}
	return value.Amount(string(values[i]))
}

// knowCounters makes both states say what they know of the counters; see conflict.Policy.Known.
func (s *Step) knowCounters(t *schema.Table, l *Local, p conflict.Policy) {
	if s.in.Dated && (l.Exists || s.in.Deleted()) {
		s.came.Counts = l.State.Counts // an existing peer says nothing about counters
		return
	}
	if s.in.Dated { // a new row
		for _, k := range l.State.Counts {
			if base, ok := amountOf(t, s.in.Columns, s.in.Values, k.Name); ok {
				s.came.Counts = s.came.Counts.With(change.Counter{Name: k.Name, Epoch: s.came.Version, Base: base})
			}
		}
	}
	p.Known(&l.State, &s.came,
		func(name string) (string, bool) { return amountOf(t, t.Names(), l.Values, name) },
		func(name string) (string, bool) { return amountOf(t, s.in.Columns, s.in.Values, name) })
}

// count makes the step write the counters as they add up, whatever the row said that came with them: it may have held
// increments that were not recorded yet where it was read. Promise 3.
func (s *Step) count(t *schema.Table, p conflict.Policy) {
	if !s.Decision.Writes() || s.in.Deleted() || len(s.State.Counts) == 0 {
		return
	}
	c := counters(t, p)
	in := *s.in
	in.Values = slices.Clone(in.Values)
	for i := range t.Columns {
		v, ok := c(s.State.Counts, i)
		if !ok {
			continue
		}
		at := slices.IndexFunc(in.Columns, func(name string) bool { return strings.EqualFold(name, t.Columns[i].Name) })
		if at < 0 {
			in.Columns, in.Values = append(slices.Clone(in.Columns), t.Columns[i].Name), append(in.Values, v)
			continue
		}
		in.Values[at] = v
	}
	s.in = &in
}

// counters returns the values of a table's counters, in stored form, by what is known of them.
func counters(t *schema.Table, p conflict.Policy) func(counts change.Counts, column int) ([]byte, bool) {
	return func(counts change.Counts, column int) ([]byte, bool) {
		c := &t.Columns[column]
		if !p.Counts(c.Name) {
			return nil, false
		}
		k := counts.Of(c.Name)
		amount := k.Value()
		switch {
		case k.Epoch.IsZero():
			return nil, false
		case amount == "":
			return nil, true
		}
		return c.AmountFor(amount), true
	}
}

// leaveCounters takes the counters out of an existing peer's change of a row that is there: the peer sends whole rows, and a
// number that it read a while ago would drop what was counted since. If its number is another one, it is kept as a loser, and
// the peer gets the node's.
func leaveCounters(t *schema.Table, in *Incoming, l *Local, p conflict.Policy) (left *Incoming, lost bool) {
	if !in.Dated || !l.Exists || in.Deleted() || len(l.State.Counts) == 0 {
		return in, false
	}
	out := *in
	out.Columns, out.Values = nil, nil
	for i, name := range in.Columns {
		if at := t.Index(name); at >= 0 && p.Counts(name) && !l.State.Counts.Of(name).Epoch.IsZero() {
			lost = lost || !t.Columns[at].Equal(l.Values[at], in.Values[i])
			continue
		}
		out.Columns, out.Values = append(out.Columns, name), append(out.Values, in.Values[i])
	}
	return &out, lost
}

// keepNumber keeps an existing peer's row whose counter was not taken, and answers it. Promise 4.
func (s *Step) keepNumber(whole *Incoming) {
	s.answer = true
	if s.Decision == conflict.Apply {
		s.Decision = conflict.Win
	} else if !s.Decision.Conflict() || s.policy == conflict.MergeColumns && s.made {
		return // nothing is new, or the whole row is kept as the loser
	}
	s.policy = Counter
	s.merge = &merge{result: *s.in, losers: []losers.Side{{Version: whole.Version, Columns: whole.Columns, Values: whole.Values}}}
}

// misfitCounter explains why a sum does not fit.
func misfitCounter(p conflict.Policy, s *Step, err error) error {
	for _, k := range s.State.Counts {
		if p.Counts(k.Name) && strings.Contains(strings.ToLower(err.Error()), k.Name) {
			return fmt.Errorf("the increments of all sites make %s of counter %s, which its column cannot hold, so each site keeps its own number for now; "+
				"change it at any site so that the sum fits: %w", k.Value(), k.Name, err)
		}
	}
	return err
}

// ofCheck are the errors of MySQL and MariaDB for a row that a CHECK refuses.
var ofCheck = []int{3819, 4025}

// refusedSum adds the sums to the error of a row that is written alone and that a CHECK refuses: only the server knows
// which columns the CHECK compares.
func refusedSum(steps []*Step, err error) error {
	if len(steps) != 1 || !slices.Contains(ofCheck, mysqldb.Number(err)) {
		return err
	}
	var sums []string
	for _, k := range steps[0].State.Counts {
		if !k.Epoch.IsZero() && k.Value() != "" {
			sums = append(sums, k.Value()+" of counter "+k.Name)
		}
	}
	if len(sums) == 0 {
		return err
	}
	return fmt.Errorf("the increments of all sites make %s, and a CHECK refuses that row, so each site keeps its own for now; "+
		"change it at any site so that it is allowed: %w", strings.Join(sums, " and "), err)
}
