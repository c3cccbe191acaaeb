package paused_test

import (
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/paused"
)

// parents has items below orders, notes below items, and two tables that refer to each other.
func parents(table string) []string {
	return map[string][]string{"items": {"orders", "products"}, "notes": {"items"}, "egg": {"hen"}, "hen": {"egg"}, "orders": {"orders"}}[table]
}

func TestWhatAPauseHoldsBack(t *testing.T) {
	t.Parallel()
	synced := []string{"orders", "items", "notes", "products", "egg", "hen"}
	for name, c := range map[string]struct {
		list      []paused.Pause
		all       bool
		of, never []string // tables that are held back from b, and from c
	}{
		"nothing":                        {nil, false, nil, nil},
		"a remote":                       {[]paused.Pause{{Remote: "b"}}, true, synced, nil},
		"another remote":                 {[]paused.Pause{{Remote: "c"}}, false, nil, synced},
		"all":                            {[]paused.Pause{{}}, true, synced, synced},
		"a table and those that need it": {[]paused.Pause{{Table: "orders"}}, false, []string{"orders", "items", "notes"}, []string{"orders", "items", "notes"}},
		"a table to a remote":            {[]paused.Pause{{Remote: "b", Table: "items"}}, false, []string{"items", "notes"}, nil},
		"tables that need each other":    {[]paused.Pause{{Table: "egg", Remote: "b"}}, false, []string{"egg", "hen"}, nil},
		"two, either of which holds":     {[]paused.Pause{{Remote: "b"}, {Table: "products"}}, true, synced, []string{"items", "notes", "products"}},
	} {
		s := paused.SetOf(c.list, synced, parents)
		for remote, want := range map[string][]string{"b": c.of, "c": c.never} {
			var held []string
			for _, table := range synced {
				if s.Holds(remote, table) {
					held = append(held, table)
				}
			}
			all, tables := s.Of(remote)
			if remote == "b" && (all != c.all || s.Holds("b", "") != c.all) {
				t.Errorf("%s: nothing is sent to b: %v", name, all)
			}
			if !same(held, want) {
				t.Errorf("%s: from %s are held back %v, want %v", name, remote, held, want)
			}
			for _, table := range synced {
				if (all || tables[table]) != s.Holds(remote, table) {
					t.Errorf("%s: %s to %s is told in two ways", name, table, remote)
				}
			}
		}
	}
}

func same(got, want []string) bool {
	set := func(list []string) map[string]bool {
		m := map[string]bool{}
		for _, x := range list {
			m[x] = true
		}
		return m
	}
	return reflect.DeepEqual(set(got), set(want))
}
