package daemon_test

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The trigger is the one that docs/operations.md shows.
func TestTriggerOfTheUserStandsAsideWhileApplying(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders", "order_items"},
		`CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(10,2) NOT NULL)`,
		`CREATE TABLE order_items (id INT PRIMARY KEY, order_id INT NOT NULL, price DECIMAL(10,2) NOT NULL)`,
		`CREATE TRIGGER orders_total AFTER INSERT ON order_items FOR EACH ROW
			BEGIN
			  IF @mysql_sync_applying IS NULL THEN
			    UPDATE orders SET total = total + NEW.price WHERE id = NEW.order_id;
			  END IF;
			END`)
	quiet(a, c)
	a.exec(`INSERT INTO orders VALUES (1, 0)`)
	c.expect(`SELECT total FROM orders`, `"0.00"`)
	a.exec(`INSERT INTO order_items VALUES (1, 1, 5)`)
	c.expect(`SELECT id, (SELECT total FROM orders) FROM order_items`, `1|"5.00"`)
	c.exec(`INSERT INTO order_items VALUES (2, 1, 7)`)
	a.expect(`SELECT id FROM order_items ORDER BY id`, `1`, `2`)
	for _, s := range []*site{a, c} {
		s.expect(`SELECT COUNT(*) FROM table_changes`, `0`)
		s.expect(testkit.Waiting, `0`)
		s.expect(`SELECT total FROM orders`, `"12.00"`)
	}
}
