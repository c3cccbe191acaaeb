package daemon_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestColumnAddedWhileRunningIsSent(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a, c := pair(t, b, []string{"orders"}, orders)
	a.exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.expect(`SELECT id FROM orders`, `1`)
	c.exec(`ALTER TABLE orders ADD note VARCHAR(20)`)
	a.exec(`ALTER TABLE orders ADD note VARCHAR(20)`, `UPDATE orders SET note = 'new' WHERE id = 1`)
	c.expect(`SELECT id, note FROM orders`, `1|"new"`)
	c.exec(`INSERT INTO orders VALUES (2, 'two', 2.20, 'back')`)
	a.expect(`SELECT id, note FROM orders ORDER BY id`, `1|"new"`, `2|"back"`)
}
