package node_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const stock = `CREATE TABLE stock (id INT NOT NULL PRIMARY KEY, name VARCHAR(100), quantity INT NOT NULL, price DECIMAL(10,2))`

// counting makes a site that counts stock.quantity.
func counting(t *testing.T, b *testkit.Broker, name string, remotes ...string) *site {
	t.Helper()
	s := newSite(t, b, name, remotes, []string{"stock"}, map[string]any{"counters": map[string]any{"stock": []string{"quantity"}}})
	s.Exec(stock)
	return s.start()
}

// stocked makes two sites that count stock, with one row.
func stocked(t *testing.T) (a, b *site) {
	t.Helper()
	broker := testkit.AnyBroker(t)
	a, b = counting(t, broker, "node-a", "node-b"), counting(t, broker, "node-b", "node-a")
	a.Exec(`INSERT INTO stock VALUES (1, 'bolts', 100, 1.5)`)
	b.Expect(`SELECT quantity FROM stock`, `100`)
	rest(a, b)
	return a, b
}

// inStock waits until all sites have this quantity of row 1 and are at rest, know the same, and none has kept a loser.
func inStock(t *testing.T, want string, sites ...*site) {
	t.Helper()
	for _, s := range sites {
		s.Expect(`SELECT quantity FROM stock WHERE id = 1`, want)
	}
	rest(sites...)
	for _, s := range sites {
		s.Expect(`SELECT quantity FROM stock WHERE id = 1`, want)
	}
	testkit.Alike(t, `SELECT * FROM stock ORDER BY id`, sites...)
	testkit.Alike(t, `SELECT row_id, time, origin, seen, counts FROM sync_versions ORDER BY row_id`, sites...)
	withoutLosers(sites...)
}

// TestIncrementsOfBothSitesAddUp: 5 sold here, 3 there, before either has heard of the other: 8 less everywhere.
func TestIncrementsOfBothSitesAddUp(t *testing.T) {
	t.Parallel()
	a, b := stocked(t)
	a.Node.Stop()
	b.Node.Stop()
	a.Exec(`UPDATE stock SET quantity = quantity - 5`, `UPDATE stock SET name = 'from a'`)
	b.Exec(`UPDATE stock SET quantity = quantity - 1, price = 2`, `UPDATE stock SET quantity = quantity - 2`)
	a.start()
	b.start()
	inStock(t, "92", a, b)
	a.Expect(`SELECT name, price FROM stock`, `"from a"|"2.00"`)
	a.Exec(`UPDATE stock SET quantity = 100`) // 8 more, for all that a trigger can tell
	b.Exec(`UPDATE stock SET quantity = quantity - 1`)
	inStock(t, "99", a, b)
}

// TestCountingWhileBothSitesSell: many increments at both sites at once, each counts once.
func TestCountingWhileBothSitesSell(t *testing.T) {
	t.Parallel()
	a, b := stocked(t)
	for range 30 {
		a.Exec(`UPDATE stock SET quantity = quantity - 2`)
		b.Exec(`UPDATE stock SET quantity = quantity + 1`)
	}
	inStock(t, "70", a, b)
}

var _ = fmt.Sprint
