package node_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestWaitingRowsStayDueWhenTheClockIsSetBack: a child waits for its parent
// while the sender's clock is set back by an hour: it must not wait that long.
func TestWaitingRowsStayDueWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	ddl := []string{
		`CREATE TABLE parents (id INT PRIMARY KEY)`,
		`CREATE TABLE children (id INT PRIMARY KEY, FOREIGN KEY (id) REFERENCES parents (id))`,
	}
	one := newSite(t, b, "one", []string{"two"}, []string{"children"}, nil)
	two := newSite(t, b, "two", []string{"one"}, []string{"children"}, nil)
	one.Exec(ddl...)
	two.Exec(ddl...)
	clock := testkit.NewClock(t)
	one.Write()
	one.Node = clock.Node(one.File)
	one.start()
	two.start()

	// Parents are not synced: two of them are inserted by hand.
	for id, set := range []func(){
		func() { clock.Set(-time.Hour) },
		func() { one.Node.Kill(); clock.Set(-2 * time.Hour); one.start() },
	} {
		if _, err := one.DB.Exec(`INSERT INTO parents VALUES (?)`, id); err != nil {
			t.Fatal(err)
		}
		if _, err := one.DB.Exec(`INSERT INTO children VALUES (?)`, id); err != nil {
			t.Fatal(err)
		}
		one.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE attempts > 2 AND state = 'waiting'`, `1`)
		set()
		if _, err := two.DB.Exec(`INSERT INTO parents VALUES (?)`, id); err != nil {
			t.Fatal(err)
		}
		one.Expect(testkit.Waiting, `0`)
	}
	two.Expect(`SELECT id FROM children ORDER BY id`, `0`, `1`)
}

// TestAClockThatWasDaysAheadIsOvercome: writes made meanwhile get the present time if the node's clock is right; if that
// was wrong too, the others refuse them until the clocks are set, and then they arrive by themselves, in both
// directions. No write is held for days, and none is lost.
func TestAClockThatWasDaysAheadIsOvercome(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // its server has no log
	b := testkit.AnyBroker(t)
	server, clock := testkit.MariaDB(t), testkit.NewClock(t)
	clock.Set(72 * time.Hour)
	clock.Server(server)
	a := newSiteOn(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	synced(a, c)
	present := func(s *site) {
		t.Helper()
		s.Expect(fmt.Sprintf(`SELECT COUNT(*) FROM sync_versions WHERE time > %d`, time.Now().Add(time.Hour).UnixMicro()), `0`)
	}

	// Only the server's clock.
	a.Exec(`INSERT INTO orders VALUES (1, 'by a', 1), (2, 'by a', 1)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	c.Exec(`UPDATE orders SET name = 'by c' WHERE id = 1`)
	a.Expect(`SELECT name FROM orders ORDER BY id`, `"by c"`, `"by a"`)
	a.Exec(`UPDATE orders SET name = 'by a, later' WHERE id = 1`)
	c.Expect(`SELECT name FROM orders ORDER BY id`, `"by a, later"`, `"by a"`)
	a.Run(0, "resync", "orders", "--all")
	a.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE mode = 'all' AND finished_at IS NOT NULL`, `1`)
	settle(t, []*site{a, c})
	present(a)
	present(c)

	if a.lines("refused") > 0 {
		t.Error("a write is dated in the future")
	}

	// The node's clock too.
	a.Node.Stop()
	a.Node = clock.Node(a.File)
	a.Node.WaitLog("node started")
	a.Exec(`UPDATE orders SET amount = 2`, `UPDATE orders SET amount = 3 WHERE id = 2`, `INSERT INTO orders VALUES (3, 'new', 3), (4, 'new', 4)`,
		`DELETE FROM orders WHERE id = 1`)
	a.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE attempts > 0`, `4`)
	clock.Set(0)
	a.Node.WaitLog("they now count as just written")
	settle(t, []*site{a, c})
	c.Expect(`SELECT id, amount FROM orders ORDER BY id`, `2|"3.00"`, `3|"3.00"`, `4|"4.00"`)
	present(a)
	present(c)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
	}
	c.Exec(`UPDATE orders SET name = 'by c' WHERE id = 2`, `DELETE FROM orders WHERE id = 3`, `INSERT INTO orders VALUES (1, 'again', 1)`)
	a.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"again"`, `2|"by c"`, `4|"new"`)
	a.Exec(`UPDATE orders SET name = 'by a' WHERE id = 4`)
	c.Expect(`SELECT name FROM orders WHERE id = 4`, `"by a"`)

	// The other site writes while the node with such a clock is down: one of the two writes stays, the other is kept.
	clock.Set(72 * time.Hour)
	testkit.Eventually(t, "the server to go by the clock", func() error {
		got, err := a.Rows(fmt.Sprintf(`SELECT UTC_TIMESTAMP() > '%s'`, time.Now().UTC().Add(time.Hour).Format(time.DateTime)))
		if err == nil && got != "1\n" {
			err = errors.New("it does not yet")
		}
		return err
	})
	a.state("the node to go by the clock", func(s *status.State) error {
		if s.Now.Before(time.Now().Add(time.Hour)) {
			return errors.New("it does not yet")
		}
		return nil
	})
	a.Exec(`UPDATE orders SET name = 'of the future' WHERE id = 4`)
	a.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE attempts > 0`, `1`)
	a.Node.Stop()
	c.Exec(`UPDATE orders SET name = 'of today' WHERE id = 4`)
	clock.Set(0)
	a.start()
	settle(t, []*site{a, c})
	present(a)
	present(c)
	lost := 0
	for _, s := range []*site{a, c} {
		var n int
		if err := s.DB.Get(&n, `SELECT COUNT(*) FROM sync_conflicts`); err != nil {
			t.Fatal(err)
		}
		lost += n
	}
	if lost == 0 {
		t.Error("the loser was not kept")
	}
}
