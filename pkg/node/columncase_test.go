package node_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// A column's name may have another case at each site, even a key column's.
func TestColumnsInAnotherCaseAreTheSame(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := newPair(t, b, []string{"orders"})
	a.Exec(`CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(20) UNIQUE, qty INT)`)
	c.Exec(`CREATE TABLE orders (ID INT PRIMARY KEY, Name VARCHAR(20) UNIQUE, QTY INT)`)
	a.start()
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO orders VALUES (1, 'a', 1), (2, 'b', 2)`)
	c.Expect(`SELECT * FROM orders ORDER BY 1`, `1|"a"|1`, `2|"b"|2`)
	c.Exec(`UPDATE orders SET QTY = 9, Name = 'c' WHERE ID = 2`, `DELETE FROM orders WHERE ID = 1`)
	a.Expect(`SELECT * FROM orders`, `2|"c"|9`)
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
		if code, out := s.verify("orders"); code != 0 || !strings.Contains(out, "equal, 1 row") {
			t.Errorf("%s: exit code %d\n%s", s.Name, code, out)
		}
	}
	if out := a.Run(0, "check"); !strings.Contains(out, "has columns that can hold all values of 1 table") {
		t.Errorf("check printed\n%s", out)
	}
}
