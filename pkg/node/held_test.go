package node_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// hold makes a user's session run statements at the site, and keep their locks until release is called.
func (s *site) hold(statements ...string) (release func()) {
	s.t.Helper()
	conn, err := s.DB.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	testkit.Exec(s.t, conn, statements...)
	return func() {
		testkit.Exec(s.t, conn, `ROLLBACK`, `UNLOCK TABLES`)
		_ = conn.Close() // it goes back to its pool
	}
}

// TestLocksAtTheReceiverHoldUpNothingElse: a user locks what the rows of a table need, long enough to be reported. Rows of
// another table carry on in both directions, users do not wait, and in the end all is equal.
func TestLocksAtTheReceiverHoldUpNothingElse(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	items := `CREATE TABLE items (id INT PRIMARY KEY, v INT, note VARCHAR(20) UNIQUE)`
	lines := `CREATE TABLE lines_of (id INT PRIMARY KEY, item INT, v INT, FOREIGN KEY (item) REFERENCES items (id))`
	a, c := pair(t, b, []string{"orders", "items", "lines_of"}, orders, items, lines)
	a.Exec(`INSERT INTO orders VALUES (1, 'x', 0)`, `INSERT INTO items VALUES (1, 0, 'a'), (2, 0, 'b'), (3, 0, 'c')`, `INSERT INTO lines_of VALUES (1, 1, 0), (2, 2, 0)`)
	testkit.Alike(t, `SELECT * FROM items`, a, c)
	testkit.Alike(t, `SELECT * FROM lines_of`, a, c)
	n := 1
	for _, held := range [][]string{
		{`LOCK TABLES items READ, lines_of READ`},
		{`LOCK TABLES items WRITE`},
		{`BEGIN`, `UPDATE items SET v = 100 WHERE id = 1`},
		{`SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `BEGIN`, `SELECT * FROM items WHERE id > 1 FOR UPDATE`},
	} {
		if strings.HasPrefix(held[0], `LOCK TABLES items WRITE`) && !strings.Contains(c.Server.Version, "MariaDB") {
			continue // MySQL then locks table_changes as well, for the triggers: docs/limits.md
		}
		release := c.hold(held...)
		n++
		base := n * 100
		a.Exec(fmt.Sprintf(`UPDATE items SET v = %d`, base), fmt.Sprintf(`INSERT INTO items VALUES (%d, 1, '%d')`, base, base), fmt.Sprintf(`UPDATE lines_of SET v = %d`, base),
			fmt.Sprintf(`INSERT INTO lines_of VALUES (%d, 1, 1), (%d, %d, 1)`, base, base+1, base))
		for i := range 10 {
			a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'a', 0)`, base+i))
			c.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, base+i), `"a"`)
			c.Exec(fmt.Sprintf(`UPDATE orders SET name = 'b' WHERE id = %d`, base+i))
			a.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, base+i), `"b"`)
		}
		release()
		testkit.Alike(t, `SELECT * FROM items ORDER BY id`, a, c)
		testkit.Alike(t, `SELECT * FROM lines_of ORDER BY id`, a, c)
	}
	settle(t, []*site{a, c})
}

// TestAFullTableHoldsUpNothingElse simulates a full table by a trigger at the receiver.
func TestAFullTableHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders", "items"}, orders, `CREATE TABLE items (id INT PRIMARY KEY, v INT)`)
	a.Exec(`INSERT INTO items VALUES (1, 0)`)
	testkit.Alike(t, `SELECT * FROM items`, a, c)
	c.Exec(`CREATE TRIGGER full BEFORE INSERT ON items FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'`)
	a.Exec(`INSERT INTO items VALUES (2, 0), (3, 0), (4, 0)`, `UPDATE items SET v = 7 WHERE id = 1`)
	a.Exec(`INSERT INTO orders VALUES (1, 'a', 0)`)
	c.Expect(`SELECT name FROM orders`, `"a"`)
	c.Expect(`SELECT id, v FROM items`, `1|7`) // what needs no room goes in
	c.Node.WaitLog("rows cannot be written now; they are set aside and retried.*items")
	testkit.Eventually(t, "status tells", func() error {
		out := c.Run(0, "status")
		if !strings.Contains(out, "3 received rows of items cannot be written") || !strings.Contains(out, "The table is full") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	c.Exec(`DROP TRIGGER full`)
	testkit.Alike(t, `SELECT * FROM items ORDER BY id`, a, c)
	c.Node.WaitLog("a table can be written again.*items")
	settle(t, []*site{a, c})
}

// TestTheServersStatementTimeoutDoesNotApplyToTheNode: the server ends all statements that take a second.
func TestTheServersStatementTimeoutDoesNotApplyToTheNode(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	server := testkit.Server(t)
	limit := `SET GLOBAL max_execution_time = 1000`
	if strings.Contains(server.Version, "MariaDB") {
		limit = `SET GLOBAL max_statement_time = 1`
	}
	testkit.Exec(t, server.Open(t, ""), limit)
	a := newSiteOn(t, server, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSiteOn(t, server, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders, `INSERT INTO orders VALUES (1, 'old', 0)`)
	a.start()
	c.start()
	synced(a, c)
	release := c.hold(`BEGIN`, `SELECT * FROM orders WHERE id = 1 FOR UPDATE`)
	a.Exec(`UPDATE orders SET name = 'new'`, `INSERT INTO orders VALUES (2, 'new', 0)`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"old"`, `2|"new"`)
	for range 3 { // longer than the limit
		var slept int
		if err := c.Server.Open(t, "").GetContext(context.Background(), &slept, `SELECT SLEEP(0.5)`); err != nil {
			t.Fatal(err)
		}
	}
	release()
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"new"`, `2|"new"`)
	settle(t, []*site{a, c})
}

// TestATableAboutToBeRenamedIsNotGone: a RENAME holds a table exclusively while it waits for another one that a user
// reads. No node, running or starting, takes the table for gone, or its writes for missed.
func TestATableAboutToBeRenamedIsNotGone(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"items", "orders"}, orders, `CREATE TABLE items (id INT PRIMARY KEY, v INT)`, `CREATE TABLE other (id INT)`)
	a.Exec(`INSERT INTO items VALUES (1, 1)`)
	testkit.Alike(t, `SELECT * FROM items`, a, c)
	release := c.holdByRename()
	ordersGoOn(a, c, 100)
	if strings.Contains(c.Server.Version, "MariaDB") {
		c.Node.WaitLog("could not inspect the tables.*items.*exclusively")
	}
	c.Node.Kill()
	c.Node.Start()
	if strings.Contains(c.Server.Version, "MariaDB") {
		c.Node.WaitLog("cannot start yet: waiting for a table that cannot be read")
	} else {
		c.Node.WaitLog("node started")
		ordersGoOn(a, c, 200)
	}
	release()
	c.Node.WaitLog("node started")
	a.Exec(`UPDATE items SET v = 2`)
	c.Expect(`SELECT v FROM items`, `2`)
	c.Exec(`UPDATE items SET v = 3`)
	a.Expect(`SELECT v FROM items`, `3`)
	for _, said := range []string{"a table is gone", "a table's triggers were wrong", "may have been missed"} {
		for _, line := range c.Node.Log() {
			if strings.Contains(line, said) {
				t.Errorf("the node says: %s", line)
			}
		}
	}
	settle(t, []*site{a, c})
}

// holdByRename makes a RENAME of items wait with its lock, and fail in the end.
func (s *site) holdByRename() (release func()) {
	s.t.Helper()
	end := s.hold(`BEGIN`, `SELECT * FROM other`)
	conn, err := s.DB.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var id int64
	if err := conn.QueryRowContext(s.t.Context(), `SELECT CONNECTION_ID()`).Scan(&id); err != nil {
		s.t.Fatal(err)
	}
	testkit.Exec(s.t, conn, `SET lock_wait_timeout = 600`)
	renamed := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(context.WithoutCancel(s.t.Context()), `RENAME TABLE items TO items_old, other TO items`)
		renamed <- err
	}()
	s.Expect(fmt.Sprintf(`SELECT STATE FROM information_schema.PROCESSLIST WHERE ID = %d AND STATE LIKE 'Waiting for table metadata lock'`, id), `"Waiting for table metadata lock"`)
	return func() {
		s.Exec(fmt.Sprintf(`KILL %d`, id))
		if <-renamed == nil {
			s.t.Error("the table was renamed")
		}
		s.Expect(fmt.Sprintf(`SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %d`, id), `0`) // it hears of that before its statement has ended
		end()
	}
}
