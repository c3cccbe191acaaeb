package node_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// standing are rows that no one writes, apart from what happens behind the triggers' back.
const standing = `SELECT COUNT(*), COUNT(NULLIF(name, 'kept')) FROM orders WHERE id >= 5000000`

// While two sites write and delete rows, a hub repairs and resends what was changed behind the back of one's triggers, and
// nodes are killed at random moments: nothing is lost, nothing that was deleted is back, and verify finds all equal.
func TestRepairsAndResyncsLoseNothingToKills(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	a, h, c := aroundHub(t)
	sites := []*site{a, h, c}
	a.Exec(`INSERT INTO orders WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 39)
		SELECT 5000000 + 40 * x.i + y.i, 'kept', x.i FROM n x, n y`)
	for _, s := range sites {
		s.Expect(standing, `1600|0`)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	loads := underLoad(a, c)
	commands := [][]string{{"verify", h.File, "orders", "--repair"}, {"resync", h.File, "orders"}}
	for round := range 3 * len(commands) {
		c.behind(fmt.Sprintf(`DELETE FROM orders WHERE id >= 5000000 AND id %% 7 = %d`, round%7), fmt.Sprintf(`UPDATE orders SET name = 'bent' WHERE id >= 5000000 AND id %% 11 = %d`, round%11))
		done := make(chan string)
		go func() {
			_, out, said := testkit.Output(t, commands[round%len(commands)]...)
			done <- out + said
		}()
		more(loads, int64(r.IntN(20)))
		killed := sites[r.IntN(3)]
		killed.Node.Kill()
		said := <-done
		t.Logf("%s, %s was killed: %.300s", commands[round%len(commands)], killed.Name, said)
		more(loads, int64(r.IntN(30)))
		killed.start()
	}
	together(loads)
	testkit.Eventually(t, "a repair that finds nothing", func() error {
		if code, out := h.verify("orders", "--repair"); code != 0 {
			return fmt.Errorf("exit code %d: %.1000s", code, out)
		}
		return nil
	})
	settle(t, sites, loads...)
	for _, s := range sites {
		s.Expect(standing, `1600|0`)
		if code, out := s.verify("orders"); code != 0 {
			t.Errorf("%s: exit code %d\n%.3000s", s.Name, code, out)
		}
	}
}
