package node_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestInitialSyncSendsMissingRows starts with rows on both sides that no trigger
// has seen. Each side gets what it lacks; rows that both have stay as they are.
func TestInitialSyncSendsMissingRows(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders, `INSERT INTO orders VALUES (0, 'zero', 0), (1, 'a', 1), (2, 'mine', 2)`,
		`INSERT INTO orders WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 49)
			SELECT 100 + 50 * x.i + y.i, 'row', x.i FROM n x, n y`)
	c.Exec(orders, `INSERT INTO orders VALUES (2, 'other', 2), (3, 'b', 3)`)
	a.start()
	c.start()
	quiet(a, c)
	c.Expect(`SELECT COUNT(*) FROM orders`, `2504`)
	a.Expect(`SELECT COUNT(*) FROM orders`, `2504`)
	a.Expect(`SELECT name FROM orders WHERE id = 2`, `"mine"`)
	c.Expect(`SELECT name FROM orders WHERE id = 2`, `"other"`)
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
		s.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NULL`, `0`)
	}
	// From now on they are rows like any other.
	c.Exec(`UPDATE orders SET name = 'changed' WHERE id IN (2, 2599)`)
	a.Expect(`SELECT name FROM orders WHERE id IN (2, 2599)`, `"changed"`, `"changed"`)
	a.Exec(`UPDATE orders SET name = 'anew' WHERE id IN (1, 2598)`)
	c.Expect(`SELECT name FROM orders WHERE id IN (1, 2598)`, `"anew"`, `"anew"`)
	c.Expect(`SELECT COUNT(*) FROM sync_conflicts WHERE primary_key IN ('1', '2598')`, `0`)
	// A resync restores what was lost behind the triggers' back.
	testkit.Unseen(t, c.DB, [2]string{"orders", `DELETE FROM orders WHERE id = 100`}, [2]string{"orders", `UPDATE orders SET name = 'bent' WHERE id = 101`})
	a.Run(0, "resync", "orders", "--all", "--where", "id < 200")
	c.Expect(`SELECT id, name FROM orders WHERE id IN (100, 101)`, `100|"row"`, `101|"row"`)
}

// TestAResentRowHasOneVersionEverywhere: a resync to one remote gives rows new versions. The others must know them,
// or their next write would conflict with them, and might lose.
func TestAResentRowHasOneVersionEverywhere(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	a, h, c := aroundHub(t)
	h.Run(0, "resync", "orders", "--all", "--remote", "node-c")
	oneVersion(t, a, h, c)
}

// aroundHub starts node-a and node-c, which reach each other only through node-h; all have the same row.
func aroundHub(t *testing.T) (a, h, c *site) {
	t.Helper()
	sites := network(t, testkit.AnyBroker(t), map[string][]string{"node-a": {"node-h"}, "node-h": {"node-a", "node-c"}, "node-c": {"node-h"}},
		[]string{"orders"}, orders)
	a, h, c = sites["node-a"], sites["node-h"], sites["node-c"]
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	testkit.Alike(t, `SELECT * FROM orders`, a, h, c)
	rest(a, h, c)
	return a, h, c
}

// oneVersion checks that all know the version that the hub gave the row, so that the next write is no conflict.
func oneVersion(t *testing.T, a, h, c *site) {
	t.Helper()
	h.Expect(`SELECT origin FROM sync_versions`, `"node-h"`)
	testkit.Alike(t, `SELECT time, origin FROM sync_versions`, h, a, c)
	a.Exec(`UPDATE orders SET name = 'two'`)
	c.Expect(`SELECT name FROM orders`, `"two"`)
	for _, s := range []*site{a, h, c} {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
	}
}

// A resync of all rows to all remotes sends each row to each of them once, although its new version is news to all, and even to
// one that was away in between.
func TestAResyncToAllRemotesSendsEachRowOnce(t *testing.T) {
	t.Parallel()
	const rows = 2500
	b := testkit.AnyBroker(t)
	remotes := []string{"node-b", "node-c", "node-d"}
	h := newSite(t, b, "hub", remotes, []string{"orders"}, nil)
	sites := []*site{h}
	for _, name := range remotes {
		sites = append(sites, newSite(t, b, name, []string{"hub"}, []string{"orders"}, nil))
	}
	for _, s := range sites {
		s.Exec(orders)
		s.start()
	}
	synced(h)
	h.insert("orders", 1, rows, func(i int) string { return fmt.Sprintf("%d, 'row', %d", i, i) })
	all := `SELECT COUNT(*), SUM(id), SUM(time) FROM orders JOIN sync_versions ON row_id = id`
	testkit.Alike(t, all, sites...)
	sent := func(times int) {
		t.Helper()
		h.Expect(`SELECT (SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NULL), (SELECT COUNT(*) FROM sync_outbox)`, "0|0")
		h.state("each row was sent once more to each remote", func(s *status.State) error {
			for _, x := range s.Streams {
				if x.Sent.Rows != int64(times*rows) {
					return fmt.Errorf("%d rows were sent to %s, want %d", x.Sent.Rows, x.Remote, times*rows)
				}
			}
			return nil
		})
	}
	sent(1)
	h.Run(0, "resync", "orders", "--all")
	sent(2)
	testkit.Alike(t, all, sites...)
	sites[2].Node.Stop()
	h.Run(0, "resync", "orders", "--all")
	testkit.Alike(t, all, h, sites[1], sites[3])
	sites[2].start()
	sent(3)
	testkit.Alike(t, all, sites...)
}
