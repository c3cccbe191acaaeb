package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestALockedParentHoldsUpNoOtherTable: a user of the hub locks the orders while a store is due rows that follow them. Other rows go on.
func TestALockedParentHoldsUpNoOtherTable(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	if !strings.Contains(hub.Server.Version, "MariaDB") {
		return // MySQL then locks table_changes as well, for the triggers: docs/limits.md
	}
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7')", "INSERT INTO orders VALUES (1, 7, 'a')",
		"INSERT INTO order_items VALUES (10, 1, 'x')", "INSERT INTO prices VALUES (1, 'north', 5)")
	startAll(hub, seven, eight)
	seven.Expect(itemsOf, `"10:x"`)
	seven.Expect(pricesOf, `"1:5"`)
	rest(hub, seven, eight)
	seven.Node.Stop()
	const recorded = "SELECT MAX(position) FROM sync_versions"
	before, err := hub.Rows(recorded)
	if err != nil {
		t.Fatal(err)
	}
	hub.Exec("UPDATE order_items SET what = 'y'")
	hub.Expect("SELECT ("+recorded+") > "+strings.TrimSpace(before), "1")
	release := hub.hold("LOCK TABLES orders WRITE")
	seven.start()
	for i := range 5 {
		hub.Exec(fmt.Sprintf("UPDATE prices SET price = %d", 10+i))
		seven.Expect(pricesOf, fmt.Sprintf(`"1:%d"`, 10+i))
	}
	release()
	seven.Expect(itemsOf, `"10:y"`)
	testkit.Alike(t, "SELECT * FROM order_items", hub, seven)
	rest(hub, seven, eight)
}

// TestALockedChildKeepsItsParents: rows move while a user of the hub has locked their children, which cannot follow until that is over. The
// store is not asked to give the rows back meanwhile; it would have to refuse.
func TestALockedChildKeepsItsParents(t *testing.T) {
	t.Parallel()
	hub, seven, eight := newChain(t, nil)
	if !strings.Contains(hub.Server.Version, "MariaDB") {
		return // see above
	}
	hub.Exec("INSERT INTO store_regions VALUES ('north', 'store-7')", "INSERT INTO prices VALUES (1, 'north', 5)",
		"INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i, 7, 'a' FROM n",
		"INSERT INTO order_items SELECT id, id, 'x' FROM orders")
	startAll(hub, seven, eight)
	const both = "SELECT (SELECT COUNT(*) FROM orders), (SELECT COUNT(*) FROM order_items)"
	seven.Expect(both, "300|300")
	rest(hub, seven, eight)
	before := seven.lines("rows wait for others")
	hub.Stop()
	hub.Exec("UPDATE orders SET store = 8")
	release := hub.hold("LOCK TABLES order_items WRITE")
	hub.start()
	eight.Expect(both, "300|0")
	hub.Node.WaitLog("rows could not be routed")
	for i := range 5 {
		hub.Exec(fmt.Sprintf("UPDATE prices SET price = %d", 10+i))
		seven.Expect(pricesOf, fmt.Sprintf(`"1:%d"`, 10+i))
	}
	if n := seven.lines("rows wait for others") - before; n > 0 {
		t.Errorf("rows had to wait for others, as %d lines in the log say", n)
	}
	release()
	eight.Expect(both, "300|300")
	seven.Expect(both, "0|0")
	rest(hub, seven, eight)
}
