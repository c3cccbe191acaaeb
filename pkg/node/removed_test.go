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
	a.reloads() // a reload
	a.Expect(status, `"node-b"|"1"|"pending"`, `"node-b"|"2"|"pending"`)
	a.rewrite(map[string]any{"remoteClients": []string{"node-d"}})
	a.Node.Kill()
	a.start()
	a.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`)
	a.Expect(status, `"node-d"|"3"|"pending"`)

	a.rewrite(map[string]any{"remoteClients": []string{"node-b"}})
	a.reloads()
	a.Expect(status, `"node-b"|"1"|"pending"`, `"node-b"|"2"|"pending"`, `"node-b"|"3"|"pending"`)
	c.start()
	testkit.Alike(t, `SELECT * FROM orders`, a, c)
	a.Expect(status, `"node-b"|"1"|"successful"`, `"node-b"|"2"|"successful"`, `"node-b"|"3"|"successful"`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"more"`, `3|"three"`)
}

// A remote that comes back gets what others have sent meanwhile, although no other remote needed it.
func TestARemovedRemoteGetsWhatOthersHaveSentMeanwhile(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	hub := newSite(t, b, "hub", []string{"node-b", "node-c"}, []string{"orders"}, nil)
	back := newSite(t, b, "node-b", []string{"hub"}, []string{"orders"}, nil)
	other := newSite(t, b, "node-c", []string{"hub"}, []string{"orders"}, nil)
	for _, s := range []*site{hub, back, other} {
		s.Exec(orders)
	}
	hub.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	startAll(hub, back, other)
	testkit.Alike(t, `SELECT * FROM orders`, hub, back, other)
	rest(hub, back, other)
	hub.rewrite(map[string]any{"remoteClients": []string{"node-c"}})
	hub.reloads()
	other.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`, `UPDATE orders SET name = 'more' WHERE id = 1`, `DELETE FROM orders WHERE id = 2`)
	testkit.Alike(t, `SELECT * FROM orders`, hub, other)
	hub.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, "0")
	hub.rewrite(map[string]any{"remoteClients": []string{"node-b", "node-c"}})
	hub.reloads()
	testkit.Alike(t, `SELECT * FROM orders`, hub, back, other)
}
