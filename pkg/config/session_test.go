package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestVariablesOfTheApplyingSessions(t *testing.T) {
	given := keys{"@disable_triggers": 1, "@App.user": "sync", "@quiet": true, "sql_safe_updates": 0, "@low": -3}
	want := []Variable{{"@App.user", "sync"}, {"@disable_triggers", 1}, {"@low", -3}, {"@quiet", true}, {"sql_safe_updates", 0}}
	if got := load(t, write(t, least(keys{"applySession": given}))).ApplySession; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for name, why := range map[string]string{
		"sql_mode": "the node itself rests on", "SQL_MODE": "the node itself rests on", "time_zone": "the node itself rests on",
		"foreign_key_checks": "the node itself rests on", "unique_checks": "the node itself rests on", "autocommit": "the node itself rests on",
		"character_set_client": "the node itself rests on", "tx_isolation": "the node itself rests on", "transaction_isolation": "the node itself rests on",
		"timestamp": "the node itself rests on", "@mysql_sync_applying": "the node itself rests on", "@MySQL_Sync_x": "the node itself rests on",
		"@": "no name of a variable", "@a`=1, @b": "no name of a variable", "@@sql_mode": "no name of a variable", "@@session.sql_mode": "no name of a variable",
		"max_connections": "none of the variables", "a b": "none of the variables", "GLOBAL sql_safe_updates": "none of the variables",
	} {
		_, _, err := Load(write(t, least(keys{"applySession": keys{name: 1}})), nil)
		if err == nil || !strings.Contains(err.Error(), "applySession."+name) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Load(write(t, least(keys{"applySession": keys{"@a": 1, "@A": 2}})), nil); err == nil || !strings.Contains(err.Error(), "is set twice") {
		t.Errorf("two spellings: %v", err)
	}
	if _, _, err := Load(write(t, least(keys{"applySession": keys{"@a": []int{1}}})), nil); err == nil || !strings.Contains(err.Error(), "applySession.@a") {
		t.Errorf("a list: %v", err)
	}
}

func TestColumnsThatMayStoreOtherValues(t *testing.T) {
	cfg := load(t, write(t, least(keys{"receiveTables": []string{"orders", "a.b", "rest"}, "allowLossy": keys{"orders": []string{"price"}, "a.b": []string{"*"}}})))
	for _, c := range []struct {
		table, column string
		want          bool
	}{{"orders", "price", true}, {"orders", "made", false}, {"a.b", "made", true}, {"rest", "price", false}} {
		if got := cfg.Lossy(c.table, c.column); got != c.want {
			t.Errorf("%s.%s: %v", c.table, c.column, got)
		}
	}
	cfg = load(t, write(t, least(keys{"receiveTables": []string{"orders"}, "allowLossy": keys{"*": []string{"price"}}})))
	if !cfg.Lossy("orders", "price") || cfg.Lossy("orders", "made") {
		t.Error("a column of all tables")
	}
	if _, _, err := Load(write(t, least(keys{"receiveTables": []string{"orders"}, "allowLossy": keys{"oders": []string{"price"}}})), nil); err == nil ||
		!strings.Contains(err.Error(), `allowLossy.oders: is no table of receiveTables; did you mean "orders"?`) {
		t.Errorf("a table that is not received: %v", err)
	}
}
