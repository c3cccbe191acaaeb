package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// For a remote that is no longer configured nothing is pending or refused, whether the node was reloaded or restarted.
// If the remote comes back, it gets what it lacks, including updates and deletes made meanwhile.
func TestNothingIsPendingForARemoteThatWasRemoved(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b", "node-c"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	testkit.Alike(t, `SELECT * FROM orders`, a, c)
	status := `SELECT remote, primary_key, status FROM sync_status ORDER BY 1, 2, 3`
	a.Expect(status, `"node-b"|"1"|"successful"`, `"node-b"|"2"|"successful"`, `"node-c"|"1"|"pending"`, `"node-c"|"2"|"pending"`)
	c.Node.Stop()
	a.Exec(`UPDATE orders SET name = 'more' WHERE id = 1`, `DELETE FROM orders WHERE id = 2`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'pending'`, "4")

	a.rewrite(map[string]any{"remoteClients": []string{"node-b"}})
	a.hangUp() // a reload
	a.Expect(status, `"node-b"|"1"|"pending"`, `"node-b"|"2"|"pending"`)
	a.rewrite(map[string]any{"remoteClients": []string{"node-d"}})
	a.Node.Kill()
	a.start()
	a.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`)
	a.Expect(status, `"node-d"|"3"|"pending"`)

	a.rewrite(map[string]any{"remoteClients": []string{"node-b"}})
	a.hangUp()
	a.Expect(status, `"node-b"|"1"|"pending"`, `"node-b"|"2"|"pending"`, `"node-b"|"3"|"pending"`)
	c.start()
	testkit.Alike(t, `SELECT * FROM orders`, a, c)
	a.Expect(status, `"node-b"|"1"|"successful"`, `"node-b"|"2"|"successful"`, `"node-b"|"3"|"successful"`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"more"`, `3|"three"`)
}
