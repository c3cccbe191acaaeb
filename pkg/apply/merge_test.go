package apply

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// resolverFunc is a Resolver made of a function.
type resolverFunc func(local, incoming losers.Side) ([]string, [][]byte, error)

func (f resolverFunc) Resolve(_ context.Context, _ *schema.Table, _ string, local, incoming losers.Side) ([]string, [][]byte, error) {
	return f(local, incoming)
}

func TestScriptDecides(t *testing.T) {
	t.Parallel()
	table := items(t)
	all := table.Names()
	partial := dateOnly(early, nil)
	partial.Columns, partial.Values = []string{"id", "note"}, [][]byte{[]byte("1"), []byte("z")}
	ours := Local{Exists: true, Values: row("2.00", "y"), State: state(at(later, "node-a"))}
	gone := Local{State: state(at(later, "node-a"))}
	returns := func(columns []string, values [][]byte) resolverFunc {
		return func(_, _ losers.Side) ([]string, [][]byte, error) { return columns, values, nil }
	}
	never := resolverFunc(func(_, _ losers.Side) ([]string, [][]byte, error) {
		return nil, nil, errors.New("the script must not be called")
	})
	for name, test := range map[string]struct {
		in     *Incoming
		have   Local
		script resolverFunc
		want   conflict.Decision
		row    [][]byte // written, under Win
		losers []string // their origins
		fails  bool
	}{
		"a new row is written":                               {incoming(early, row("1.00", "x")), ours, returns(all, row("3.00", "z")), conflict.Win, row("3.00", "z"), []string{"node-a", "node-b"}, false},
		"the local row stays":                                {incoming(early, row("1.00", "x")), ours, returns(all, row("2.0", "y")), conflict.Lose, nil, []string{"node-b"}, false},
		"the incoming row is written":                        {incoming(early, row("1.00", "x")), ours, returns(all, row("1.00", "x")), conflict.Win, row("1.00", "x"), []string{"node-a"}, false},
		"omitted columns come from the later row":            {incoming(early, row("1.00", "x")), ours, returns([]string{"note"}, [][]byte{[]byte("z")}), conflict.Win, row("2.00", "z"), []string{"node-a", "node-b"}, false},
		"omitted columns next to a delete come from the row": {incoming(early, row("1.00", "x")), gone, returns([]string{"note"}, [][]byte{[]byte("z")}), conflict.Win, row("1.00", "z"), []string{"node-a", "node-b"}, false},
		"no row means delete":                                {incoming(early, row("1.00", "x")), ours, returns(nil, nil), conflict.Win, nil, []string{"node-a", "node-b"}, false},
		"a deleted row stays deleted":                        {incoming(early, row("1.00", "x")), gone, returns(nil, nil), conflict.Lose, nil, []string{"node-b"}, false},
		"equal rows do not call the script":                  {incoming(early, row("2.0", "y")), ours, never, conflict.Lose, nil, nil, false},
		"a partial change is shown over the local row": {partial, ours, func(_, incoming losers.Side) ([]string, [][]byte, error) {
			return incoming.Columns, incoming.Values, nil
		}, conflict.Win, row("2.00", "z"), []string{"node-a"}, false},
		"if it fails the later row wins":                {incoming(early, row("1.00", "x")), ours, never, conflict.Lose, nil, nil, true},
		"changing the key is a failure":                 {incoming(early, row("1.00", "x")), ours, returns([]string{"id"}, [][]byte{[]byte("2")}), conflict.Lose, nil, nil, true},
		"an unknown column is a failure":                {incoming(early, row("1.00", "x")), ours, returns([]string{"other"}, [][]byte{nil}), conflict.Lose, nil, nil, true},
		"a partial row over a deleted row is a failure": {partial, gone, returns(all, row("3.00", "z")), conflict.Lose, nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Applier{now: time.Now, Config: Config{Resolver: test.script}, log: zap.NewNop()}
			s := Plan(table, test.in, test.have, later, "node-a", conflict.Policy{Name: conflict.Script})
			x := &scripts{a: a, until: time.Now().Add(time.Hour)}
			if err := x.resolve(t.Context(), table, &s, test.have); err != nil {
				t.Fatal(err)
			}
			if s.Decision != test.want || !s.State.Version.IsDecided() || !s.State.Seen.Covers(s.came.Seen) || !s.State.Seen.Covers(s.local.Seen) || !s.News("node-b") {
				t.Errorf("decision %d, held %v", s.Decision, s.State)
			}
			if test.fails {
				if s.merge != nil || s.policy != conflict.LastWriteWins || s.State.Version.Author() != "node-a" {
					t.Errorf("decided by %s: %v", s.policy, s.State.Version)
				}
				return
			}
			if s.Decision == conflict.Win && !sameRow(table, s.in.Values, test.row) {
				t.Errorf("row: %q", s.in.Values)
			}
			var losers []string
			for _, l := range s.merge.losers {
				losers = append(losers, l.Origin)
			}
			if !slices.Equal(losers, test.losers) {
				t.Errorf("kept %v, want %v", losers, test.losers)
			}
		})
	}
}

// TestManySlowScriptsSplitTheTransaction: locks are not held for all scripts together, but a single row's script may take
// as long as it needs. Promise 7.
func TestManySlowScriptsSplitTheTransaction(t *testing.T) {
	t.Parallel()
	table := items(t)
	have := Local{Exists: true, Values: row("2.00", "y"), State: state(at(later, "node-a"))}
	a := &Applier{now: time.Now, log: zap.NewNop(), Config: Config{Resolver: resolverFunc(func(local, _ losers.Side) ([]string, [][]byte, error) {
		return local.Columns, local.Values, nil
	})}}
	for alone, want := range map[bool]error{true: nil, false: errSlow} {
		s := Plan(table, incoming(early, row("1.00", "x")), have, later, "node-a", conflict.Policy{Name: conflict.Script})
		x := &scripts{a: a, alone: alone} // its time was up long ago
		if err := x.resolve(t.Context(), table, &s, have); !errors.Is(err, want) {
			t.Errorf("alone %v: %v, want %v", alone, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := Plan(table, incoming(early, row("1.00", "x")), have, later, "node-a", conflict.Policy{Name: conflict.Script})
	if err := (&scripts{a: a, alone: true}).resolve(ctx, table, &s, have); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
}

func TestConflictsAreCountedByTableAndPolicy(t *testing.T) {
	a := &Applier{}
	for _, c := range []Conflicts{{"b", "script", 0}, {"a", "script", 0}, {"b", "priority", 0}, {"b", "script", 0}} {
		a.counts.add(c.Table, c.Policy)
	}
	want := []Conflicts{{"a", "script", 1}, {"b", "priority", 1}, {"b", "script", 2}}
	if got := a.Conflicts(); !slices.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
}
