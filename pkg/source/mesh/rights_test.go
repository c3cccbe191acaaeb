package mesh

import (
	"testing"
)

// Rights must name tables that jobs receive; other tables of the block are not received.
func TestRightsAreForTablesOfJobs(t *testing.T) {
	t.Parallel()
	block := map[string]any{
		"clientName": "sheets", "mqttConfig": map[string]any{"host": "broker"},
		"acceptFrom": map[string]any{
			"berlin": map[string]any{"write": []any{"orders"}, "delete": false, "columns": map[string]any{"orders": []any{"id", "v"}}},
			"*":      map[string]any{"write": []any{"items"}},
		},
	}
	for _, tables := range [][]string{{"items", "orders"}, nil} {
		s, err := New(Config{Block: block, Tables: tables})
		if err != nil {
			t.Fatalf("%v: %v", tables, err)
		}
		s.Table("orders", []string{"id"})
		cfg, err := s.config()
		if err != nil {
			t.Fatal(err)
		}
		if !cfg.MayWrite("berlin", "orders") || cfg.MayDelete("berlin", "orders") || cfg.MayColumn("berlin", "orders", "w") || cfg.MayWrite("bonn", "orders") || cfg.Receives("items") {
			t.Errorf("%v: %+v", tables, cfg.Rights)
		}
	}
	_, err := New(Config{Block: block, Tables: []string{"order"}})
	const want = `acceptFrom.*.write: no job receives the table "items"; remove it
acceptFrom.berlin.columns.orders: no job receives the table "orders"; did you mean "order"?
acceptFrom.berlin.write: no job receives the table "orders"; did you mean "order"?`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
