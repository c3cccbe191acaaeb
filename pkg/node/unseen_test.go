package node_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestUnchangedResendsDoNotBeatPendingEdits: a table's triggers are lost and recreated, as by tools that swap
// tables, while edits of other sites are still waiting there. What was written without triggers goes everywhere; what was not
// comes after the edits, although these are older. The same holds at a start, and for a row that
// nobody had written yet.
func TestUnchangedResendsDoNotBeatPendingEdits(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	items := `CREATE TABLE items (id INT, part VARCHAR(10), v INT, PRIMARY KEY (id, part))`
	names := []string{"node-a", "node-b", "node-c"}
	var sites []*site
	for _, name := range names {
		var remotes []string
		for _, other := range names {
			if other != name {
				remotes = append(remotes, other)
			}
		}
		s := newSite(t, b, name, remotes, []string{"items"}, nil)
		s.Exec(items, `INSERT INTO items VALUES (8, 'never', 8), (9, 'never', 9)`)
		sites = append(sites, s.start())
	}
	a, c := sites[0], sites[1]
	synced(sites...)
	const all = `SELECT * FROM items ORDER BY id`
	for round, restarts := range []bool{false, true} {
		v := 100 * (round + 1)
		a.Exec(fmt.Sprintf(`REPLACE INTO items VALUES (1, 'a', %d), (2, 'a', %d), (3, 'a', %d)`, v, v, v))
		testkit.Alike(t, all, sites...)
		c.Node.Stop()
		c.Exec(fmt.Sprintf(`UPDATE items SET v = %d WHERE id IN (1, 8)`, v+1)) // these are waiting
		if restarts {
			a.Node.Stop()
		}
		a.Exec(`CREATE TABLE swapped LIKE items`, `INSERT INTO swapped SELECT * FROM items`,
			`RENAME TABLE items TO former, swapped TO items`, fmt.Sprintf(`UPDATE items SET v = %d WHERE id IN (2, 9)`, v+2), `DROP TABLE former`)
		if restarts {
			a.start()
			a.Node.WaitLog("may have been missed")
		} else {
			a.Node.WaitLog("a table's triggers were wrong")
		}
		a.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE mode = 'all' AND finished_at IS NULL AND remote = 'node-c'`, `0`)
		sites[2].Expect(`SELECT v FROM items WHERE id = 2`, fmt.Sprint(v+2))
		c.start()
		for _, s := range sites {
			s.Expect(`SELECT id, v FROM items ORDER BY id`, fmt.Sprintf("1|%d", v+1), fmt.Sprintf("2|%d", v+2), fmt.Sprintf("3|%d", v), fmt.Sprintf("8|%d", v+1), fmt.Sprintf("9|%d", v+2))
		}
	}
	settled(t, []string{"items"}, sites...)
}
