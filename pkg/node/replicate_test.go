package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const orders = `CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, name VARCHAR(100), amount DECIMAL(10,2))`

func TestRowsGoBothWays(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	quiet(a, c)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.10), (2, 'two', 2.20)`)
	c.Expect(`SELECT id, name, amount FROM orders ORDER BY id`, `1|"one"|"1.10"`, `2|"two"|"2.20"`)
	c.Exec(`UPDATE orders SET name = 'deux' WHERE id = 2`, `DELETE FROM orders WHERE id = 1`)
	a.Expect(`SELECT id, name, amount FROM orders ORDER BY id`, `2|"deux"|"2.20"`)
	a.Expect(`SELECT table_name, primary_key, remote, status, message FROM sync_status ORDER BY primary_key`,
		`"orders"|"1"|"node-b"|"successful"|NULL`, `"orders"|"2"|"node-b"|"successful"|NULL`)
	for _, s := range []*site{a, c} {
		s.Recorded()
		s.Expect(testkit.Waiting, `0`)
	}
}

// TestNodesAtRestAreSilent: without writes, only presence is sent, and nothing is logged.
func TestNodesAtRestAreSilent(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	x := newTap(t, b)
	a, c := pair(t, b, []string{"orders"}, orders)
	quiet(a, c)
	sites := []*site{a, c}
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	c.Exec(`UPDATE orders SET name = 'deux' WHERE id = 2`, `DELETE FROM orders WHERE id = 1`)
	a.Expect(`SELECT name FROM orders`, `"deux"`)
	settle(t, sites)
	told := func(s *site) []string {
		return slices.DeleteFunc(s.Node.Log(), func(line string) bool {
			return strings.Contains(line, "\tDEBUG\t") || strings.Contains(line, "client o") // it goes off and on while a busy machine stalls
		})
	}
	rows, acks, beats, toAll := x.count("/batch/"), x.count("/ack/"), x.count("/here/"), x.count("/info")
	before := map[*site]int{a: len(told(a)), c: len(told(c))}
	testkit.Within(t, 2*time.Minute, "beats of each", func() error {
		if n := x.count("/here/") - beats; n < 4 {
			return fmt.Errorf("there were %d", n)
		}
		return nil
	})
	if n, m, o := x.count("/batch/")-rows, x.count("/ack/")-acks, x.count("/info")-toAll; n > 0 || m > 0 || o > 0 {
		t.Errorf("%d batches, %d acks and %d messages to all for nothing", n, m, o)
	}
	for _, s := range sites {
		if lines := told(s)[before[s]:]; len(lines) > 0 {
			t.Errorf("%s logged\n%s", s.Name, strings.Join(lines, "\n"))
		}
	}
}
