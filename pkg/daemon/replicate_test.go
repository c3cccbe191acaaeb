package daemon_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const orders = `CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, name VARCHAR(100), amount DECIMAL(10,2))`

func TestRowsTravelBothWays(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.exec(`INSERT INTO orders VALUES (1, 'one', 1.10), (2, 'two', 2.20)`)
	c.expect(`SELECT id, name, amount FROM orders ORDER BY id`, `1|"one"|"1.10"`, `2|"two"|"2.20"`)
	c.exec(`UPDATE orders SET name = 'deux' WHERE id = 2`, `DELETE FROM orders WHERE id = 1`)
	a.expect(`SELECT id, name, amount FROM orders ORDER BY id`, `2|"deux"|"2.20"`)
	a.expect(`SELECT table_name, primary_key, remote, status, message FROM sync_status ORDER BY primary_key`,
		`"orders"|"1"|"node-b"|"successful"|NULL`, `"orders"|"2"|"node-b"|"successful"|NULL`)
	for _, s := range []*site{a, c} {
		s.expect(`SELECT COUNT(*) FROM table_changes`, `0`)
		s.expect(testkit.Waiting, `0`)
	}
}
