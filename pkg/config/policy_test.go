package config

import (
	"reflect"
	"testing"
)

// TestTablesWithCountersAreMerged: with the policy merge given or not.
func TestTablesWithCountersAreMerged(t *testing.T) {
	for _, policies := range []block{{}, {"orders": "merge"}} {
		cfg := load(t, write(t, least(block{"receiveTables": []string{"orders"}, "conflictPolicy": policies, "counters": block{"orders": []string{"amount"}}})))
		if want := (Policy{Name: "merge", Counters: []string{"amount"}}); !reflect.DeepEqual(cfg.ConflictPolicy["orders"], want) || !cfg.Merges("orders") {
			t.Errorf("the policy is %+v", cfg.ConflictPolicy["orders"])
		}
		if got := cfg.Counts("orders"); !reflect.DeepEqual(got, []string{"amount"}) {
			t.Errorf("the counters are %v", got)
		}
	}
}

func TestPoliciesAreReadByTable(t *testing.T) {
	policies := block{"orders": "lastWriteWins", "price list": block{"priority": []string{"hq", "branch-1"}}, "a.b": "script"}
	want := map[string]Policy{
		"orders":     {Name: "lastWriteWins"},
		"price list": {Name: "priority", Priority: []string{"hq", "branch-1"}},
		"a.b":        {Name: "script"},
	}
	base := block{"receiveTables": []string{"orders", "price list", "a.b"}, "transformerDirectory": t.TempDir()}
	path := write(t, least(base))
	environ := `MYSQL_SYNC_CONFLICTPOLICY={"orders": "lastWriteWins", "price list": {"priority": ["hq", "branch-1"]}, "a.b": "script"}`
	if got := load(t, path, environ).ConflictPolicy; !reflect.DeepEqual(got, want) {
		t.Errorf("from the environment: %+v", got)
	}
	base["conflictPolicy"] = policies
	if got := load(t, write(t, least(base))).ConflictPolicy; !reflect.DeepEqual(got, want) {
		t.Errorf("from the file: %+v", got)
	}
}
