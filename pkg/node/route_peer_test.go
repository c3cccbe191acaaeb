package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAPeerOfVersion1HasItsPart has a store that is an existing peer, which knows deletes alone.
func TestAPeerOfVersion1HasItsPart(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"orders", "order_items", "prices"}
	hub := newSite(t, b, "hub", []string{"store-7", "store-8"}, tables, map[string]any{"routes": map[string]any{
		"orders":      map[string]any{"column": "store", "remote": "store-{value}"},
		"order_items": map[string]any{"parent": "orders"},
		"prices":      map[string]any{"column": "region", "lookup": map[string]any{"table": "store_regions", "key": "region", "remote": "store"}},
	}})
	eight := newSite(t, b, "store-8", []string{"hub"}, tables, nil)
	hub.Exec(chain...)
	eight.Exec(chain...)
	seven := newPeer(t, b, "store-7")
	startAll(hub, eight)
	seven.connect().greet("hub")

	hub.Exec("INSERT INTO store_regions VALUES ('south', 'store-8')", "INSERT INTO orders VALUES (1, 7, 'a'), (2, 8, 'b'), (3, NULL, 'c')",
		"INSERT INTO order_items VALUES (10, 1, 'x'), (20, 2, 'y')", "INSERT INTO prices VALUES (1, 'north', 5)")
	seven.expectRow("orders", "1", `{"id":"1","note":"a","store":7}`)
	seven.expectRow("order_items", "10", `{"id":"10","order_id":1,"what":"x"}`)
	eight.Expect(itemsOf, `"20:y"`)

	hub.Exec("UPDATE orders SET store = 8 WHERE id = 1")
	eight.Expect(itemsOf, `"10:x,20:y"`)
	seven.expectRow("orders", "1", "null")
	seven.expectRow("order_items", "10", "null")
	hub.Expect(itemsOf, `"10:x,20:y"`)
	hub.Exec("UPDATE orders SET store = 7 WHERE id = 1", "INSERT INTO store_regions VALUES ('north', 'store-7')")
	seven.expectRow("orders", "1", `{"id":"1","note":"a","store":7}`)
	seven.expectRow("order_items", "10", `{"id":"10","order_id":1,"what":"x"}`)
	seven.expectRow("prices", "1", `{"id":"1","price":5,"region":"north"}`)
	hub.Exec("DELETE FROM store_regions WHERE region = 'north'")
	seven.expectRow("prices", "1", "null")
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7')")
	seven.expectRow("prices", "1", `{"id":"1","price":5,"region":"north"}`)
	eight.Expect(ordersOf, `"2:b"`)

	// It changes what it has, and may give that away. It may not change what another has.
	seven.expectAnswer("1", seven.send("hub", "orders", "1", `{"id": "1", "store": 7, "note": "d"}`))
	hub.Expect(ordersOf, `"1:d,2:b,3:c"`)
	if a := seven.expectAnswer("2", seven.send("hub", "orders", "2", `{"id": "2", "store": 7, "note": "mine"}`)); a.Message != "error" {
		t.Errorf("it changed another store's row: %+v", a)
	}
	if a := seven.expectAnswer("2", seven.send("hub", "orders", "2", `null`)); a.Message != "error" {
		t.Errorf("it deleted another store's row: %+v", a)
	}
	seven.expectAnswer("1", seven.send("hub", "orders", "1", `{"id": "1", "store": 8, "note": "e"}`))
	eight.Expect(ordersOf, `"1:e,2:b"`)
	eight.Expect(itemsOf, `"10:x,20:y"`)
	seven.expectRow("order_items", "10", "null")
	seven.expectRow("orders", "1", "null")
	hub.Expect(ordersOf, `"1:e,2:b,3:c"`)
}
