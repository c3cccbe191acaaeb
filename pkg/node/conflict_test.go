package node_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestLoserOfAConflictIsKept(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1.10)`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	a.Expect(`SELECT status FROM sync_status`, `"successful"`)
	c.Node.Stop()
	a.Exec(`UPDATE orders SET name = 'from a' WHERE id = 1`)
	a.Expect(`SELECT status FROM sync_status`, `"pending"`)
	c.Exec(`UPDATE orders SET name = 'from b' WHERE id = 1`)
	c.start()
	testkit.Alike(t, `SELECT * FROM orders`, a, c)
	a.Expect(`SELECT name FROM orders`, `"from b"`)
	// It is recorded where the two versions meet: at the node first sent the
	// other's, or at both if they crossed on the way.
	kept(t, "from a", []*site{a, c})
	// Pending rows are settled, even the loser.
	a.Expect(`SELECT status FROM sync_status`, `"successful"`)
	rest(a, c)
	keeper := a
	for _, s := range []*site{a, c} {
		got, err := s.Rows(`SELECT winner_origin, loser_origin, JSON_VALUE(winner_row, '$.name'), JSON_VALUE(loser_row, '$.name') FROM sync_conflicts`)
		if err != nil || got != "" && got != `"node-b"|"node-a"|"from b"|"from a"`+"\n" {
			t.Errorf("%s keeps %s (%v)", s.Name, got, err)
		}
		if got != "" {
			keeper = s
		}
	}
	// A later write that has seen both is no conflict.
	const count = `SELECT COUNT(*) FROM sync_conflicts`
	var before [2]string
	for i, s := range []*site{a, c} {
		var err error
		if before[i], err = s.Rows(count); err != nil {
			t.Fatal(err)
		}
	}
	a.Exec(`UPDATE orders SET name = 'settled' WHERE id = 1`)
	c.Expect(`SELECT name FROM orders`, `"settled"`)
	for i, s := range []*site{a, c} {
		s.Expect(count, strings.TrimSpace(before[i]))
	}
	// One command restores the loser, everywhere.
	var id string
	if err := keeper.DB.Get(&id, `SELECT id FROM sync_conflicts`); err != nil {
		t.Fatal(err)
	}
	if list := keeper.Run(0, "conflicts"); !strings.Contains(list, "from a") || !strings.Contains(list, "from b") {
		t.Fatalf("the command printed\n%s", list)
	}
	// It was written since, so nothing is overwritten silently; and what is overwritten can be restored.
	out := keeper.Run(1, "conflicts", "--put-back", id)
	for _, text := range []string{"NOW", "WON THEN", "LOST", "settled", "from a", "from b", "use --yes to overwrite it"} {
		if !strings.Contains(out, text) {
			t.Errorf("without --yes: %q is missing in\n%s", text, out)
		}
	}
	keeper.Run(0, "conflicts", "--put-back", id, "--yes", "--columns", "name")
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT name FROM orders`, `"from a"`)
	}
	if err := keeper.DB.Get(&id, `SELECT id FROM sync_conflicts WHERE policy = 'putBack' AND JSON_VALUE(loser_row, '$.name') = 'settled'`); err != nil {
		t.Fatal(err)
	}
	keeper.Run(0, "conflicts", "--put-back", id) // nobody has written since
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT name FROM orders`, `"settled"`)
	}
}
