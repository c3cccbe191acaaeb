package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// things has a composite key that is too long to be its own ID.
const things = `CREATE TABLE things (a VARCHAR(100), b INT, name VARCHAR(20), PRIMARY KEY (a, b))`

// TestVanishedRowsComeBack removes one site's rows in ways that no trigger
// sees, and restores them in each of the other ways.
func TestVanishedRowsComeBack(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	tables := []string{"orders", "things"}
	a, c := pair(t, b, tables, orders, things)
	whole := func(s *site) {
		t.Helper()
		s.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"one"`, `2|"two"`, `3|"three"`)
		s.Expect(`SELECT LENGTH(a), b, name FROM things ORDER BY b`, `80|1|"x"`, `80|2|"y"`)
	}
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2), (4, 'deleted', 4)`, `DELETE FROM orders WHERE id = 4`,
		`INSERT INTO things VALUES (REPEAT('k', 80), 1, 'x')`)
	c.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`, `INSERT INTO things VALUES (REPEAT('k', 80), 2, 'y')`)
	whole(a)
	whole(c)
	truncate := []string{`TRUNCATE orders`, `TRUNCATE things`}
	resync := func(mode ...string) func() {
		return func() {
			for _, table := range tables {
				c.Run(0, "resync", append([]string{table}, mode...)...)
			}
		}
	}
	for _, test := range []struct {
		what string
		take []string
		back func()
	}{
		{"truncated, sent by resync", truncate, resync()},
		{"truncated, sent by resync --all", truncate, resync("--all")},
		{"truncated, repaired here", truncate, func() { a.verify("--repair") }},
		{"truncated, repaired there", truncate, func() { c.verify("--repair") }},
		{"dropped and made again", []string{`DROP TABLE orders`, orders, `DROP TABLE things`, things}, resync()},
		{"renamed away and made again", []string{`RENAME TABLE orders TO old`, orders, `DROP TABLE old`, `TRUNCATE things`}, resync()},
		{"swapped for one with some of them", []string{strings.Replace(orders, "orders", "fresh", 1), `INSERT INTO fresh SELECT * FROM orders WHERE id = 1`,
			`RENAME TABLE orders TO old, fresh TO orders`, `DROP TABLE old`, `TRUNCATE things`}, resync()},
	} {
		t.Log(test.what)
		a.Exec(test.take...)
		for _, table := range tables {
			a.expectTriggers(table)
		}
		test.back()
		whole(a)
		whole(c)
	}
	a.Exec(`UPDATE orders SET name = 'one' WHERE id = 2`, `DELETE FROM orders WHERE id = 1`, `DELETE FROM things WHERE b = 1`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `2|"one"`, `3|"three"`)
	c.Expect(`SELECT b FROM things`, `2`)
}

// TestARowThatVanishedWhilePendingIsNotADelete removes rows that the remote has not received
// yet: it keeps what it has, and may send that back, although it is older. Earlier
// deletes stay.
func TestARowThatVanishedWhilePendingIsNotADelete(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders", "notes"}, orders, notes)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `3`)
	c.Node.Stop()
	a.Exec(`UPDATE orders SET name = 'never sent' WHERE id = 1`, `DELETE FROM orders WHERE id = 2`, `INSERT INTO orders VALUES (4, 'never sent', 4)`)
	a.Expect(`SELECT COUNT(*) FROM table_changes`, `0`)
	a.Exec(`TRUNCATE orders`, `INSERT INTO notes VALUES (1, 'flows')`)
	c.start()
	c.Expect(`SELECT text FROM notes`, `"flows"`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"one"`, `3|"three"`)
	a.Expect(testkit.Waiting, `0`)
	a.Node.WaitLog(`rows due to be sent vanished`)
	c.Run(0, "resync", "orders")
	a.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"one"`, `3|"three"`)
	a.Exec(`UPDATE orders SET name = 'new' WHERE id = 1`)
	c.Exec(`UPDATE orders SET name = 'new' WHERE id = 3`)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"new"`, `3|"new"`)
	}
}

// TestRowsVanishedAtOneOfThree truncates at one site, then at two, of three.
func TestRowsVanishedAtOneOfThree(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	sites := all(network(t, b, map[string][]string{"node-a": {"node-b", "node-c"}, "node-b": {"node-a", "node-c"}, "node-c": {"node-a", "node-b"}},
		[]string{"orders"}, orders))
	for i, s := range sites {
		s.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'x', 1)`, i))
	}
	whole := func() {
		t.Helper()
		for _, s := range sites {
			s.Expect(`SELECT COUNT(*), SUM(id) FROM orders`, `3|"3"`)
			s.Expect(testkit.Waiting, `0`)
		}
	}
	whole()
	sites[0].Exec(`TRUNCATE orders`)
	sites[1].Run(0, "resync", "orders")
	whole()
	sites[0].Exec(`TRUNCATE orders`)
	sites[2].Exec(`TRUNCATE orders`)
	sites[1].Run(0, "resync", "orders", "--all")
	whole()
	sites[0].Exec(`TRUNCATE orders`)
	sites[1].Exec(`UPDATE orders SET name = 'new' WHERE id = 0`) // a write of a vanished row brings it back
	sites[0].Expect(`SELECT id, name FROM orders`, `0|"new"`)
	sites[2].Run(0, "resync", "orders")
	whole()
	testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, sites...)
}
