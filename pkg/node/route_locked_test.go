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
	hub.Exec("UPDATE order_items SET what = 'y'")
	hub.Expect("SELECT COUNT(*) FROM table_changes", "0")
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
