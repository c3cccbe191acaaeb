package node_test

import "testing"

// TestARowThatWasNeverTheirsIsNotTheirsWhenARouteChanges has a store write a row that it never had, while the hub marks all rows that are not
// the store's, as another route says who has the table. Another store had written its row before it was taken away by that.
func TestARowThatWasNeverTheirsIsNotTheirsWhenARouteChanges(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7'), ('south', 'store-8')",
		"INSERT INTO prices VALUES (1, 'north', 8), (2, 'south', 8), (3, 'south', 7), (4, 'north', 8), (5, 'north', 7)")
	startAll(hub, seven, eight)
	seven.Expect(pricesOf, `"1:8,4:8,5:7"`)
	eight.Expect(pricesOf, `"2:8,3:7"`)
	rest(hub, seven, eight)
	seven.Exec("INSERT INTO prices VALUES (2, 'stolen', 8)") // so it does not give the row back either
	seven.Expect("SELECT status FROM sync_status WHERE table_name = 'prices' AND message LIKE '%another site%'", `"error"`)
	seven.Stop()
	seven.Exec("UPDATE prices SET region = 'news' WHERE id = 1", "DELETE FROM prices WHERE id = 5")
	hub.Exec("DELETE FROM prices WHERE id = 5")
	hub.Recorded()

	routes := hub.Config["routes"].(map[string]any)
	routes["prices"] = map[string]any{"column": "price", "remote": "store-{value}"}
	hub.rewrite(map[string]any{"routes": routes})
	hub.reloads()
	eight.Expect(pricesOf, `"1:8,2:8,4:8"`)
	hub.Expect("SELECT row_id, lost FROM sync_outbox WHERE remote = 'store-7' AND table_name = 'prices' AND row_id IN ('1', '2') ORDER BY 1", `"1"|1`, `"2"|0`)
	hub.Exec("INSERT INTO prices VALUES (5, 'again', 8)")
	eight.Expect(pricesOf, `"1:8,2:8,4:8,5:8"`)
	seven.start()
	const regions = "SELECT GROUP_CONCAT(id, ':', region ORDER BY id) FROM prices"
	hub.Expect(regions, `"1:news,2:south,3:south,4:north,5:again"`)
	eight.Expect(regions, `"1:news,2:south,4:north,5:again"`)
	seven.Expect(regions, `"2:stolen,3:south"`)
	seven.Expect("SELECT primary_key FROM sync_status WHERE status = 'error' AND message LIKE '%another site%'", `"2"`)
	hub.Expect(regions, `"1:news,2:south,3:south,4:north,5:again"`)
}

// TestNewsOfARowThatAFirstRouteTakesAwayAreHeard has a store that had all rows write one that the hub's first route takes from it.
func TestNewsOfARowThatAFirstRouteTakesAwayAreHeard(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	routes := hub.Config["routes"]
	delete(hub.Config, "routes")
	hub.Exec("INSERT INTO orders VALUES (1, 7, 'a'), (2, 8, 'b')", "INSERT INTO order_items VALUES (20, 2, 'x')")
	startAll(hub, seven, eight)
	seven.Expect(itemsOf, `"20:x"`)
	eight.Expect(itemsOf, `"20:x"`)
	rest(hub, seven, eight)
	seven.Stop()
	seven.Exec("UPDATE orders SET note = 'news' WHERE id = 2", "UPDATE order_items SET what = 'news'")
	hub.rewrite(map[string]any{"routes": routes})
	hub.reloads()
	hub.Expect("SELECT table_name, row_id, lost FROM sync_outbox WHERE remote = 'store-7' ORDER BY 1, 2", `"order_items"|"20"|1`, `"orders"|"2"|1`)
	seven.start()
	eight.Expect(ordersOf, `"2:news"`)
	eight.Expect(itemsOf, `"20:news"`)
	seven.Expect(ordersOf, `"1:a"`)
	rest(hub, seven, eight)
	hub.Run(0, "verify")
}
