package config

import (
	"maps"
	"testing"
)

// TestRightsByClient: what a block of acceptFrom grants, and to whom; a list grants everything.
func TestRightsByClient(t *testing.T) {
	t.Parallel()
	base := block{"remoteClients": []string{"hamburg"}, "syncTables": []string{"orders", "sent"}, "receiveTables": []string{"orders", "items"}}
	with := func(accept any) block {
		k := block{}
		maps.Copy(k, base)
		k["acceptFrom"] = accept
		return least(k)
	}
	cfg := load(t, write(t, with(block{
		"paris":  block{"write": []string{"orders"}, "delete": false, "columns": block{"orders": []string{"id", "name"}}},
		"london": block{"write": false, "read": []string{"sent"}},
		"rome":   block{"write": false, "delete": []string{"items"}, "read": false},
		"oslo":   block{},
	})))
	for _, c := range []struct {
		client, table              string
		write, delete, read, whole bool
	}{
		{"paris", "orders", true, false, true, false},
		{"paris", "items", false, false, true, false},
		{"london", "orders", false, false, false, false},
		{"london", "sent", false, false, true, true},
		{"rome", "items", false, true, false, false},
		{"rome", "orders", false, false, false, false},
		{"oslo", "items", true, true, true, false},
		{"oslo", "sent", false, false, true, false},
		{"oslo", "nowhere", false, false, false, false},
		{"hamburg", "orders", false, false, true, false}, // receives changes, but is not listed
		{"stranger", "orders", false, false, false, false},
		{"berlin", "orders", false, false, false, false}, // the node itself
	} {
		read, whole := cfg.MayRead(c.client, c.table)
		if cfg.MayWrite(c.client, c.table) != c.write || cfg.MayDelete(c.client, c.table) != c.delete || read != c.read || whole != c.whole {
			t.Errorf("%s, %s: write %t, delete %t, read %t, %t", c.client, c.table, cfg.MayWrite(c.client, c.table), cfg.MayDelete(c.client, c.table), read, whole)
		}
	}
	for client, want := range map[string]bool{"paris": true, "london": false, "rome": true, "oslo": true, "hamburg": false, "stranger": false, "berlin": false} {
		if cfg.AcceptsFrom(client) != want {
			t.Errorf("%s is accepted: %t", client, !want)
		}
	}
	for column, want := range map[string]bool{"id": true, "NAME": true, "price": false} {
		if cfg.MayColumn("paris", "orders", column) != want || !cfg.MayColumn("oslo", "orders", column) || !cfg.MayColumn("paris", "items", column) {
			t.Errorf("the rights to column %s are wrong", column)
		}
	}
	for _, accept := range []any{[]string{"paris"}, []string{"*"}, block{"*": block{}}} {
		cfg := load(t, write(t, with(accept)))
		if !cfg.MayWrite("paris", "items") || !cfg.MayDelete("paris", "items") || !cfg.MayAsk("paris") || !cfg.MayColumn("paris", "items", "x") {
			t.Errorf("acceptFrom %v does not grant everything", accept)
		}
	}
	refused(t, write(t, with(block{"paris": block{"write": []string{"sent"}, "read": "orders", "erase": true, "columns": block{"order": []string{"id"}}}, "a b": block{}})), nil,
		`acceptFrom.a b: is not a client name: use 2 to 32 characters of a-z A-Z 0-9 - _`,
		`acceptFrom.paris.columns.order: is not in receiveTables or syncTables; did you mean "orders"?`,
		`acceptFrom.paris.erase: unknown key in acceptFrom.paris; remove it`,
		`acceptFrom.paris.read: a string is not true, false or a list of tables`,
		`acceptFrom.paris.write: "sent" is not one of the tables this applies to; remove it`)
}
