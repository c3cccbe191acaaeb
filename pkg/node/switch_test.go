package node_test

import (
	"fmt"
	"sync"
	"sync/atomic"
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

// TestACrowdIsCapturedThroughKills: the log is read now and then while there are more than a thousand transactions a second, and the node
// is killed, and its reader's connection, at any point of that.
func TestACrowdIsCapturedThroughKills(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSiteOn(t, testkit.Server(t, testkit.LogFlags()...), b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"capture": "log"})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	for _, s := range []*site{a, c} {
		s.Exec(orders)
		s.start()
	}
	synced(a, c)
	done := make(chan struct{})
	var users sync.WaitGroup
	var rows atomic.Int64
	for user := range 4 {
		users.Go(func() {
			for i := user; ; i += 4 {
				select {
				case <-done:
					return
				default:
				}
				if _, err := a.DB.Exec(`INSERT INTO orders VALUES (?, 'crowd', 0)`, i); err != nil {
					t.Error(err)
					return
				}
				rows.Add(1)
				if i%3 == 0 {
					_, _ = a.DB.Exec(`UPDATE orders SET name = 'again' WHERE id = ?`, i)
				}
			}
		})
	}
	for i := range 4 {
		time.Sleep(time.Duration(500+130*i) * time.Millisecond) // the kills are spread over what is read and recorded: no condition names these points
		if i%2 == 0 {
			a.Node.Kill()
			a.Node.Start()
			continue
		}
		var readers []int
		if err := a.DB.Select(&readers, `SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'`); err != nil {
			t.Fatal(err)
		}
		for _, id := range readers {
			_, _ = a.DB.Exec(fmt.Sprintf(`KILL %d`, id)) // it may have ended
		}
	}
	close(done)
	users.Wait()
	c.Expect(`SELECT COUNT(*) FROM orders`, fmt.Sprint(rows.Load()))
	settled(t, []string{"orders"}, a, c)
}
