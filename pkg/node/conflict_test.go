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
	// It is recorded where the two versions meet: at the first who was sent the
	// other's, and at both if they passed each other on the way.
	kept(t, "from a", []*site{a, c})
	// What was due is settled, though it lost.
	a.expect(`SELECT status FROM sync_status`, `"successful"`)
	rest(a, c)
	keeper := a
	for _, s := range []*site{a, c} {
		got, err := s.rows(`SELECT winner_origin, loser_origin, JSON_VALUE(winner_row, '$.name'), JSON_VALUE(loser_row, '$.name') FROM sync_conflicts`)
		if err != nil || got != "" && got != `"node-b"|"node-a"|"from b"|"from a"`+"\n" {
			t.Errorf("%s keeps %s (%v)", s.name, got, err)
		}
		if got != "" {
			keeper = s
		}
	}
	// A later write that knew both is no conflict.
	const count = `SELECT COUNT(*) FROM sync_conflicts`
	var before [2]string
	for i, s := range []*site{a, c} {
		var err error
		if before[i], err = s.rows(count); err != nil {
			t.Fatal(err)
		}
	}
	a.exec(`UPDATE orders SET name = 'settled' WHERE id = 1`)
	c.expect(`SELECT name FROM orders`, `"settled"`)
	for i, s := range []*site{a, c} {
		s.expect(count, strings.TrimSpace(before[i]))
	}
	// The loser is put back with one command, and goes everywhere.
	var id string
	if err := keeper.db.Get(&id, `SELECT id FROM sync_conflicts`); err != nil {
		t.Fatal(err)
	}
	if list := keeper.command("conflicts"); !strings.Contains(list, "from a") || !strings.Contains(list, "from b") {
		t.Fatalf("the command lists\n%s", list)
	}
	// It was written since, so that nothing is written over without a word; and what is written over can be put back.
	out, err := testkit.Command(t, "conflicts", keeper.file, "--put-back", id).CombinedOutput()
	for _, text := range []string{"NOW", "WON THEN", "LOST", "settled", "from a", "from b", "--yes writes over it"} {
		if err == nil || !strings.Contains(string(out), text) {
			t.Errorf("without --yes: %v, no %q in\n%s", err, text, out)
		}
	}
	keeper.command("conflicts", "--put-back", id, "--yes", "--columns", "name")
	for _, s := range []*site{a, c} {
		s.expect(`SELECT name FROM orders`, `"from a"`)
	}
	if err := keeper.db.Get(&id, `SELECT id FROM sync_conflicts WHERE policy = 'putBack' AND JSON_VALUE(loser_row, '$.name') = 'settled'`); err != nil {
		t.Fatal(err)
	}
	keeper.command("conflicts", "--put-back", id) // nobody has written since
	for _, s := range []*site{a, c} {
		s.expect(`SELECT name FROM orders`, `"settled"`)
	}
}
