package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// newRelayed makes a hub, a relay that has the orders of its region, and the relay's store, which has its own of those; nothing is started.
func newRelayed(t *testing.T, b *testkit.Broker) (hub, relay, seven *site) {
	t.Helper()
	tables := []string{"orders", "order_items"}
	hub = newSite(t, b, "hub", []string{"north"}, tables, map[string]any{"routes": map[string]any{
		"orders": map[string]any{"column": "region", "remote": "{value}"}, "order_items": map[string]any{"parent": "orders"},
	}})
	relay = newSite(t, b, "north", []string{"hub", "store-7"}, tables, map[string]any{"routes": map[string]any{
		"orders": map[string]any{"column": "store", "remote": "store-{value}"}, "order_items": map[string]any{"parent": "orders"},
	}, "routeOptions": map[string]any{"also": []string{"hub"}}})
	seven = newSite(t, b, "store-7", []string{"north"}, tables, nil)
	for _, s := range []*site{hub, relay, seven} {
		s.Exec("CREATE TABLE orders (id INT PRIMARY KEY, region VARCHAR(10), store INT, note VARCHAR(20), KEY (region), KEY (store))",
			"CREATE TABLE order_items (id INT PRIMARY KEY, order_id INT NOT NULL, what VARCHAR(20), FOREIGN KEY (order_id) REFERENCES orders (id))")
	}
	return hub, relay, seven
}

// A relay has its own remotes give back what it has to give back.
func TestARelayPassesOnThatARowIsTakenAway(t *testing.T) {
	t.Parallel()
	hub, relay, seven := newRelayed(t, testkit.AnyBroker(t))
	hub.Exec("INSERT INTO orders VALUES (1, 'north', 7, 'a'), (2, 'north', 8, 'b'), (3, 'south', 7, 'c'), (4, 'north', 7, 'd')",
		"INSERT INTO order_items VALUES (10, 1, 'x'), (20, 2, 'y'), (40, 4, 'z')")
	startAll(hub, relay, seven)
	relay.Expect(itemsOf, `"10:x,20:y,40:z"`)
	seven.Expect(ordersOf, `"1:a,4:d"`)
	seven.Expect(itemsOf, `"10:x,40:z"`)

	hub.Exec("UPDATE orders SET region = 'south' WHERE id IN (1, 2)")
	relay.Expect(ordersOf, `"4:d"`)
	seven.Expect(ordersOf, `"4:d"`)
	seven.Expect(itemsOf, `"40:z"`)
	hub.Expect(itemsOf, `"10:x,20:y,40:z"`)
	hub.Exec("UPDATE orders SET region = 'north' WHERE id = 1")
	seven.Expect(itemsOf, `"10:x,40:z"`)
	relay.Expect(ordersOf, `"1:a,4:d"`)
	rest(hub, relay, seven)

	// A store that is away keeps its rows, and the relay, killed or not, keeps them for it: what the store has written reaches the hub first.
	seven.Stop()
	seven.Exec("UPDATE orders SET note = 'news' WHERE id = 4", "INSERT INTO order_items VALUES (41, 4, 'late')")
	hub.Exec("UPDATE orders SET region = 'south' WHERE id IN (1, 4)")
	hub.Expect("SELECT COUNT(*) FROM sync_status WHERE status = 'pending' AND message LIKE '%give the row back first%'", `4`)
	relay.Node.Kill()
	relay.start()
	relay.Expect(ordersOf, `"1:a,4:d"`)
	seven.start()
	hub.Expect(itemsOf, `"10:x,20:y,40:z,41:late"`)
	relay.Expect(ordersOf, `NULL`)
	relay.Expect(itemsOf, `NULL`)
	seven.Expect(ordersOf, `NULL`)
	hub.Expect("SELECT COUNT(*) FROM sync_conflicts WHERE loser_row LIKE '%news%'", `1`)
	rest(hub, relay, seven)
	hub.Run(0, "verify")
	relay.Run(0, "verify")

	// The store is given nothing by itself: what it writes for others goes to the hub, and leaves it.
	seven.Exec("INSERT INTO orders VALUES (5, 'south', 7, 'e')")
	hub.Expect("SELECT note FROM orders WHERE id = 5", `"e"`)
	seven.Expect(ordersOf, `NULL`)
	relay.Expect(ordersOf, `NULL`)
	rest(hub, relay, seven)
}

// An existing peer below a relay gets a delete, which goes nowhere else.
func TestAPeerOfVersion1BelowARelay(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	hub, relay, _ := newRelayed(t, b)
	seven := newPeer(t, b, "store-7")
	hub.Exec("INSERT INTO orders VALUES (1, 'north', 7, 'a'), (2, 'north', 8, 'b')", "INSERT INTO order_items VALUES (10, 1, 'x')")
	startAll(hub, relay)
	seven.connect().greet("north")
	seven.expectRow("order_items", "10", `{"id":"10","order_id":1,"what":"x"}`)
	rest(hub, relay)
	hub.Exec("UPDATE orders SET region = 'south' WHERE id = 1")
	seven.expectRow("order_items", "10", "null")
	seven.expectRow("orders", "1", "null")
	relay.Expect(ordersOf, `"2:b"`)
	relay.Expect(itemsOf, `NULL`)
	hub.Expect(ordersOf, `"1:a,2:b"`)
	hub.Exec("UPDATE orders SET region = 'north' WHERE id = 1")
	seven.expectRow("order_items", "10", `{"id":"10","order_id":1,"what":"x"}`)
	rest(hub, relay)
	hub.Expect(itemsOf, `"10:x"`)
}
