package node_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestNodeOutlivesItsOwnGhost swallows all traffic to the database for a while:
// the server goes on holding the node's lock for the connection that is gone.
// The node must not take that for another node.
func TestNodeOutlivesItsOwnGhost(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	a.exec(orders)
	proxy := testkit.NewProxy(t, a.server.Addr())
	host, port, _ := strings.Cut(proxy.Addr(), ":")
	a.config["mysqlConfig"] = map[string]any{"host": host, "port": port, "user": a.server.User, "password": a.server.Password, "database": a.schema}
	a.start()
	proxy.Blackhole(true)
	a.node.WaitLog("the lock on the database was lost")
	proxy.Blackhole(false)
	proxy.CloseAll()
	a.exec(`INSERT INTO orders VALUES (1, 'after', 1)`)
	a.expect(testkit.Waiting, `1`)
	if code := a.node.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
}
