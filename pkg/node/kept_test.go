package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A remote that does not accept a table is sent none of its rows, which is reported but is no error. Once
// it does accept it, it gets all that was held back, deletes too, even if it had the table
// before, and if the node was killed in between. Other remotes get everything all the time.
func TestRowsAreHeldBackUntilARemoteAcceptsThem(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	both := []string{"items", "orders"}
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, both, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, both, map[string]any{"receiveTables": []string{"orders"}})
	d := newSite(t, b, "node-c", []string{"node-a"}, both, nil)
	for _, s := range []*site{a, c, d} {
		s.Exec(orders, items)
		s.start()
	}
	everything := `SELECT 'i', id, name FROM items UNION ALL SELECT 'o', COUNT(*), 1 FROM orders ORDER BY 1, 2`
	a.Exec(`INSERT INTO items VALUES (1, 'one'), (2, 'two')`, `INSERT INTO orders (id) VALUES (1)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, "1")
	testkit.Alike(t, everything, a, d)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful' OR remote = 'node-b' AND table_name = 'items'`, "0")
	a.Expect(`SELECT remote, table_name FROM sync_kept`, `"node-b"|"items"`)
	a.Node.WaitLog("does not accept a table.*items")
	a.Node.Kill()
	a.Exec(`UPDATE items SET name = 'more' WHERE id = 1`)
	a.start()
	d.Expect(`SELECT name FROM items WHERE id = 1`, `"more"`)
	c.Expect(`SELECT COUNT(*) FROM items`, "0")

	take := func(tables ...string) {
		c.rewrite(map[string]any{"receiveTables": tables})
		c.Node.Stop()
		c.start()
	}
	take("items", "orders")
	testkit.Alike(t, everything, a, c, d)
	a.Expect(`SELECT (SELECT COUNT(*) FROM sync_kept), (SELECT COUNT(*) FROM sync_outbox)`, "0|0")

	// The second time it has the rows; one of them is changed and one deleted meanwhile.
	take("orders")
	a.Exec(`DELETE FROM items WHERE id = 2`, `UPDATE items SET name = 'other' WHERE id = 1`, `INSERT INTO items VALUES (3, 'three')`, `INSERT INTO orders (id) VALUES (2)`)
	testkit.Alike(t, everything, a, d)
	a.Expect(`SELECT remote, table_name FROM sync_kept`, `"node-b"|"items"`)
	c.Expect(`SELECT (SELECT COUNT(*) FROM items), (SELECT COUNT(*) FROM orders)`, "2|2")
	a.Node.Kill()
	take("items", "orders")
	a.start()
	testkit.Alike(t, everything, a, c, d)
	a.Expect(`SELECT (SELECT COUNT(*) FROM sync_kept), (SELECT COUNT(*) FROM sync_status WHERE status <> 'successful')`, "0|0")
	if n := a.lines("the remote refused rows"); n > 0 {
		t.Errorf("rows were refused:\n%d lines", n)
	}
}
