package ordeal

import (
	"slices"
	"strings"
	"testing"
)

// Violations are noticed, and what is allowed is not mistaken for one.
func TestDuplicatesAreJudged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrivals []arrival
		faults   faults
		again    int
		says     string // "": nothing is wrong
	}{
		"each once":                          {arrivals: []arrival{{id: 1, v: 1, event: "a"}, {id: 1, v: 2, event: "b"}, {id: 1, event: "c"}}},
		"in doubt, with its event":           {arrivals: []arrival{{id: 1, v: 1, event: "doubted"}, {id: 1, v: 1, event: "doubted"}}, again: 1},
		"in doubt, as another event":         {arrivals: []arrival{{id: 1, v: 1, event: "doubted"}, {id: 1, v: 1, event: "a"}}, says: "as the events doubted and a"},
		"not in doubt":                       {arrivals: []arrival{{id: 1, v: 1, event: "a"}, {id: 1, v: 1, event: "a"}}, says: "was not in doubt"},
		"a delete, not in doubt":             {arrivals: []arrival{{id: 1, event: "a"}, {id: 1, event: "a"}}, says: "was not in doubt"},
		"after a bad answer":                 {arrivals: []arrival{{id: 1, v: 1, event: "a"}, {id: 1, v: 1, event: "a"}}, faults: faults{answers: true}, again: 1},
		"by key, in doubt":                   {arrivals: []arrival{{id: 7, v: 1}, {id: 7, v: 1}}, again: 1},
		"by key, not in doubt":               {arrivals: []arrival{{id: 8, v: 1}, {id: 8, v: 1}}, says: "was not in doubt"},
		"a second record":                    {arrivals: []arrival{{id: 7, v: 1, adds: true}, {id: 7, v: 2, adds: true}}, says: "makes a second record"},
		"a record that is changed":           {arrivals: []arrival{{id: 7, v: 1, adds: true}, {id: 7, v: 2}}},
		"another event after a bad answer":   {arrivals: []arrival{{id: 1, v: 1, event: "a"}, {id: 1, v: 1, event: "b"}}, faults: faults{answers: true}, says: "as the events a and b"},
		"two rows with the same small ids":   {arrivals: []arrival{{id: 1, v: 1}, {id: 2, v: 1}}},
		"a second record of bad answers too": {arrivals: []arrival{{id: 7, v: 1, adds: true}, {id: 7, v: 1, adds: true}}, faults: faults{answers: true}, says: "makes a second record"},
	} {
		p := &play{Result: &Result{Ordeal: &Ordeal{faults: c.faults}}, tb: t, keys: map[string]bool{"7": true}, events: map[string]bool{"doubted": true}}
		p.judge(c.arrivals)
		if said := strings.Join(p.Twice, "\n"); p.Again != c.again || (said == "") != (c.says == "") || !strings.Contains(said, c.says) {
			t.Errorf("%s: %d arrived again, verdict %q", name, p.Again, said)
		}
	}
}

// A destination with a missing, outdated, surplus or duplicate row is not equal.
func TestExistingRowsAreCompared(t *testing.T) {
	t.Parallel()
	r := &Result{}
	r.compare([]string{"1=1", "2=2", "3=3"}, []string{"3=3", "2=1", "4=4", "3=3"})
	if !slices.Equal(r.Lost, []string{"1=1", "2=2"}) || !slices.Equal(r.Twice, []string{"2=1", "3=3", "4=4"}) || r.Good() {
		t.Errorf("lost %q, twice %q", r.Lost, r.Twice)
	}
	if r = (&Result{}); !r.Good() {
		t.Error("no violation was noticed")
	}
}
