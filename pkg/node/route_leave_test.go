package node_test

import (
	"fmt"
	"testing"
)

// TestRowsThatMoveLeaveAfterTheirChildren: a store is asked to give rows back once their children are gone, and not before, when it would
// have to refuse that; whether rows move or a lookup table takes them away.
func TestRowsThatMoveLeaveAfterTheirChildren(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	routes := hub.Config["routes"].(map[string]any)
	routes["orders"] = map[string]any{"column": "note", "lookup": map[string]any{"table": "store_regions", "key": "region", "remote": "store"}}
	const rows = 900
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7'), ('south', 'store-8')",
		fmt.Sprintf("INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, 0, 'north' FROM n", rows),
		"INSERT INTO order_items SELECT 2 * id, id, 'x' FROM orders", "INSERT INTO order_items SELECT 2 * id + 1, id, 'y' FROM orders")
	startAll(hub, seven, eight)
	const both = "SELECT (SELECT COUNT(*) FROM orders), (SELECT COUNT(*) FROM order_items)"
	all, none := fmt.Sprintf("%d|%d", rows, 2*rows), "0|0"
	seven.Expect(both, all)
	rest(hub, seven, eight)
	refused := func() int { return seven.lines("rows wait for others") + eight.lines("rows wait for others") }
	before := refused()

	hub.Exec("UPDATE orders SET note = 'south'")
	eight.Expect(both, all)
	seven.Expect(both, none)
	hub.Exec("UPDATE store_regions SET store = 'store-7' WHERE region = 'south'")
	seven.Expect(both, all)
	eight.Expect(both, none)
	rest(hub, seven, eight)
	if n := refused() - before; n > 0 {
		t.Errorf("rows had to wait for others, as %d lines in the logs say", n)
	}
	hub.Run(0, "verify")
}

// TestFirstAndChangedRoutesTakeChildrenFirst: the same where stores had all rows, or those of another route.
func TestFirstAndChangedRoutesTakeChildrenFirst(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	routes := hub.Config["routes"]
	delete(hub.Config, "routes")
	const rows = 900
	hub.Exec(fmt.Sprintf("INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, 7 + i %% 2, IF(i %% 2, 7, 8) FROM n",
		rows), "INSERT INTO order_items SELECT 2 * id, id, 'x' FROM orders", "INSERT INTO order_items SELECT 2 * id + 1, id, 'y' FROM orders")
	startAll(hub, seven, eight)
	const both = "SELECT (SELECT COUNT(*) FROM orders), (SELECT COUNT(*) FROM order_items), (SELECT COUNT(DISTINCT store) FROM orders)"
	for _, s := range []*site{seven, eight} {
		s.Expect(both, fmt.Sprintf("%d|%d|2", rows, 2*rows))
	}
	rest(hub, seven, eight)
	refused := func() int { return seven.lines("rows wait for others") + eight.lines("rows wait for others") }
	before := refused()

	for _, route := range []map[string]any{routes.(map[string]any)["orders"].(map[string]any), {"column": "note", "remote": "store-{value}"}} {
		hub.Stop()
		routes.(map[string]any)["orders"] = route
		hub.Config["routes"] = routes
		hub.Write()
		hub.start()
		for _, s := range []*site{seven, eight} {
			s.Expect(both, fmt.Sprintf("%d|%d|1", rows/2, rows))
			s.Expect(fmt.Sprintf("SELECT COUNT(*) FROM orders WHERE CONCAT('store-', %s) <> '%s'", route["column"], s.Name), "0")
		}
		rest(hub, seven, eight)
	}
	if n := refused() - before; n > 0 {
		t.Errorf("rows had to wait for others, as %d lines in the logs say", n)
	}
	hub.Run(0, "verify")
}
