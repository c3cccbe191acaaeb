package node_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// orders are the tables of a chain of stores: orders with their items, and prices by region.
var chain = []string{
	"CREATE TABLE orders (id INT PRIMARY KEY, store INT, note VARCHAR(20), KEY (store))",
	"CREATE TABLE order_items (id INT PRIMARY KEY, order_id INT NOT NULL, what VARCHAR(20), FOREIGN KEY (order_id) REFERENCES orders (id))",
	"CREATE TABLE prices (id INT PRIMARY KEY, region VARCHAR(10), price INT, KEY (region))",
	"CREATE TABLE store_regions (region VARCHAR(10), store VARCHAR(32), PRIMARY KEY (region, store))",
}

// newChain makes a hub and two stores that have their parts of the hub's tables; nothing is started.
func newChain(t *testing.T, extra map[string]any) (hub, seven, eight *site) {
	t.Helper()
	b := testkit.AnyBroker(t)
	tables := []string{"orders", "order_items", "prices"}
	routes := map[string]any{
		"orders":      map[string]any{"column": "store", "remote": "store-{value}"},
		"order_items": map[string]any{"parent": "orders"},
		"prices":      map[string]any{"column": "region", "lookup": map[string]any{"table": "store_regions", "key": "region", "remote": "store"}},
	}
	hub = newSite(t, b, "hub", []string{"store-7", "store-8"}, tables, map[string]any{"routes": routes})
	seven = newSite(t, b, "store-7", []string{"hub"}, tables, nil)
	eight = newSite(t, b, "store-8", []string{"hub"}, tables, nil)
	for _, s := range []*site{hub, seven, eight} {
		maps.Copy(s.Config, extra)
		s.Exec(chain...)
	}
	return hub, seven, eight
}

func startAll(sites ...*site) {
	for _, s := range sites {
		s.start()
	}
}

const (
	ordersOf = "SELECT GROUP_CONCAT(id, ':', note ORDER BY id) FROM orders"
	itemsOf  = "SELECT GROUP_CONCAT(id, ':', what ORDER BY id) FROM order_items"
	pricesOf = "SELECT GROUP_CONCAT(id, ':', price ORDER BY id) FROM prices"
)

func TestEachRemoteHasItsPart(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7'), ('south', 'store-8'), ('south', 'store-7')",
		"INSERT INTO orders VALUES (1, 7, 'a'), (2, 8, 'b'), (3, NULL, 'c'), (4, 7, 'd')",
		"INSERT INTO order_items VALUES (10, 1, 'x'), (20, 2, 'y'), (30, 3, 'z')",
		"INSERT INTO prices VALUES (1, 'north', 5), (2, 'south', 6), (3, 'west', 7)")
	startAll(hub, seven, eight)
	seven.Expect(ordersOf, `"1:a,4:d"`)
	seven.Expect(itemsOf, `"10:x"`)
	seven.Expect(pricesOf, `"1:5,2:6"`)
	eight.Expect(ordersOf, `"2:b"`)
	eight.Expect(itemsOf, `"20:y"`)
	eight.Expect(pricesOf, `"2:6"`)

	// A changed row goes only to its remote; one that moves takes its children along.
	hub.Exec("UPDATE orders SET note = 'e' WHERE id = 4", "INSERT INTO orders VALUES (5, 8, 'f')", "INSERT INTO order_items VALUES (50, 5, 'v')",
		"UPDATE orders SET store = 8 WHERE id = 1")
	eight.Expect(ordersOf, `"1:a,2:b,5:f"`)
	eight.Expect(itemsOf, `"10:x,20:y,50:v"`)
	seven.Expect(ordersOf, `"4:e"`)
	seven.Expect(itemsOf, `NULL`)

	// A store's writes go to the hub, and from there to no other store. A store may give a row away.
	seven.Exec("UPDATE orders SET note = 'g' WHERE id = 4", "INSERT INTO orders VALUES (6, 7, 'h'), (7, 8, 'i')")
	hub.Expect(ordersOf, `"1:a,2:b,3:c,4:g,5:f,6:h,7:i"`)
	eight.Expect(ordersOf, `"1:a,2:b,5:f,7:i"`)
	seven.Expect(ordersOf, `"4:g,6:h"`)
	seven.Exec("UPDATE orders SET store = 8 WHERE id = 6")
	eight.Expect(ordersOf, `"1:a,2:b,5:f,6:h,7:i"`)
	seven.Expect(ordersOf, `"4:g"`)

	// It comes back with its former version, or a later one.
	eight.Exec("UPDATE orders SET store = 7, note = 'j' WHERE id = 6")
	seven.Expect(ordersOf, `"4:g,6:j"`)
	hub.Exec("DELETE FROM orders WHERE id = 4")
	seven.Expect(ordersOf, `"6:j"`)

	// A lookup table gives and takes rows.
	hub.Exec("DELETE FROM store_regions WHERE region = 'south' AND store = 'store-7'", "INSERT INTO store_regions VALUES ('west', 'store-7')")
	seven.Expect(pricesOf, `"1:5,3:7"`)
	hub.Exec("INSERT INTO store_regions VALUES ('south', 'store-7')", "UPDATE prices SET price = 8 WHERE id = 2")
	seven.Expect(pricesOf, `"1:5,2:8,3:7"`)
	eight.Expect(pricesOf, `"2:8"`)
	hub.Expect(pricesOf, `"1:5,2:8,3:7"`)
	hub.Expect(itemsOf, `"10:x,20:y,30:z,50:v"`)
}

func TestRoutedTablesAreComparedByTheirParts(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7'), ('south', 'store-8')", "INSERT INTO prices VALUES (1, 'north', 5), (2, 'south', 6)",
		"INSERT INTO orders VALUES (1, 7, 'a'), (2, 8, 'b'), (3, NULL, 'c')", "INSERT INTO order_items VALUES (10, 1, 'x'), (20, 2, 'y')")
	startAll(hub, seven, eight)
	seven.Expect(itemsOf, `"10:x"`)
	eight.Expect(itemsOf, `"20:y"`)
	seven.Expect(pricesOf, `"1:5"`)
	eight.Expect(pricesOf, `"2:6"`)
	hub.Run(0, "verify")
	seven.Run(0, "verify")

	// Surplus and missing rows of a store are found and repaired.
	hub.Exec("UPDATE orders SET store = 8 WHERE id = 1")
	eight.Expect(itemsOf, `"10:x,20:y"`)
	seven.Expect(ordersOf, `NULL`)
	rest(hub, seven, eight)
	seven.behindIn("orders", "INSERT INTO orders VALUES (1, 7, 'a')")
	eight.behindIn("order_items", "DELETE FROM order_items WHERE id = 20")
	hub.Run(1, "verify")
	hub.Run(1, "verify", "--repair")
	seven.Expect(ordersOf, `NULL`)
	eight.Expect(itemsOf, `"10:x,20:y"`)
	hub.Expect(ordersOf, `"1:a,2:b,3:c"`)
	hub.Run(0, "verify")

	// So is a row that moved unseen at the hub, with its children.
	rest(hub, seven, eight)
	hub.behindIn("orders", "UPDATE orders SET store = 7 WHERE id = 2")
	hub.Run(1, "verify", "--repair")
	seven.Expect(itemsOf, `"20:y"`)
	eight.Expect(ordersOf, `"1:a"`)
	eight.Expect(itemsOf, `"10:x"`)
	hub.Run(0, "verify")
}

// What a store wrote while it was away is not lost with the row that it has to give back.
func TestNewsOfARowThatMovesIsHeardFirst(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO orders VALUES (1, 7, 'a'), (2, 7, 'b')", "INSERT INTO order_items VALUES (10, 1, 'x'), (20, 2, 'y')")
	startAll(hub, seven, eight)
	seven.Expect(itemsOf, `"10:x,20:y"`)
	rest(hub, seven, eight)
	seven.Stop()
	seven.Exec("UPDATE orders SET note = 'news' WHERE id = 1", "INSERT INTO order_items VALUES (11, 1, 'z')")
	hub.Exec("UPDATE orders SET store = 8 WHERE id = 1")
	eight.Expect(ordersOf, `"1:a"`)
	seven.start()

	// The move was later: the row arrives without the store's write, which is kept; the late item follows its order.
	eight.Expect(itemsOf, `"10:x,11:z"`)
	seven.Expect(ordersOf, `"2:b"`)
	seven.Expect(itemsOf, `"20:y"`)
	hub.Expect("SELECT COUNT(*) FROM sync_conflicts WHERE loser_row LIKE '%news%'", `1`)
	hub.Expect(itemsOf, `"10:x,11:z,20:y"`)
	rest(hub, seven, eight)
	hub.Run(0, "verify")
}

func TestRowOfAnotherSiteCannotBeChanged(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO orders VALUES (1, 7, 'a')")
	startAll(hub, seven, eight)
	seven.Expect(ordersOf, `"1:a"`)
	eight.Exec("INSERT INTO orders VALUES (1, 8, 'stolen')")
	eight.Expect("SELECT status FROM sync_status WHERE table_name = 'orders' AND message LIKE '%another site%'", `"error"`)
	hub.Expect(ordersOf, `"1:a"`)
	seven.Expect(ordersOf, `"1:a"`)

	// Nor by asking for it first.
	rest(hub)
	eight.Exec("UPDATE sync_status SET message = 'before'")
	eight.Run(1, "verify", "--repair")
	eight.Expect("SELECT status FROM sync_status WHERE table_name = 'orders' AND message LIKE '%another site%'", `"error"`)
	hub.Expect("SELECT COUNT(*) FROM sync_outbox", `0`)
	hub.Expect(ordersOf, `"1:a"`)
}

// TestARowOverwrittenUnseenIsKept has a store that may write any row use keys of rows that it does not have, one of which it wrote itself.
func TestARowOverwrittenUnseenIsKept(t *testing.T) {
	t.Parallel()
	const losers = "SELECT GROUP_CONCAT(JSON_UNQUOTE(JSON_EXTRACT(loser_row, '$.note')) ORDER BY id) FROM sync_conflicts"
	hub, seven, eight := newChain(t, nil)
	hub.Config["routeOptions"] = map[string]any{"write": "any"}
	hub.Exec("INSERT INTO orders VALUES (1, 7, 'a')")
	startAll(hub, seven, eight)
	seven.Expect(ordersOf, `"1:a"`)
	eight.Exec("INSERT INTO orders VALUES (1, 8, 'b')")
	hub.Expect(ordersOf, `"1:b"`)
	hub.Expect(losers, `"a"`)
	seven.Expect(ordersOf, `NULL`)
	eight.Exec("UPDATE orders SET note = 'c', store = 7")
	seven.Expect(ordersOf, `"1:c"`)
	eight.Expect(ordersOf, `NULL`)
	rest(hub, seven, eight)
	eight.Exec("INSERT INTO orders VALUES (1, 8, 'd')")
	hub.Expect(ordersOf, `"1:d"`)
	hub.Expect(losers, `"a,c"`)
	rest(hub, seven, eight)
	eight.Exec("UPDATE orders SET note = 'e'")
	hub.Expect(ordersOf, `"1:e"`)
	hub.Expect(losers, `"a,c"`)
}

// TestKeyOfAnotherSitesDeletedRowIsFree has a store write a new row, under a key that another store's row had.
func TestKeyOfAnotherSitesDeletedRowIsFree(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO orders VALUES (1, 8, 'a'), (2, 8, 'b')")
	startAll(hub, seven, eight)
	eight.Expect(ordersOf, `"1:a,2:b"`)
	hub.Exec("DELETE FROM orders WHERE id = 1")
	eight.Expect(ordersOf, `"2:b"`)
	seven.Exec("INSERT INTO orders VALUES (1, 7, 'new')", "INSERT INTO order_items VALUES (10, 1, 'x')")
	hub.Expect(ordersOf, `"1:new,2:b"`)
	hub.Expect(itemsOf, `"10:x"`)
	seven.Expect(ordersOf, `"1:new"`)
	eight.Expect(ordersOf, `"2:b"`)
	seven.Expect(testkit.Waiting, "0")
}

func TestRouteOfARunningMeshChanges(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	routes := hub.Config["routes"]
	delete(hub.Config, "routes")
	const numbers = " WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
	hub.Exec("INSERT INTO orders"+numbers+"SELECT i, 7 + i % 2, 'a' FROM n", "INSERT INTO order_items"+numbers+"SELECT i, i, 'x' FROM n")
	startAll(hub, seven, eight)
	const all, ofEight, ofSeven = `900`, "SELECT COUNT(*), COUNT(NULLIF(store <> 8, 0)) FROM orders", "SELECT COUNT(*), COUNT(NULLIF(store <> 7, 0)) FROM orders"
	const items = "SELECT COUNT(*) FROM order_items"
	for _, s := range []*site{seven, eight} {
		s.Expect(items, all)
	}
	seven.Exec("UPDATE orders SET note = 'b' WHERE id <= 10")
	rest(hub, seven, eight)

	hub.Stop()
	hub.Config["routes"] = routes
	hub.Write()
	hub.start()
	seven.Expect(ofSeven, `450|0`)
	eight.Expect(ofEight, `450|0`)
	seven.Expect(items, `450`)
	eight.Expect(items, `450`)
	hub.Expect(items, all)

	// It is killed while rows move, and carries on. Promise 1.
	for i := range 4 {
		hub.Exec(fmt.Sprintf("UPDATE orders SET store = 8 WHERE id BETWEEN %d AND %d", 100*i+1, 100*i+100))
		hub.Recorded() // recorded, and about to be sent
		hub.Node.Kill()
		hub.start()
	}
	eight.Expect(ofEight, `650|0`)
	seven.Expect(ofSeven, `250|0`)
	eight.Expect(items, `650`)
	seven.Expect(items, `250`)
	rest(hub, seven, eight)
	hub.Run(0, "verify")

	hub.Stop()
	delete(hub.Config, "routes")
	hub.Write()
	hub.start()
	for _, s := range []*site{seven, eight} {
		s.Expect(items, all)
	}
}

// A table that lacks its routing column is held back alone, and nothing is withdrawn.
func TestRoutingColumnThatIsGoneHoldsItsTableBack(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7')", "INSERT INTO prices VALUES (1, 'north', 5)", "INSERT INTO orders VALUES (1, 7, 'a')")
	startAll(hub, seven, eight)
	seven.Expect(ordersOf, `"1:a"`)
	seven.Expect(pricesOf, `"1:5"`)
	hub.Exec("ALTER TABLE orders DROP COLUMN store", "UPDATE orders SET note = 'b'", "INSERT INTO orders (id, note) VALUES (2, 'c')", "UPDATE prices SET price = 6")
	hub.Node.WaitLog("a table is held back: it lacks what it is routed by")
	seven.Expect(pricesOf, `"1:6"`)
	seven.Expect(ordersOf, `"1:a"`)
	hub.Exec("ALTER TABLE orders ADD COLUMN store INT AFTER id", "UPDATE orders SET store = 6 + id")
	seven.Expect(ordersOf, `"1:b"`)
	eight.Expect(ordersOf, `"2:c"`)
	rest(hub, seven, eight)
}

func TestLookupTableThatChangesWhileTheHubIsDown(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO prices VALUES (1, 'north', 5), (2, 'south', 6)")
	startAll(hub, seven, eight)
	synced(hub)
	rest(hub, seven, eight)
	hub.Node.Kill()
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7'), ('south', 'store-8')")
	hub.start()
	seven.Expect(pricesOf, `"1:5"`)
	eight.Expect(pricesOf, `"2:6"`)
	hub.Exec("DELETE FROM store_regions")
	hub.Node.WaitLog("a lookup table of the routes has become empty")
	hub.Exec("UPDATE prices SET price = 7")
	seven.Expect(pricesOf, `"1:7"`)
}

// TestLookupTableThatChangesWhileATransactionIsOpen has an application hold rows for as long as it likes; nobody else waits for it.
func TestLookupTableThatChangesWhileATransactionIsOpen(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7'), ('south', 'store-8')", "INSERT INTO prices VALUES (1, 'north', 5), (2, 'north', 6)")
	startAll(hub, seven, eight)
	seven.Expect(pricesOf, `"1:5,2:6"`)
	tx, err := hub.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"UPDATE prices SET price = 7 WHERE id = 1", "INSERT INTO prices VALUES (3, 'north', 8)"} {
		if _, err := tx.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	seven.Exec("UPDATE prices SET price = 9 WHERE id = 1", "INSERT INTO prices VALUES (4, 'north', 10)") // the hub takes the second alone
	hub.Expect(pricesOf, `"1:5,2:6,4:10"`)
	hub.Exec("UPDATE store_regions SET store = 'store-8' WHERE region = 'north'")
	eight.Expect(pricesOf, `"1:5,2:6,4:10"`)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	eight.Expect("SELECT GROUP_CONCAT(id ORDER BY id) FROM prices", `"1,2,3,4"`)
	seven.Expect(pricesOf, `NULL`)
	settled(t, []string{"prices"}, hub, eight)
}

// TestOldRowOfAnotherSiteGoesThere has a store have a row from before it was synced that is another store's.
func TestOldRowOfAnotherSiteGoesThere(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	eight.Exec("INSERT INTO orders VALUES (1, 7, 'a'), (2, 8, 'b'), (3, 7, 'c')")
	hub.Exec("INSERT INTO orders VALUES (3, 7, 'd')")
	startAll(hub, seven, eight)
	seven.Expect(ordersOf, `"1:a,3:d"`)
	eight.Expect(ordersOf, `"2:b,3:c"`) // the hub's row 3 is another, which does not take the store's away
	hub.Expect(ordersOf, `"1:a,2:b,3:d"`)
}

// TestARemovedRemoteThatIsBackHasItsPart has rows move from and to a remote while it is not in remoteClients.
func TestARemovedRemoteThatIsBackHasItsPart(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO orders VALUES (1, 7, 'a'), (2, 8, 'b'), (3, 7, 'c')", "INSERT INTO order_items VALUES (10, 1, 'x')")
	startAll(hub, seven, eight)
	seven.Expect(ordersOf, `"1:a,3:c"`)
	seven.Expect(itemsOf, `"10:x"`)
	eight.Expect(ordersOf, `"2:b"`)
	rest(hub, seven, eight)
	hub.rewrite(map[string]any{"remoteClients": []string{"store-8"}})
	hub.reloads()
	hub.Exec("UPDATE orders SET store = 8 WHERE id = 1", "UPDATE orders SET store = 7 WHERE id = 2", "DELETE FROM orders WHERE id = 3")
	eight.Expect(ordersOf, `"1:a"`)
	hub.rewrite(map[string]any{"remoteClients": []string{"store-7", "store-8"}})
	hub.reloads()
	seven.Expect(ordersOf, `"2:b"`)
	seven.Expect(itemsOf, `NULL`)
	hub.Run(0, "verify")
}

// TestARouteEndsWhileARemoteIsRemoved has the remote get, when it is back, the rows that were not its part.
func TestARouteEndsWhileARemoteIsRemoved(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	hub.Exec("INSERT INTO orders VALUES (1, 7, 'a'), (2, 8, 'b')")
	startAll(hub, seven, eight)
	seven.Expect(ordersOf, `"1:a"`)
	eight.Expect(ordersOf, `"2:b"`)
	rest(hub, seven, eight)
	hub.rewrite(map[string]any{"remoteClients": []string{"store-8"}, "routes": map[string]any{}})
	hub.reloads()
	eight.Expect(ordersOf, `"1:a,2:b"`)
	hub.rewrite(map[string]any{"remoteClients": []string{"store-7", "store-8"}})
	hub.reloads()
	seven.Expect(ordersOf, `"1:a,2:b"`)
	hub.Run(0, "verify")
}
