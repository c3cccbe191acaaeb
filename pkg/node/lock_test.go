package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestANodeSurvivesItsOwnGhost drops all traffic to the database for a while:
// the server still holds the node's lock for the lost connection.
// The node must not take that for another node.
func TestANodeSurvivesItsOwnGhost(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	a.Exec(orders)
	proxy := a.Through("mysqlConfig", a.Server.Addr())
	a.start()
	proxy.Blackhole(true)
	a.Node.WaitLog("the lock on the database was lost")
	proxy.Blackhole(false)
	proxy.CloseAll()
	a.Exec(`INSERT INTO orders VALUES (1, 'after', 1)`)
	a.Expect(testkit.Waiting, `1`)
	a.Stop()
}
