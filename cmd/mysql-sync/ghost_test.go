package main_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A node is killed while its will is on /info: the broker keeps what it said on its own topic. Who checks its configuration next is
// not told that another client has its name.
func TestCheckAfterAKill(t *testing.T) {
	t.Parallel()
	a := newSite(t, testkit.AnyBroker(t), "node-a", []string{"node-b"}, nil, orders)
	a.Start()
	a.Node.WaitLog("connected to the broker")
	a.Node.Kill()
	has(t, a.Run(0, "check", "--listen", "1s"), "no access rule blocks them")
}
