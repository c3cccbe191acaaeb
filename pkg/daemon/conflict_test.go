package daemon_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestLoserOfAConflictIsKept(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.expect(`SELECT name FROM orders`, `"one"`)
	a.expect(`SELECT status FROM sync_status`, `"successful"`)
	c.node.Stop()
	a.exec(`UPDATE orders SET name = 'from a' WHERE id = 1`)
	a.expect(`SELECT status FROM sync_status`, `"pending"`)
	c.exec(`UPDATE orders SET name = 'from b' WHERE id = 1`)
	c.start()
	alike(t, `SELECT * FROM orders`, a, c)
	a.expect(`SELECT name FROM orders`, `"from b"`)
	// It is recorded where the two versions meet: at b, and at a as well if they
	// passed each other on the way.
	c.expect(`SELECT winner_origin, loser_origin, JSON_VALUE(winner_row, '$.name'), JSON_VALUE(loser_row, '$.name') FROM sync_conflicts`,
		`"node-b"|"node-a"|"from b"|"from a"`)
	// What was due is settled, though it lost.
	a.expect(`SELECT status FROM sync_status`, `"successful"`)
	// A later write that knew both is no conflict.
	const count = `SELECT COUNT(*) FROM sync_conflicts`
	before, err := a.rows(count)
	if err != nil {
		t.Fatal(err)
	}
	a.exec(`UPDATE orders SET name = 'settled' WHERE id = 1`)
	c.expect(`SELECT name FROM orders`, `"settled"`)
	a.expect(count, strings.TrimSpace(before))
	c.expect(`SELECT COUNT(*) FROM sync_conflicts`, `1`)
	// The loser is put back with one command, and goes everywhere.
	var id string
	if err := c.db.Get(&id, `SELECT id FROM sync_conflicts`); err != nil {
		t.Fatal(err)
	}
	if list := c.command("conflicts"); !strings.Contains(list, "from a") || !strings.Contains(list, "from b") {
		t.Fatalf("the command lists\n%s", list)
	}
	c.command("conflicts", "--put-back", id)
	a.expect(`SELECT name FROM orders`, `"from a"`)
}
