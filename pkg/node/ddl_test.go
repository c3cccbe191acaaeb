package node_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const notes = `CREATE TABLE notes (id INT PRIMARY KEY, text VARCHAR(20))`

func TestColumnAddedWhileRunningIsSent(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	quiet(a, c)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.Expect(`SELECT id FROM orders`, `1`)
	c.Exec(`ALTER TABLE orders ADD note VARCHAR(20)`)
	a.Exec(`ALTER TABLE orders ADD note VARCHAR(20)`, `UPDATE orders SET note = 'new' WHERE id = 1`)
	c.Expect(`SELECT id, note FROM orders`, `1|"new"`)
	c.Exec(`INSERT INTO orders VALUES (2, 'two', 2.20, 'back')`)
	a.Expect(`SELECT id, note FROM orders ORDER BY id`, `1|"new"`, `2|"back"`)
}

// TestOnlyTheRowWithAMissingColumnWaits adds, widens, renames and drops columns
// at the sender first. What the target cannot store waits as an error, the other
// table carries on, and it goes through once the target has followed.
func TestOnlyTheRowWithAMissingColumnWaits(t *testing.T) {
	t.Parallel()
	const name = `SELECT name FROM orders WHERE id = 1`
	tests := map[string]struct{ ddl, write, query, want string }{
		"added":   {`ALTER TABLE orders ADD note VARCHAR(20)`, `UPDATE orders SET note = 'new'`, `SELECT note FROM orders`, `"new"`},
		"widened": {`ALTER TABLE orders MODIFY name VARCHAR(200)`, `UPDATE orders SET name = REPEAT('x', 200)`, `SELECT LENGTH(name) FROM orders`, `200`},
		"renamed": {`ALTER TABLE orders CHANGE name title VARCHAR(100)`, `UPDATE orders SET title = 'new'`, `SELECT title FROM orders`, `"new"`},
	}
	b := testkit.AnyBroker(t)
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a := newSite(t, b, "a-"+what, []string{"b-" + what}, []string{"orders", "notes"}, nil)
			c := newSite(t, b, "b-"+what, []string{"a-" + what}, []string{"orders", "notes"}, nil)
			a.Exec(orders, notes)
			c.Exec(orders, notes)
			a.start()
			c.start()
			a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
			c.Expect(name, `"one"`)
			a.Exec(test.ddl, test.write, `INSERT INTO notes VALUES (1, 'flows')`)
			c.Expect(`SELECT text FROM notes`, `"flows"`)
			a.Expect(`SELECT status FROM sync_status WHERE table_name = 'orders'`, `"error"`)
			c.Exec(test.ddl)
			c.Expect(test.query, test.want)
			a.Expect(`SELECT status FROM sync_status WHERE table_name = 'orders'`, `"successful"`)
		})
	}
}

func TestColumnDroppedAtTheSenderKeepsItsValueAtTheTarget(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.Expect(`SELECT amount FROM orders`, `"1.10"`)
	a.Exec(`ALTER TABLE orders DROP amount`, `UPDATE orders SET name = 'new'`)
	c.Expect(`SELECT name, amount FROM orders`, `"new"|"1.10"`)
	c.Exec(`UPDATE orders SET name = 'back'`)
	c.Expect(`SELECT status FROM sync_status`, `"error"`)
	c.Exec(`ALTER TABLE orders DROP amount`)
	a.Expect(`SELECT name FROM orders`, `"back"`)
}

// TestTableDroppedAndRecreated drops a table at the target, then at the sender.
func TestTableDroppedAndRecreated(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders", "notes"}, orders, notes)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.Expect(`SELECT id FROM orders`, `1`)
	c.Exec(`DROP TABLE orders`)
	a.Exec(`UPDATE orders SET name = 'new'`, `INSERT INTO notes VALUES (1, 'flows')`)
	c.Expect(`SELECT text FROM notes`, `"flows"`)
	a.Expect(`SELECT status FROM sync_status WHERE table_name = 'orders'`, `"error"`)
	c.Node.WaitLog(`a table is gone`)
	c.Exec(orders)
	c.Expect(`SELECT name FROM orders`, `"new"`)

	a.Exec(`INSERT INTO orders VALUES (2, 'two', 2)`, `DROP TABLE orders`)
	a.Node.WaitLog(`a table is gone`)
	a.Exec(`INSERT INTO notes VALUES (2, 'flows')`)
	c.Expect(`SELECT COUNT(*) FROM notes`, `2`)
	// Rows written before the triggers are back are not missed.
	a.Exec(orders, `INSERT INTO orders VALUES (3, 'three', 3)`)
	c.Expect(`SELECT name FROM orders WHERE id = 3`, `"three"`)
	a.expectTriggers("orders")
	a.Exec(`INSERT INTO orders VALUES (4, 'four', 4)`)
	c.Expect(`SELECT name FROM orders WHERE id = 4`, `"four"`)
	c.Expect(`SELECT name FROM orders WHERE id = 1`, `"new"`) // dropping a table deletes nothing elsewhere
}

// expectTriggers waits until a table has the node's three triggers.
func (s *site) expectTriggers(table string) {
	s.t.Helper()
	s.Expect(fmt.Sprintf(`SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = '%s'
		AND TRIGGER_NAME LIKE 'mysqlSync%%' ORDER BY TRIGGER_NAME`, table),
		fmt.Sprintf(`"mysqlSyncDelete_%s"`, table), fmt.Sprintf(`"mysqlSyncInsert_%s"`, table), fmt.Sprintf(`"mysqlSyncUpdate_%s"`, table))
}

// TestDroppedTriggersComeBack writes while the triggers are missing: new
// rows, and rows whose version the remote already has.
func TestDroppedTriggersComeBack(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	a.Exec(`DROP TRIGGER mysqlSyncUpdate_orders`, `DROP TRIGGER mysqlSyncInsert_orders`,
		`UPDATE orders SET name = 'unseen' WHERE id = 1`, `INSERT INTO orders VALUES (3, 'unseen', 3)`)
	a.Node.WaitLog(`a table's triggers were wrong.*lastSeenRight`)
	c.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"unseen"`, `2|"two"`, `3|"unseen"`)
	a.expectTriggers("orders")
	c.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
}

// TestTriggersDroppedWhileTheNodeIsDown also writes at the other side: a row
// not known to be written later does not win over it.
func TestTriggersDroppedWhileTheNodeIsDown(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `3`)
	a.Expect(testkit.Waiting, `0`)
	a.Node.Kill()
	a.Exec(`DROP TRIGGER mysqlSyncUpdate_orders`, `UPDATE orders SET name = 'unseen' WHERE id IN (1, 2)`)
	c.Exec(`UPDATE orders SET name = 'other' WHERE id = 2`, `UPDATE orders SET name = 'third' WHERE id = 3`)
	c.Expect(testkit.Waiting, `2`)
	a.start()
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"unseen"`, `2|"other"`, `3|"third"`)
	}
}

// TestTableSwappedByASchemaChangeTool does what such tools do last: a table
// filled on the side replaces the original, without its triggers.
func TestTableSwappedByASchemaChangeTool(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	c.Exec(`ALTER TABLE orders ADD note VARCHAR(20)`)
	a.Exec(`CREATE TABLE _orders_new LIKE orders`, `ALTER TABLE _orders_new ADD note VARCHAR(20)`,
		`INSERT INTO _orders_new (id, name, amount) SELECT id, name, amount FROM orders`,
		`RENAME TABLE orders TO _orders_old, _orders_new TO orders`,
		`UPDATE orders SET note = 'unseen' WHERE id = 1`)
	c.Expect(`SELECT id, note FROM orders ORDER BY id`, `1|"unseen"`, `2|NULL`)
	a.expectTriggers("orders")
	a.Exec(`DELETE FROM _orders_old`, `DROP TABLE _orders_old`, `DELETE FROM orders WHERE id = 2`)
	c.Expect(`SELECT id FROM orders`, `1`)
}

// TestRenamedKeyColumnLetsTheUserWriteAgain: triggers with the old column's name
// make writes fail until the node has noticed.
func TestRenamedKeyColumnLetsTheUserWriteAgain(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // the log has the table sent whole
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"notes"}, notes)
	quiet(a, c)
	a.Exec(`INSERT INTO notes VALUES (1, 'one')`)
	c.Expect(`SELECT id FROM notes`, `1`)
	c.Exec(`ALTER TABLE notes CHANGE id number INT NOT NULL`)
	a.Exec(`ALTER TABLE notes CHANGE id number INT NOT NULL`)
	testkit.Eventually(t, "a write", func() error {
		_, err := a.DB.Exec(`REPLACE INTO notes VALUES (2, 'two')`)
		return err
	})
	c.Expect(`SELECT number FROM notes`, `1`, `2`)
	a.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE mode = 'all'`, `0`)
}

// TestTableThatLosesItsKeyCanBeWritten drops the key, so that nothing can be
// captured, and restores it.
func TestTableThatLosesItsKeyCanBeWritten(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"notes", "orders"}, notes, orders)
	a.Exec(`INSERT INTO notes VALUES (1, 'one')`)
	c.Expect(`SELECT id FROM notes`, `1`)
	a.Exec(`ALTER TABLE notes DROP COLUMN id`)
	a.Node.WaitLog(`a table can no longer be synced`)
	testkit.Eventually(t, "a write", func() error {
		_, err := a.DB.Exec(`UPDATE notes SET text = 'new'`)
		return err
	})
	a.Exec(`INSERT INTO orders VALUES (1, 'flows', 1)`)
	c.Expect(`SELECT name FROM orders`, `"flows"`)
	a.Exec(`ALTER TABLE notes ADD id INT NOT NULL PRIMARY KEY DEFAULT 1 FIRST`)
	c.Expect(`SELECT id, text FROM notes`, `1|"new"`)
}

// TestAnotherPrimaryKey leaves rows in the outbox whose keys no longer fit.
func TestAnotherPrimaryKey(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"notes", "orders"}, notes, orders)
	c.Node.Stop()
	a.Exec(`INSERT INTO notes VALUES (1, 'one')`)
	a.Expect(`SELECT status FROM sync_status`, `"pending"`)
	const ddl = `ALTER TABLE notes DROP PRIMARY KEY, ADD PRIMARY KEY (id, text)`
	a.Exec(ddl)
	c.Exec(ddl)
	a.Node.WaitLog(`the definition of a table has changed`)
	c.start()
	a.Exec(`INSERT INTO notes VALUES (1, 'two')`, `INSERT INTO orders VALUES (1, 'flows', 1)`)
	c.Expect(`SELECT name FROM orders`, `"flows"`)
	c.Expect(`SELECT id, text FROM notes ORDER BY text`, `1|"one"`, `1|"two"`)
}

var vanished = regexp.MustCompile(`rows vanished without firing a trigger`)

func TestTruncateIsReported(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	// It is reported if the node has seen the rows before.
	id := 2
	testkit.Eventually(t, "word of the TRUNCATE", func() error {
		id++
		a.Exec(`TRUNCATE orders`, fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'next', 0)`, id))
		if !slices.ContainsFunc(a.Node.Log(), vanished.MatchString) {
			return errors.New("nothing is reported")
		}
		return nil
	})
	c.Expect(`SELECT id FROM orders WHERE id < 3`, `1`, `2`) // they stay
	c.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, id), `"next"`)
}

// TestDeletesAreNotMistakenForATruncate deletes the first and the last row between
// two looks at the tables, and within one.
func TestDeletesAreNotMistakenForATruncate(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"notes", "orders"}, notes, orders)
	quiet(a, c)
	for i := range 3 {
		a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'x', 1), (%d, 'x', 2)`, i, 100-i))
		c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
		a.awaitLook(2 * i)
		a.Exec(`DELETE FROM orders`)
		c.Expect(`SELECT COUNT(*) FROM orders`, `0`)
		a.awaitLook(2*i + 1)
	}
	if i := slices.IndexFunc(a.Node.Log(), vanished.MatchString); i >= 0 {
		t.Error(a.Node.Log()[i])
	}
}

// awaitLook waits until the node has looked at the tables once more: it reports
// another altered table. n is how often it has done so before.
func (s *site) awaitLook(n int) {
	s.t.Helper()
	s.Exec(fmt.Sprintf(`ALTER TABLE notes MODIFY text VARCHAR(%d)`, 101+n))
	testkit.Eventually(s.t, "a look at the tables", func() error {
		seen := 0
		for _, line := range s.Node.Log() {
			if strings.Contains(line, "the definition of a table has changed") {
				seen++
			}
		}
		if seen <= n {
			return fmt.Errorf("%d changes are reported, want more than %d", seen, n)
		}
		return nil
	})
}
