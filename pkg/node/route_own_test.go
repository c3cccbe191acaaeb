package node_test

import (
	"testing"
)

// TestAStoreThatGivesNothingAwayIsHeardOut has a hub take rows away from a store that may give none away, and has news of them and of what
// belongs to them. These reach the hub, or the store could never give the rows back.
func TestAStoreThatGivesNothingAwayIsHeardOut(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Config["routeOptions"] = map[string]any{"write": "own"}
	hub.Exec("INSERT INTO orders VALUES (1, 7, 'a'), (2, 7, 'b'), (3, 7, 'c'), (4, 7, 'd'), (8, 8, 'e')", "INSERT INTO order_items VALUES (10, 1, 'x'), (40, 4, 'y')")
	startAll(hub, seven, eight)
	seven.Expect(itemsOf, `"10:x,40:y"`)
	rest(hub, seven, eight)
	seven.Stop()
	seven.Exec("UPDATE orders SET note = 'older' WHERE id = 3")
	hub.Exec("UPDATE orders SET store = 8 WHERE id < 4")
	eight.Expect(ordersOf, `"1:a,2:b,3:c,8:e"`)
	seven.Exec("UPDATE order_items SET what = 'changed' WHERE id = 10", "INSERT INTO order_items VALUES (20, 2, 'new')", "INSERT INTO orders VALUES (5, 8, 'given')")
	seven.start()
	eight.Expect(itemsOf, `"10:changed,20:new"`)
	hub.Expect("SELECT COUNT(*) FROM sync_conflicts WHERE loser_row LIKE '%older%'", `1`)
	seven.Expect(ordersOf, `"4:d,5:given"`)

	// It may not give away its own.
	seven.Exec("UPDATE orders SET store = 8 WHERE id = 4")
	seven.Expect("SELECT primary_key FROM sync_status WHERE status = 'error' AND message LIKE '%routeOptions.write is own' ORDER BY 1", `"4"`, `"5"`)
	eight.Expect(ordersOf, `"1:a,2:b,3:c,8:e"`)
	hub.Expect(ordersOf, `"1:a,2:b,3:c,4:d,8:e"`)
}
