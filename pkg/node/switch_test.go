package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestSwitchingTheCaptureLosesNothing: under load a node is killed again and again, at any point of its start and after it, and
// comes back with the other capture.
func TestSwitchingTheCaptureLosesNothing(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSiteOn(t, testkit.Logging(t), b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	for _, s := range []*site{a, c} {
		s.Exec(orders)
		s.start()
	}
	synced(a, c)
	a.Exec(`INSERT INTO orders VALUES (1000000, 'old', 0), (1000002, 'old', 0), (1000003, 'old', 0), (1000005, 'old', 0)`)
	stop := a.load()
	for i, capture := range []string{"log", "trigger", "log", "log", "trigger", "log"} {
		a.Node.Kill()
		if capture == "log" { // no one but table_changes or the log knows of it
			a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'brief', 0)`, -1-i), fmt.Sprintf(`UPDATE orders SET name = 'while it was down' WHERE id = %d`, 1000000+i))
		}
		a.Config["capture"] = capture
		a.Write()
		a.Node.Start()
		time.Sleep(time.Duration(i*i) * 20 * time.Millisecond) // the kills are spread over the start: no condition names these points
	}
	a.Node.WaitLog("node started")
	a.Exec(`DELETE FROM orders WHERE id < 0`)
	n := stop()
	c.Expect(`SELECT COUNT(*) FROM orders`, fmt.Sprint(n+4))
	c.Expect(`SELECT COUNT(*) FROM orders WHERE name = 'while it was down'`, "4")
	settled(t, []string{"orders"}, a, c)
}
