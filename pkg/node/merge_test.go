package node_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// withoutLosers checks that no site keeps a loser.
func withoutLosers(sites ...*site) {
	for _, s := range sites {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
	}
}

func TestColumnsThatOnlyOneSiteChangedAreTakenFromEach(t *testing.T) {
	t.Parallel()
	sites := stopped(t, "merge", "", "node-a", "node-b")
	sites[0].Exec(`UPDATE orders SET name = 'from a'`)
	sites[1].Exec(`UPDATE orders SET amount = 10`)
	started(t, sites)
	sites[0].Expect(`SELECT name, amount FROM orders`, `"from a"|"10.00"`)
	withoutLosers(sites...)
	testkit.Alike(t, `SELECT made FROM sync_versions`, sites...)
}

func TestOfAColumnThatBothSitesChangedTheLaterWins(t *testing.T) {
	t.Parallel()
	sites := stopped(t, "merge", "", "node-a", "node-b")
	sites[0].Exec(`UPDATE orders SET name = 'from a', amount = 20`)
	sites[1].Exec(`UPDATE orders SET name = 'ONE'`, `UPDATE orders SET name = 'One'`) // the collation considers all three equal
	started(t, sites)
	sites[0].Expect(`SELECT name, amount FROM orders`, `"One"|"20.00"`)
	kept(t, "from a", sites)
	for _, s := range sites {
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts WHERE policy <> 'merge'`, `0`)
	}
}

func TestMergingDecidesAboutDeletes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ first, then, want string }{
		"the update is later": {`DELETE FROM orders`, `UPDATE orders SET name = 'later'`, `"later"`},
		"the delete is later": {`UPDATE orders SET name = 'earlier'`, `DELETE FROM orders`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sites := stopped(t, "merge", "", "node-a", "node-b")
			sites[0].Exec(test.first)
			sites[1].Exec(test.then)
			started(t, sites)
			sites[0].Expect(`SELECT name FROM orders`, test.want)
			if test.want == "" {
				kept(t, "earlier", sites)
			}
		})
	}
}

// star makes two stores with a hub between them, which have the same rows.
func star(t *testing.T, rows int) (hub *site, stores []*site) {
	t.Helper()
	b := testkit.AnyBroker(t)
	merge := func(name string, remotes ...string) *site {
		s := newSite(t, b, name, remotes, []string{"orders"}, map[string]any{"conflictPolicy": map[string]any{"orders": "merge"}})
		s.Exec(`CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, name VARCHAR(100), amount DECIMAL(10,2), note TEXT,
			changed DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))`)
		return s.start()
	}
	hub = merge("hub", "store-1", "store-2")
	stores = []*site{merge("store-1", "hub"), merge("store-2", "hub")}
	for i := range rows {
		hub.Exec(fmt.Sprintf(`INSERT INTO orders (id, name, amount, note) VALUES (%d, 'none', 0, 'none')`, i))
	}
	for _, s := range stores {
		s.Expect(`SELECT COUNT(*) FROM orders`, fmt.Sprint(rows))
	}
	rest(hub, stores[0], stores[1])
	return hub, stores
}

// TestMergedRowsPassAHub: what two sites changed while they were away is joined at the hub, which writes as well, and reaches all.
// That the server sets a column at each update makes no losers.
func TestMergedRowsPassAHub(t *testing.T) {
	t.Parallel()
	hub, stores := star(t, 2)
	for _, s := range stores {
		s.Node.Stop()
	}
	stores[0].Exec(`UPDATE orders SET name = 'store 1'`)
	stores[1].Exec(`UPDATE orders SET amount = 2`, `UPDATE orders SET note = 'store 2' WHERE id = 1`)
	hub.Exec(`UPDATE orders SET note = 'hub' WHERE id = 0`)
	stores[1].start()
	hub.Expect(`SELECT SUM(amount) FROM orders`, `"4.00"`)
	stores[0].start()
	rest(hub, stores[0], stores[1])
	for _, s := range append(stores, hub) {
		s.Expect(`SELECT name, amount, note FROM orders ORDER BY id`, `"store 1"|"2.00"|"hub"`+"\n"+`"store 1"|"2.00"|"store 2"`)
	}
	withoutLosers(append(stores, hub)...)
}

// TestMergingLosesNothingToKills: each of three sites writes a column of its own, all the time, and nodes are killed meanwhile.
// Each column ends up as its site wrote it last, everywhere, and nothing was a conflict to anyone.
func TestMergingLosesNothingToKills(t *testing.T) {
	t.Parallel()
	const rows = 3
	hub, stores := star(t, rows)
	sites := []*site{hub, stores[0], stores[1]}
	columns := []string{"note", "name", "amount"}
	for round := range 12 {
		for i, s := range sites {
			for row := range rows {
				s.Exec(fmt.Sprintf(`UPDATE orders SET %s = '%d' WHERE id = %d`, columns[i], 100*round+row, row))
			}
		}
		if round%2 == 0 {
			s := sites[round/2%3]
			s.Node.Kill()
			s.start()
		}
	}
	rest(sites...)
	for _, s := range sites {
		for row := range rows {
			n := 1100 + row
			s.Expect(fmt.Sprintf(`SELECT name, amount, note FROM orders WHERE id = %d`, row), fmt.Sprintf(`"%d"|"%d.00"|"%d"`, n, n, n))
		}
	}
	withoutLosers(sites...)
	testkit.Alike(t, `SELECT row_id, time, origin, seen, made FROM sync_versions ORDER BY row_id`, sites...)
}

// TestTriggersRecordColumnsOnlyWhereTheyAreMerged: a change of the bytes alone is one, and a new key says nothing about columns.
func TestTriggersRecordColumnsOnlyWhereTheyAreMerged(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	s := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders", "items"}, map[string]any{"conflictPolicy": map[string]any{"orders": "merge"}})
	s.Exec(orders, `CREATE TABLE items (id INT NOT NULL PRIMARY KEY, name VARCHAR(100))`)
	s.start()
	s.Expect(`SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND ACTION_STATEMENT LIKE '%detail%'`, `1`)
	s.Node.Stop()
	s.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`, `INSERT INTO items VALUES (1, 'one')`,
		`UPDATE orders SET amount = 2`, `UPDATE orders SET name = 'One'`, `UPDATE orders SET name = 'One'`, `UPDATE orders SET id = 2`, `UPDATE items SET name = 'two'`)
	s.Expect(`SELECT table_name, CAST(primary_key AS CHAR), gone, CAST(detail AS CHAR) FROM table_changes ORDER BY id`, `"orders"|"1"|0|NULL
"items"|"1"|0|NULL
"orders"|"1"|0|"amount"
"orders"|"1"|0|"name"
"orders"|"1"|0|""
"orders"|"1"|1|NULL
"orders"|"2"|0|NULL
"items"|"1"|0|NULL`)
}

// TestColumnsOfOneConditionAreTakenTogether: a row made of both sites' columns would break a CHECK, or a unique key of a generated
// column, so they are taken from one. Other columns are not, and counters still add up.
func TestColumnsOfOneConditionAreTakenTogether(t *testing.T) {
	t.Parallel()
	if !testkit.Shared(t).HasType(`INT CHECK (x > 0)`) {
		return // MySQL 5.7 ignores it
	}
	b := testkit.AnyBroker(t)
	tables := []string{"spans", "sums", "shelves"}
	var sites []*site
	for _, names := range [][2]string{{"node-a", "node-b"}, {"node-b", "node-a"}} {
		s := newSite(t, b, names[0], names[1:], tables, map[string]any{
			"conflictPolicy": map[string]any{"spans": "merge", "sums": "merge"}, "counters": map[string]any{"shelves": []string{"stock"}}})
		s.Exec("CREATE TABLE spans (id INT PRIMARY KEY, low INT, high INT, note VARCHAR(20), CHECK (low <= high))",
			"CREATE TABLE sums (id INT PRIMARY KEY, a INT, b INT, note VARCHAR(20), half INT AS (a + b) VIRTUAL, `twice``d` INT AS (2 * half) STORED, UNIQUE KEY (`twice``d`))",
			"CREATE TABLE shelves (id INT PRIMARY KEY, stock INT, room INT, note VARCHAR(20), CHECK (stock <= room))")
		sites = append(sites, s.start())
	}
	x, y := sites[0], sites[1]
	x.Exec(`INSERT INTO spans VALUES (1, 1, 10, 'n')`, `INSERT INTO sums (id, a, b) VALUES (1, 1, 1), (2, 5, 5)`, `INSERT INTO shelves VALUES (1, 10, 100, 'n')`)
	y.Expect(`SELECT COUNT(*) FROM shelves`, `1`)
	rest(x, y)
	x.Node.Stop()
	y.Node.Stop()
	x.Exec(`UPDATE spans SET low = 9`, `UPDATE sums SET a = 2, note = 'x' WHERE id = 1`, `UPDATE shelves SET stock = stock + 5`)
	y.Exec(`UPDATE spans SET high = 5`, `UPDATE sums SET b = 8 WHERE id = 1`, `UPDATE shelves SET room = 50, stock = stock + 7`)
	x.start()
	y.start()
	for _, s := range sites {
		s.Expect(`SELECT low, high FROM spans`, `1|5`)
		s.Expect(`SELECT a, b, note FROM sums WHERE id = 1`, `1|8|"x"`)
		s.Expect(`SELECT stock, room FROM shelves`, `22|50`)
	}
	rest(x, y)
	for _, loser := range []string{`table_name = 'spans' AND JSON_VALUE(loser_row, '$.low') = '9'`, `table_name = 'sums' AND JSON_VALUE(loser_row, '$.a') = '2'`} {
		testkit.Eventually(t, "the loser with "+loser, func() error { // that of either node: one may have got the joined row
			for _, s := range sites {
				if got, err := s.Rows(`SELECT policy FROM sync_conflicts WHERE ` + loser); err != nil || got == "\"merge\"\n" {
					return err
				}
			}
			return errors.New("no node has kept it")
		})
	}
}
