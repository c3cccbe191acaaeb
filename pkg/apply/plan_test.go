package apply

import (
	"os"
	"reflect"
	"slices"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// triggers are the source of the tests' changes in table_changes.
var triggers = trigger.New(zap.NewNop(), nil, trigger.Config{})

// uncaptured are two local changes, the later one at the given time.
func uncaptured(at int64) []capture.Entry {
	return []capture.Entry{{ID: 7, Written: at - 1}, {ID: 9, Written: at}}
}

// items reads a table with an integer key, a price and a note.
func items(t *testing.T) *schema.Table {
	t.Helper()
	db := testkit.Schema(t, "CREATE TABLE items (id INT PRIMARY KEY, price DECIMAL(10,2), note TEXT)")
	table, err := schema.Read(t.Context(), db, db.Name, "items")
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The tests' times in µs: whole milliseconds, as in version 1.
const (
	early = int64(1_715_000_000_001_000)
	later = int64(1_715_000_000_002_000)
)

func at(time int64, origin string) change.Version {
	return change.Version{Time: time, Origin: origin}
}

func state(v change.Version, seen ...change.Version) change.State {
	return change.State{Version: v, Seen: change.Vector{}.With(v).Merge(seen)}
}

// row is stored values of the table items; nil means that there is no row.
func row(price, note string) [][]byte { return [][]byte{[]byte("1"), []byte(price), []byte(note)} }

// incoming is a change made and sent by node-b; nil values are a delete.
func incoming(when int64, values [][]byte, seen ...change.Version) *Incoming {
	in := &Incoming{From: "node-b"}
	in.Row = change.Row{Table: "items", Key: "1"}
	in.State = state(at(when, "node-b"), seen...)
	if values != nil {
		in.Columns, in.Values = []string{"id", "price", "note"}, values
	}
	return in
}

// dateOnly is the same from a peer that speaks version 1.
func dateOnly(when int64, values [][]byte) *Incoming {
	in := incoming(when, values)
	in.Dated, in.Seen = true, nil
	return in
}

func TestPlan(t *testing.T) {
	t.Parallel()
	table := items(t)
	none := Local{}
	held := func(v change.Version, values [][]byte) Local {
		return Local{Exists: values != nil, Values: values, State: state(v)}
	}
	written := func(l Local, when int64) Local {
		l.Pending = uncaptured(when)
		return l
	}
	type result struct {
		decision conflict.Decision
		version  change.Version // held afterwards
		consumes bool
		passOn   bool
		answer   bool
		made     bool
	}
	partial := func(when int64, column, value string) *Incoming {
		in := dateOnly(when, row("", ""))
		in.Columns, in.Values = []string{column}, [][]byte{[]byte(value)}
		return in
	}
	tests := map[string]struct {
		in   *Incoming
		have Local
		want result
	}{
		"a new row is written and forwarded": {incoming(later, row("1.00", "x")), none,
			result{decision: conflict.Apply, version: at(later, "node-b"), passOn: true}},
		"a first write is no conflict": {incoming(early, row("1.00", "x")), held(at(change.Baseline, "node-c"), row("2.00", "y")),
			result{decision: conflict.Apply, version: at(early, "node-b"), passOn: true}},
		"a known version does nothing": {incoming(later, row("1.00", "x")), held(at(later, "node-b"), row("1.00", "x")),
			result{decision: conflict.Known, version: at(later, "node-b")}},
		"a later version that did not know ours wins": {incoming(later, row("1.00", "x")), held(at(early, "node-a"), row("2.00", "y")),
			result{decision: conflict.Win, version: at(later, "node-b"), passOn: true}},
		"an earlier version that did not know ours loses": {incoming(early, row("1.00", "x")), held(at(later, "node-a"), row("2.00", "y")),
			result{decision: conflict.Lose, version: at(later, "node-a")}},
		"an earlier version does not bring a deleted row back": {incoming(early, row("1.00", "x")), held(at(later, "node-a"), nil),
			result{decision: conflict.Lose, version: at(later, "node-a")}},

		"a later, uncaptured local write wins": {incoming(early, row("1.00", "x")), written(held(at(1000, "node-a"), row("2.00", "y")), later),
			result{decision: conflict.Lose, version: at(later, "node-a"), consumes: true, made: true}},
		"an earlier, uncaptured local write loses": {incoming(later, row("1.00", "x")), written(held(at(1000, "node-a"), row("2.00", "y")), early),
			result{decision: conflict.Win, version: at(later, "node-b"), consumes: true, passOn: true}},
		"a local write follows the version it was based on, whatever its clock says": {incoming(early, row("1.00", "x")), written(held(at(early, "node-b"), row("2.00", "y")), 5),
			result{decision: conflict.Known, version: at(early+1+5, "node-a")}},
		"a later, uncaptured local delete wins": {incoming(early, row("1.00", "x")), written(held(at(1000, "node-a"), nil), later),
			result{decision: conflict.Lose, version: at(later, "node-a"), consumes: true, made: true}},

		"a dated echo is dropped": {dateOnly(later, row("1.0", "x")), held(at(early, "node-a"), row("1.00", "x")),
			result{decision: conflict.Known, version: at(early, "node-a")}},
		"a dated echo of some columns is dropped": {partial(later, "price", "1"), held(at(early, "node-a"), row("1.00", "x")),
			result{decision: conflict.Known, version: at(early, "node-a")}},
		"the dated delete of a deleted row is dropped": {dateOnly(later, nil), held(at(early, "node-a"), nil),
			result{decision: conflict.Known, version: at(early, "node-a")}},
		"the dated delete of an unknown row is remembered": {dateOnly(later, nil), none,
			result{decision: conflict.Apply, version: at(later, "node-b"), passOn: true}},
		"a later dated change is written": {dateOnly(later, row("3.00", "x")), held(at(early, "node-a"), row("1.00", "x")),
			result{decision: conflict.Apply, version: at(later, "node-b"), passOn: true}},
		"a dated change of some columns is written": {partial(later, "note", "z"), held(at(early, "node-a"), row("1.00", "x")),
			result{decision: conflict.Apply, version: at(later, "node-b"), passOn: true}},
		"an outdated dated change is answered with the current row": {dateOnly(early, row("3.00", "x")), held(at(later, "node-a"), row("1.00", "x")),
			result{decision: conflict.Lose, version: at(later, "node-a"), answer: true}},
		"a dated change superseded by its sender is answered too": {dateOnly(early, row("3.00", "x")), held(at(later, "node-b"), row("1.00", "x")),
			result{decision: conflict.Known, version: at(later, "node-b"), answer: true}},
		"of two dated changes in one millisecond the second counts": {dateOnly(early, row("3.00", "x")), held(at(early, "node-b"), row("1.00", "x")),
			result{decision: conflict.Apply, version: at(early+1, "node-b"), passOn: true}},
		"of three dated changes in one millisecond the third counts": {dateOnly(early, row("3.00", "x")), held(at(early+1, "node-b"), row("1.00", "x")),
			result{decision: conflict.Apply, version: at(early+2, "node-b"), passOn: true}},
		"a dated change loses against a later local write": {dateOnly(early, row("3.00", "x")), written(held(at(1000, "node-b"), row("1.00", "x")), later),
			result{decision: conflict.Lose, version: at(later, "node-a"), consumes: true, answer: true, made: true}},
		"a dated change wins over an earlier local write": {dateOnly(later, row("3.00", "x")), written(held(at(1000, "node-b"), row("1.00", "x")), early),
			result{decision: conflict.Apply, version: at(later, "node-b"), consumes: true, passOn: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := Plan(table, test.in, test.have, later, "node-a", conflict.Policy{})
			got := result{s.Decision, s.State.Version, len(s.Consumed) > 0, s.passOn, s.answer, s.made}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got.consumes && !reflect.DeepEqual(s.Consumed, test.have.Pending) {
				t.Errorf("dropped local changes %v, want %v", s.Consumed, test.have.Pending)
			}
			if s.exists != test.have.Exists || s.in != test.in {
				t.Error("the step is for another row")
			}
		})
	}
}

func TestPlanUnderPriority(t *testing.T) {
	t.Parallel()
	table := items(t)
	held := Local{Exists: true, Values: row("2.00", "y"), State: state(at(later, "node-a"))}
	pending := Local{Exists: true, Values: row("2.00", "y"), State: state(at(1000, "node-a")), Pending: uncaptured(later)}
	type result struct {
		decision conflict.Decision
		author   string
		time     int64
		consumes bool
		toSender bool
	}
	for name, test := range map[string]struct {
		first string
		in    *Incoming
		have  Local
		want  result
	}{
		"the first client wins though earlier, and all are sent the result": {"node-b", incoming(early, row("1.00", "x")), held,
			result{conflict.Win, "node-b", later + 1, false, true}},
		"the first client keeps its row, and all are sent the result": {"node-a", incoming(early, row("1.00", "x")), held,
			result{conflict.Lose, "node-a", later + 1, false, true}},
		"an uncaptured local write is sent as the decision": {"node-a", incoming(early, row("1.00", "x")), pending,
			result{conflict.Lose, "node-a", later + 1, true, true}},
		"an uncaptured local write loses": {"node-b", incoming(early, row("1.00", "x")), pending,
			result{conflict.Win, "node-b", later + 1, true, true}},
		"a dated change of the first client wins though earlier": {"node-b", dateOnly(early, row("3.00", "x")), held,
			result{conflict.Win, "node-b", later + 1, false, true}},
		"a dated change loses to the first client": {"node-a", dateOnly(early, row("3.00", "x")), held,
			result{conflict.Lose, "node-a", later + 1, false, true}},
		"a change that knew the local row is applied": {"node-a", incoming(later+5, row("1.00", "x"), at(later, "node-a")), held,
			result{conflict.Apply, "node-b", later + 5, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			s := Plan(table, test.in, test.have, later, "node-a", conflict.Policy{Name: conflict.Priority, Clients: []string{test.first}})
			got := result{s.Decision, s.State.Version.Author(), s.State.Version.Time, len(s.Consumed) > 0, s.News("node-b")}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if s.Decision.Conflict() != s.State.Version.IsDecided() || !s.News("node-c") {
				t.Errorf("held as %v, news elsewhere: %v", s.State.Version, s.News("node-c"))
			}
		})
	}
}

func TestChangesOfOneRowAreAppliedInTurn(t *testing.T) {
	var changes []Incoming
	for _, key := range []string{"1", "2", "1", "3", "1", "2"} {
		changes = append(changes, Incoming{Change: change.Change{Row: change.Row{Table: "items", Key: key}}})
	}
	want := [][]int{{0, 1, 3}, {2, 5}, {4}}
	var got [][]int
	for _, round := range rounds(changes, make([]Result, len(changes))) {
		var at []int
		for _, task := range round {
			for i := range changes {
				if task.in == &changes[i] {
					at = append(at, i)
				}
			}
		}
		got = append(got, at)
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("rounds %v, want %v", got, want)
	}
}

func TestParentsComeBeforeTheirChildren(t *testing.T) {
	table := func(name string, parents ...string) *group {
		g := &group{table: &schema.Table{Name: name}}
		for _, p := range parents {
			g.table.ForeignKeys = append(g.table.ForeignKeys, schema.ForeignKey{RefTable: p})
		}
		return g
	}
	names := func(groups []*group) []string {
		var list []string
		for _, g := range groups {
			list = append(list, g.table.Name)
		}
		return list
	}
	for _, test := range []struct {
		groups []*group
		want   []string
	}{
		{[]*group{table("a", "b"), table("b", "c"), table("c")}, []string{"c", "b", "a"}},
		{[]*group{table("b", "b", "not here"), table("a")}, []string{"a", "b"}},
		{[]*group{table("y", "x"), table("x", "y"), table("z", "x")}, []string{"x", "y", "z"}}, // a ring: by name
	} {
		if got := names(parentsFirst(test.groups)); !slices.Equal(got, test.want) {
			t.Errorf("order %q, want %q", got, test.want)
		}
	}
}

// TestNoPolicyPrefersAnUnwrittenRow: the first client of the list may have sent the row only because it was missing,
// without having written it.
func TestNoPolicyPrefersAnUnwrittenRow(t *testing.T) {
	t.Parallel()
	have := Local{Exists: true, Values: row("2.00", "y"), State: state(at(change.Baseline, "node-c"))}
	p := conflict.Policy{Name: conflict.Priority, Clients: []string{"node-c"}}
	written := incoming(early, row("1.00", "x"))
	decided := incoming(early, row("1.00", "x"))
	decided.State = change.State{Version: change.Decided(later, "node-b", "mark"), Seen: change.Vector{}.With(at(early, "node-b"))}
	for name, in := range map[string]*Incoming{"a write": written, "a decision": decided} {
		if s := Plan(nil, in, have, later, "node-a", p); s.Decision != conflict.Apply || s.State.Version != in.Version {
			t.Errorf("%s: decision %d, held afterwards %v", name, s.Decision, s.State)
		}
	}
}

// TestAVanishedRowBlocksNoChange applies changes over a version whose row is missing here.
func TestAVanishedRowBlocksNoChange(t *testing.T) {
	t.Parallel()
	gone := Local{State: state(at(later, "node-a"), at(early, "node-b")), Fate: version.There}
	deleted, unknown, pending := gone, gone, gone
	deleted.Fate, unknown.Fate, pending.Pending = version.Deleted, version.Unknown, uncaptured(1)
	missing := func(in *Incoming) *Incoming { in.OnlyMissing = true; return in }
	same := incoming(later, row("1.00", "x"))
	same.State = gone.State
	remove := incoming(later, nil)
	remove.State = gone.State
	old := incoming(early, row("1.00", "x"))
	for name, test := range map[string]struct {
		in     *Incoming
		have   Local
		writes bool
	}{
		"the same version":                     {same, gone, true},
		"the same version, of unknown fate":    {same, unknown, true},
		"the same version, removed here":       {same, deleted, true},
		"the same version, and a local change": {same, pending, false},
		"the delete of it":                     {remove, gone, false},
		"an older version that arrives late":   {old, gone, false},
		"an older version that was requested":  {missing(incoming(early, row("1.00", "x"))), gone, true},
		"an older version, deleted here":       {missing(incoming(early, row("1.00", "x"))), deleted, false},
		"a later version, deleted here":        {missing(incoming(later+1, row("1.00", "x"), at(early, "node-b"), at(later, "node-a"))), deleted, true},
		"an older rival":                       {incoming(early+1, row("1.00", "x")), gone, true},
		"an older rival, deleted here":         {incoming(early+1, row("1.00", "x")), deleted, false},
	} {
		s := Plan(nil, test.in, test.have, later, "node-a", conflict.Policy{})
		if s.Decision.Writes() != test.writes || s.Decision.Conflict() && test.writes {
			t.Errorf("%s: decision %d, want written: %v", name, s.Decision, test.writes)
		}
		if test.writes && s.State.Version != test.in.Version {
			t.Errorf("%s: held afterwards: %v", name, s.State)
		}
	}
}
