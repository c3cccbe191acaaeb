package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestVariablesOfApplyingSessions(t *testing.T) {
	given := block{"@disable_triggers": 1, "@App.user": "sync", "@quiet": true, "sql_safe_updates": 0, "@low": -3}
	want := []Variable{{"@App.user", "sync"}, {"@disable_triggers", 1}, {"@low", -3}, {"@quiet", true}, {"sql_safe_updates", 0}}
	if got := load(t, write(t, least(block{"applySession": given}))).ApplySession; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for name, why := range map[string]string{
		"sql_mode": "is set by the node itself", "SQL_MODE": "is set by the node itself", "time_zone": "is set by the node itself",
		"foreign_key_checks": "is set by the node itself", "unique_checks": "is set by the node itself", "autocommit": "is set by the node itself",
		"character_set_client": "is set by the node itself", "tx_isolation": "is set by the node itself", "transaction_isolation": "is set by the node itself",
		"timestamp": "is set by the node itself", "@mysql_sync_applying": "is set by the node itself", "@MySQL_Sync_x": "is set by the node itself",
		"@": "is not a variable name", "@a`=1, @b": "is not a variable name", "@@sql_mode": "is not a variable name", "@@session.sql_mode": "is not a variable name",
		"max_connections": "cannot be set here", "a b": "cannot be set here", "GLOBAL sql_safe_updates": "cannot be set here",
	} {
		_, _, err := Load(write(t, least(block{"applySession": block{name: 1}})), nil)
		if err == nil || !strings.Contains(err.Error(), "applySession."+name) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Load(write(t, least(block{"applySession": block{"@a": 1, "@A": 2}})), nil); err == nil || !strings.Contains(err.Error(), "is set twice") {
		t.Errorf("two spellings of one variable: %v", err)
	}
	if _, _, err := Load(write(t, least(block{"applySession": block{"@a": []int{1}}})), nil); err == nil || !strings.Contains(err.Error(), "applySession.@a") {
		t.Errorf("a list: %v", err)
	}
}

func TestLossyColumns(t *testing.T) {
	cfg := load(t, write(t, least(block{"receiveTables": []string{"orders", "a.b", "rest"}, "allowLossy": block{"orders": []string{"price"}, "a.b": []string{"*"}}})))
	for _, c := range []struct {
		table, column string
		want          bool
	}{{"orders", "price", true}, {"orders", "made", false}, {"a.b", "made", true}, {"rest", "price", false}} {
		if got := cfg.Lossy(c.table, c.column); got != c.want {
			t.Errorf("%s.%s: %v", c.table, c.column, got)
		}
	}
	cfg = load(t, write(t, least(block{"receiveTables": []string{"orders"}, "allowLossy": block{"*": []string{"price"}}})))
	if !cfg.Lossy("orders", "price") || cfg.Lossy("orders", "made") {
		t.Error("a column of all tables")
	}
	cfg = load(t, write(t, least(block{"receiveTables": []string{"orders"}, "allowLossy": block{"*": []string{"*"}}, "counters": block{"orders": []string{"Price"}}})))
	if cfg.Lossy("orders", "price") || !cfg.Lossy("orders", "made") {
		t.Error("a counter, whose sums are exact")
	}
	if _, _, err := Load(write(t, least(block{"receiveTables": []string{"orders"}, "allowLossy": block{"oders": []string{"price"}}})), nil); err == nil ||
		!strings.Contains(err.Error(), `allowLossy.oders: is not in receiveTables; did you mean "orders"?`) {
		t.Errorf("an unreceived table: %v", err)
	}
}
