package apply

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestPlanCounts: what becomes of the price of items, a counter, when a change of node-b arrives at node-a.
func TestPlanCounts(t *testing.T) {
	t.Parallel()
	table := items(t)
	base := at(1000, "node-a")
	of := func(tallies ...change.Tally) change.Counts {
		return change.Counts{{Name: "price", Epoch: base, Base: "10", Tallies: tallies}}
	}
	ours, theirs := change.Tally{Origin: "node-a", N: 1, Sum: "-1", At: early}, change.Tally{Origin: "node-b", N: 2, Sum: "-2", At: early + 1}
	sold := []capture.Entry{{ID: 7, Written: later, Changed: []string{"price"}, Counted: []change.Counted{{Name: "price", Old: "10", New: "9.5", At: later}}}}
	held := func(v change.Version, counts change.Counts, price string, seen ...change.Version) Local {
		s := state(v, seen...)
		s.Counts = counts
		return Local{Exists: true, Key: "1", Values: row(price, "x"), State: s}
	}
	in := func(when int64, counts change.Counts, price string, seen ...change.Version) *Incoming {
		c := incoming(when, row(price, "x"), seen...)
		c.Counts = counts
		return c
	}
	pending := held(base, nil, "9.50")
	pending.Pending = sold
	known := held(at(later, "node-a"), of(ours, theirs), "6.50", at(early+1, "node-b"))
	known.Pending, known.Values = []capture.Entry{{ID: 8, Written: later + 5, Changed: []string{"price"}, Counted: []change.Counted{{Name: "price", Old: "7", New: "6.5", At: later + 5}}}}, row("6.50", "x")
	silenced := held(at(later, "node-a"), of(ours), "8.00", at(early+1, "node-b"))
	vanished := held(base, of(ours), "")
	vanished.Exists, vanished.Values, vanished.Fate = false, nil, version.There
	for name, test := range map[string]struct {
		in     *Incoming
		l      Local
		want   conflict.Decision
		price  string // that is written
		counts string // afterwards
		wrong  string
	}{
		"a successor":                       {in: in(early+1, of(theirs), "8.00", base), l: held(base, of(), "10.00"), want: conflict.Apply, price: "8.00", counts: "8"},
		"its number is older or newer":      {in: in(early+1, of(theirs), "3.00", base), l: held(base, of(), "10.00"), want: conflict.Apply, price: "8.00", counts: "8"},
		"both counted":                      {in: in(early+1, of(theirs), "8.00", base), l: held(at(early, "node-a"), of(ours), "9.00", base), want: conflict.Win, price: "7.00", counts: "7"},
		"a write that waits":                {in: in(early+1, of(theirs), "8.00", base), l: pending, want: conflict.Win, price: "7.50", counts: "7.5"},
		"known, and a write waits":          {in: in(early+1, of(theirs), "8.00", base), l: known, want: conflict.Known, counts: "7"},
		"a version that hides an increment": {in: in(early+1, of(theirs), "8.00", base), l: held(at(later, "node-a"), of(ours), "9.00", at(early+1, "node-b")), want: conflict.Win, price: "7.00", counts: "7"},
		"what no trigger saw":               {in: in(early+1, of(), "8.00", base), l: silenced, want: conflict.Lose, counts: "8"},
		"a vanished row":                    {in: in(early+1, of(theirs), "8.00", base), l: vanished, want: conflict.Win, price: "7.00", counts: "7"},
		"not counted by the sender":         {in: in(early+1, nil, "8.00", base), l: held(base, of(), "10.00"), want: conflict.Known, counts: "10", wrong: "the sender does not"},
		"other columns counted":             {in: in(early+1, append(of(), change.Counter{Name: "weight"}), "8.00", base), l: held(base, of(), "10.00"), want: conflict.Known, counts: "10", wrong: "counts more columns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := conflict.Policy{Name: conflict.MergeColumns, Counters: []string{"Price"}}
			s := Plan(table, test.in, test.l, later+10, "node-a", p)
			if s.Decision.Conflict() {
				l := test.l
				if err := s.join(table, l, p); err != nil {
					t.Fatal(err)
				}
			}
			got := ""
			if s.Decision.Writes() {
				got = string(s.in.Values[1])
			}
			if s.Decision != test.want || got != test.price || s.State.Counts.Of("price").Value() != test.counts {
				t.Errorf("decision %v writes %q, knows %+v; want %v, %q, %s", s.Decision, got, s.State.Counts, test.want, test.price, test.counts)
			}
			if test.wrong != "" && (s.misfit == nil || !strings.Contains(s.misfit.Error(), test.wrong)) {
				t.Errorf("refused because %v", s.misfit)
			}
			if s.merge != nil && len(s.merge.losers) > 0 {
				t.Errorf("losers: %+v", s.merge.losers)
			}
		})
	}
}

// TestACounterThatCannotCountIsRefused: its column was renamed, or got another type, while the node was running. What peers say of its
// row would be taken without the number, or for an increment that no trigger saw.
func TestACounterThatCannotCountIsRefused(t *testing.T) {
	t.Parallel()
	table := items(t)
	for _, name := range []string{"note", "renamed"} {
		for _, dated := range []bool{false, true} {
			in := incoming(early+1, row("8.00", "x"), at(1000, "node-a"))
			in.Dated, in.Counts = dated, change.Counts{{Name: name}}
			l := Local{Exists: true, Key: "1", Values: row("9.00", "x"), State: state(at(1000, "node-a"))}
			s := Plan(table, in, l, later, "node-a", conflict.Policy{Name: conflict.MergeColumns, Counters: []string{name}})
			if s.Decision != conflict.Known || s.misfit == nil || !strings.Contains(s.misfit.Error(), "counter "+name+" cannot count") {
				t.Errorf("%s, dated %v: decision %v, refused because %v", name, dated, s.Decision, s.misfit)
			}
		}
	}
}

// TestASumThatDoesNotFitIsNamed however the column is spelled.
func TestASumThatDoesNotFitIsNamed(t *testing.T) {
	t.Parallel()
	s := &Step{State: change.State{Counts: change.Counts{{Name: "price", Base: "-20"}}}}
	err := misfitCounter(conflict.Policy{Counters: []string{"PRICE"}}, s, errors.New("table items: column Price: -20 is out of range"))
	if !strings.Contains(err.Error(), "make -20 of counter price") {
		t.Error(err)
	}
}

// TestASumThatACheckRefusesIsNamed in the error of its own row; of several rows it is not known whose it is.
func TestASumThatACheckRefusesIsNamed(t *testing.T) {
	t.Parallel()
	s := &Step{State: change.State{Counts: change.Counts{{Name: "price", Base: "-20", Epoch: at(1000, "node-a")}, {Name: "other"}}}}
	for _, number := range []int{3819, 4025} {
		err := refusedSum([]*Step{s}, fmt.Errorf("write items: %w", mysqldb.Answer(number, "violated")))
		if !strings.Contains(err.Error(), "make -20 of counter price, and a CHECK") || mysqldb.Number(err) != number {
			t.Error(err)
		}
		if err := refusedSum([]*Step{s, s}, mysqldb.Answer(number, "violated")); strings.Contains(err.Error(), "counter") {
			t.Error(err)
		}
	}
	if err := refusedSum([]*Step{s}, mysqldb.Answer(1062, "duplicate")); strings.Contains(err.Error(), "counter") {
		t.Error(err)
	}
}
