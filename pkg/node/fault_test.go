package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// underLoad writes at both sites, until settle.
func underLoad(a, c *site) []*load {
	loads := []*load{a.write(1 * loadIDs), c.write(2 * loadIDs)}
	together(loads)
	return loads
}

// more waits until each load has committed n more statements.
func more(loads []*load, n int64) {
	for _, w := range loads {
		w.more(n)
	}
}

// together waits until each load's writes have reached the other site.
func together(loads []*load) {
	for i, w := range loads {
		w.reaches(loads[1-i].s)
	}
}

// apart makes two sites that are not started.
func apart(t *testing.T, b *testkit.Broker) (*site, *site) {
	t.Helper()
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders)
	return a, c
}

func TestNothingIsLostWhenNodesAreKilled(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	loads := underLoad(a, c)
	for range 2 {
		for _, s := range []*site{a, c} {
			s.Node.Kill()
			more(loads, 50)
			s.start()
			together(loads)
		}
	}
	settle(t, []*site{a, c}, loads...)
}

func TestNothingIsLostWhenTheBrokerIsKilled(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	loads := underLoad(a, c)
	for range 2 {
		b.Kill()
		more(loads, 50)
		b.Start()
		together(loads)
	}
	settle(t, []*site{a, c}, loads...)
}

func TestNothingIsLostWhenADatabaseIsKilled(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	server := testkit.Server(t, "--innodb-flush-log-at-trx-commit=1")
	a := newSiteOn(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders)
	loads := underLoad(a.start(), c.start())
	for range 2 { // it is source and target at once
		server.Kill()
		loads[1].more(50)
		server.Start()
		together(loads)
	}
	settle(t, []*site{a, c}, loads...)
}

// TestADeleteWithALowerNumberIsSent: a server that is restarted within a second of its start, or with an earlier
// clock, restarts its numbers, so that changes seem to be in another order.
func TestADeleteWithALowerNumberIsSent(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders (id, name) VALUES (1, 'first'), (2, 'first')`)
	c.Expect(`SELECT id FROM orders ORDER BY id`, "1", "2")
	a.Stop()
	a.Exec(`UPDATE orders SET name = 'second'`, `DELETE FROM orders WHERE id = 1`,
		`UPDATE table_changes SET id = id - 1000 WHERE gone`)
	a.start()
	c.Expect(`SELECT id, name FROM orders`, `2|"second"`)
	settled(t, []string{"orders"}, a, c)
}

// outages cuts a network, makes it a black hole for as long as silence lasts, and closes its connections.
func outages(network *testkit.Proxy, loads []*load, silence func()) {
	network.Cut()
	more(loads, 50)
	network.Restore()
	together(loads)

	network.Blackhole(true)
	silence()
	network.Restore()
	together(loads)

	network.CloseAll()
	together(loads)
}

func TestNothingIsLostWhenTheBrokerIsOutOfReach(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := apart(t, b)
	a.Block("mqttConfig")["keepalive"] = 1
	network := a.Through("mqttConfig", b.Addr())
	loads := underLoad(a.start(), c.start())
	outages(network, loads, func() {
		a.Node.WaitLog("no connection to the broker.*pingresp")
		more(loads, 50)
	})
	settle(t, []*site{a, c}, loads...)
}

func TestNothingIsLostWhenADatabaseIsOutOfReach(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := apart(t, b)
	network := a.Through("mysqlConfig", a.Server.Addr())
	loads := underLoad(a.start(), c.start())
	outages(network, loads, func() { more(loads, 100) })
	settle(t, []*site{a, c}, loads...)
}

// TestANodeStopsCleanlyWhenServersAreSilent: neither of them ever answers.
func TestANodeStopsCleanlyWhenServersAreSilent(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := apart(t, b)
	database, broker := a.Through("mysqlConfig", a.Server.Addr()), a.Through("mqttConfig", b.Addr())
	loads := underLoad(a.start(), c.start())
	database.Blackhole(true)
	broker.Blackhole(true)
	more(loads, 50)
	a.Stop()
	database.Restore()
	broker.Restore()
	a.start()
	settle(t, []*site{a, c}, loads...)
}

// TestNothingIsLostWhenTheBrokerForgets: beyond ten waiting messages it drops what it has acknowledged. Only
// Mosquitto can be given so small a queue.
func TestNothingIsLostWhenTheBrokerForgets(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"max_queued_messages 10", "max_inflight_messages 2"}})
	a, c := pair(t, b, []string{"orders"}, orders)
	c.Node.Stop()
	a.Exec(`INSERT INTO orders SELECT seq.n, CONCAT(RAND(), RAND(), RAND(), RAND()), 1 FROM (
		WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s) seq`)
	loads := []*load{a.write(1 * loadIDs)}
	more(loads, 20)
	c.start()
	more(loads, 200)
	settle(t, []*site{a, c}, loads...)
	c.Expect(`SELECT COUNT(*) FROM orders WHERE id <= 900`, `900`)
}

func TestLockedRowDelaysOnlyItself(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'old', 1), (2, 'old', 2), (3, 'old', 3), (4, 'old', 4), (5, 'old', 5)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `5`)
	tx, err := c.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`SELECT * FROM orders WHERE id = 3 FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	a.Exec(`UPDATE orders SET name = 'new'`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"new"`, `2|"new"`, `3|"old"`, `4|"new"`, `5|"new"`)
	a.Exec(`INSERT INTO orders VALUES (6, 'later', 6)`)
	c.Expect(`SELECT name FROM orders WHERE id = 6`, `"later"`)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	settle(t, []*site{a, c})
	c.Expect(`SELECT name FROM orders WHERE id = 3`, `"new"`)
}

// TestRowsWrittenWhileDisconnectedConverge: each side inserts, updates, deletes and re-keys the same rows.
func TestRowsWrittenWhileDisconnectedConverge(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := apart(t, b)
	network := a.Through("mqttConfig", b.Addr())
	a.start()
	c.start()
	a.Exec(`INSERT INTO orders VALUES (1, 'start', 0), (2, 'start', 0), (3, 'start', 0), (4, 'start', 0), (5, 'start', 0)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `5`)
	network.Cut()
	for _, s := range []*site{a, c, a, c} {
		s.Exec(`UPDATE orders SET name = '`+s.Name+`', amount = amount + 1 WHERE id IN (1, 2)`,
			`INSERT INTO orders VALUES (6, '`+s.Name+`', 0) ON DUPLICATE KEY UPDATE amount = amount + 1`)
		s.Later()
	}
	a.Exec(`DELETE FROM orders WHERE id = 3`)
	a.Later()
	c.Exec(`UPDATE orders SET name = 'kept by c' WHERE id = 3`, `DELETE FROM orders WHERE id = 4`)
	c.Later()
	a.Exec(`UPDATE orders SET name = 'kept by a' WHERE id = 4`)
	a.Exec(`UPDATE orders SET id = 50 WHERE id = 5`)
	c.Exec(`UPDATE orders SET id = 51 WHERE id = 5`)
	network.Restore()
	settle(t, []*site{a, c})
	// The later write has won, row by row.
	a.Expect(`SELECT id, name, amount FROM orders ORDER BY id`, `1|"node-b"|"2.00"`, `2|"node-b"|"2.00"`, `3|"kept by c"|"0.00"`,
		`4|"kept by a"|"0.00"`, `6|"node-b"|"1.00"`, `50|"start"|"0.00"`, `51|"start"|"0.00"`)
}

// TestBothSidesWriteTheSameRows: they end up equal in whatever order changes arrive.
func TestBothSidesWriteTheSameRows(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := apart(t, b)
	network := c.Through("mqttConfig", b.Addr())
	a.start()
	c.start()
	one, two := a.write(loadIDs), c.write(loadIDs)
	loads := []*load{one, two}
	for range 3 {
		more(loads, 50)
		network.CloseAll()
	}
	one.stop()
	two.stop()
	settle(t, []*site{a, c})
	// The clocks decide which of them wins, but all rows must be there.
	a.Expect(`SELECT COUNT(*) > 50 FROM orders`, `1`)
}
