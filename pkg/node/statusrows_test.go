package node_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// With "statusRows": "open", what was listed as successful goes, what is acked is not listed, and what is refused is, also
// after kill -9.
func TestOnlyOpenRowsAreListedInSyncStatus(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	a.Expect(`SELECT primary_key, status FROM sync_status ORDER BY 1`, `"1"|"successful"`, `"2"|"successful"`)
	a.rewrite(map[string]any{"statusRows": "open"})
	a.hangUp()
	a.Expect(`SELECT primary_key, status FROM sync_status`)

	c.Exec(`CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW BEGIN IF NEW.id = 3 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END`)
	c.Node.Stop()
	a.Exec(`INSERT INTO orders VALUES (3, 'three', 3), (4, 'four', 4)`, `UPDATE orders SET name = 'new' WHERE id < 3`)
	a.Node.Kill() // wherever it is between a write, its capture and what is shown of it
	a.start()
	a.Expect(`SELECT primary_key, status FROM sync_status ORDER BY 1`, `"1"|"pending"`, `"2"|"pending"`, `"3"|"pending"`, `"4"|"pending"`)
	c.start()
	c.Expect(`SELECT id, name FROM orders ORDER BY 1`, `1|"new"`, `2|"new"`, `4|"four"`)
	a.Expect(`SELECT primary_key, status FROM sync_status`, `"3"|"error"`)
	a.Node.Kill()
	a.start()
	a.Expect(`SELECT primary_key, status FROM sync_status`, `"3"|"error"`)
	c.Exec(`DROP TRIGGER no`)
	a.Run(0, "retry")
	testkit.Alike(t, `SELECT * FROM orders`, a, c)
	a.Expect(`SELECT COUNT(*) FROM sync_status`, `0`)
}
