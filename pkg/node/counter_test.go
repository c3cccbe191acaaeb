package node_test

import (
	"errors"
	"fmt"
	"strings"
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

// countingHub makes two stores that count stock, with a hub between them.
func countingHub(t *testing.T) (hub *site, stores []*site) {
	t.Helper()
	b := testkit.AnyBroker(t)
	hub = counting(t, b, "hub", "store-1", "store-2")
	stores = []*site{counting(t, b, "store-1", "hub"), counting(t, b, "store-2", "hub")}
	hub.Exec(`INSERT INTO stock VALUES (1, 'bolts', 1000, 1.5), (2, 'nuts', 1000, 0.5)`)
	for _, s := range stores {
		s.Expect(`SELECT COUNT(*) FROM stock`, `2`)
	}
	rest(hub, stores[0], stores[1])
	return hub, stores
}

// TestIncrementsPassAHubOnceDespiteKills: three sites count all the time, over a relay, and nodes are killed meanwhile. Each
// increment counts once, everywhere.
func TestIncrementsPassAHubOnceDespiteKills(t *testing.T) {
	t.Parallel()
	hub, stores := countingHub(t)
	sites := []*site{hub, stores[0], stores[1]}
	want := 1000
	for round := range 12 {
		for i, s := range sites {
			for range i + 1 {
				s.Exec(fmt.Sprintf(`UPDATE stock SET quantity = quantity - %d`, round+i), `UPDATE stock SET quantity = quantity + 1, name = CONCAT('of ', id)`)
				want += 1 - round - i
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
		s.Expect(`SELECT quantity FROM stock`, fmt.Sprintf("%d\n%d", want, want))
	}
	testkit.Alike(t, `SELECT row_id, time, origin, seen, counts FROM sync_versions ORDER BY row_id`, sites...)
}

// TestARestoredBackupNeitherAddsTwiceNorLosesItsOwn: the backup holds an increment that is not captured yet. It was captured,
// counted and sent after that, and so were later ones, which are gone here. All count once, as those do that follow.
func TestARestoredBackupNeitherAddsTwiceNorLosesItsOwn(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // the log does not tell which increments a backup has
	hub, stores := countingHub(t)
	s, other := stores[0], stores[1]
	s.Exec(`UPDATE stock SET quantity = quantity - 1 WHERE id = 1`)
	hub.Expect(`SELECT quantity FROM stock WHERE id = 1`, `999`)
	rest(hub, s, other)
	s.Node.Stop()
	s.Exec(`UPDATE stock SET quantity = quantity - 10 WHERE id = 1`) // in the backup, and not captured
	restore := s.backUp()
	s.start()
	hub.Expect(`SELECT quantity FROM stock WHERE id = 1`, `989`)
	s.Exec(`UPDATE stock SET quantity = quantity - 100 WHERE id = 1`) // not in the backup
	hub.Expect(`SELECT quantity FROM stock WHERE id = 1`, `889`)
	rest(hub, s, other)
	s.Node.Kill()
	other.Exec(`UPDATE stock SET quantity = quantity - 3 WHERE id = 1`)
	restore()
	s.Exec(`UPDATE stock SET quantity = quantity - 7 WHERE id = 1`) // before the node starts
	s.start().Node.WaitLog("restored from a backup")
	s.Exec(`UPDATE stock SET quantity = quantity - 20 WHERE id = 1`)
	for _, x := range []*site{hub, s, other} {
		x.Expect(`SELECT quantity FROM stock WHERE id = 1`, `859`)
	}
	rest(hub, s, other)
	testkit.Alike(t, `SELECT quantity FROM stock ORDER BY id`, hub, s, other)
}

// TestARowThatIsDeletedAndInsertedAgainStartsAnew: an insert sets the counter; increments that come after it, wherever, count.
func TestARowThatIsDeletedAndInsertedAgainStartsAnew(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // the log has a REPLACE as an update
	a, b := stocked(t)
	b.Exec(`UPDATE stock SET quantity = quantity - 1`)
	a.Expect(`SELECT quantity FROM stock`, `99`)
	a.Exec(`DELETE FROM stock`, `INSERT INTO stock VALUES (1, 'new', 10, 1)`)
	b.Expect(`SELECT quantity FROM stock`, `10`)
	rest(a, b)
	a.Node.Stop()
	b.Node.Stop()
	a.Exec(`UPDATE stock SET quantity = quantity + 2`)
	b.Exec(`REPLACE INTO stock VALUES (1, 'newer', 20, 1)`, `UPDATE stock SET quantity = quantity - 1`)
	a.start()
	b.start()
	a.Expect(`SELECT quantity FROM stock`, `19`)
	b.Expect(`SELECT quantity FROM stock`, `19`)
	kept(t, "new", []*site{a, b}) // what a counted on the number that b replaced
	rest(a, b)
	testkit.Alike(t, `SELECT * FROM stock`, a, b)
}

// TestASumThatDoesNotFitIsRefused with a clear reason, each site keeps its own number, and nothing is lost: as soon as the sum
// fits, it is everywhere.
func TestASumThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ column, sell, more, want, reason string }{
		"unsigned":  {`INT UNSIGNED NOT NULL`, `quantity = quantity - 60`, `quantity = quantity + 50`, `30`, "make -20 of counter quantity"},
		"too large": {`TINYINT NOT NULL`, `quantity = quantity + 20`, `quantity = quantity - 30`, `110`, "make 140 of counter quantity"},
		"check":     {`INT NOT NULL CHECK (quantity >= 0)`, `quantity = quantity - 60`, `quantity = quantity + 50`, `30`, "make -20 of counter quantity, and a check"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "check" && !testkit.Shared(t).HasType(`INT CHECK (x > 0)`) {
				return // MySQL 5.7 ignores it
			}
			a, b := stocked(t)
			for _, s := range []*site{a, b} {
				s.Exec(`ALTER TABLE stock MODIFY quantity ` + test.column)
			}
			rest(a, b)
			a.Node.Stop()
			b.Node.Stop()
			a.Exec(`UPDATE stock SET ` + test.sell)
			b.Exec(`UPDATE stock SET ` + test.sell)
			before, err := a.Rows(`SELECT quantity FROM stock`)
			if err != nil {
				t.Fatal(err)
			}
			a.start()
			b.start()
			for _, s := range []*site{a, b} {
				s.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error' AND LOWER(message) LIKE '%`+test.reason+`%'`, `1`)
				s.Expect(`SELECT quantity FROM stock`, strings.TrimSpace(before))
			}
			a.Exec(`UPDATE stock SET ` + test.more)
			a.Expect(`SELECT quantity FROM stock`, test.want)
			b.Expect(`SELECT quantity FROM stock`, test.want)
			rest(a, b)
		})
	}
}

// TestCountersThatAreNULL: from NULL and to it, a counter is set.
func TestCountersThatAreNULL(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	var sites []*site
	for name, remote := range map[string]string{"node-a": "node-b", "node-b": "node-a"} {
		s := newSite(t, b, name, []string{remote}, []string{"stock"}, map[string]any{"counters": map[string]any{"stock": []string{"Price", "quantity"}}})
		s.Exec(stock)
		sites = append(sites, s.start())
	}
	x, y := sites[0], sites[1]
	x.Exec(`INSERT INTO stock VALUES (1, 'bolts', 1, NULL)`)
	y.Expect(`SELECT price FROM stock`, `NULL`)
	y.Exec(`UPDATE stock SET price = 1.50`)
	x.Expect(`SELECT price FROM stock`, `"1.50"`)
	rest(x, y)
	x.Node.Stop()
	y.Node.Stop()
	x.Exec(`UPDATE stock SET price = price + 0.25, quantity = quantity + 1`)
	y.Exec(`UPDATE stock SET price = price - 0.05`)
	x.start()
	y.start()
	x.Expect(`SELECT price, quantity FROM stock`, `"1.70"|2`)
	y.Expect(`SELECT price, quantity FROM stock`, `"1.70"|2`)
	x.Exec(`UPDATE stock SET price = NULL`)
	y.Expect(`SELECT price FROM stock`, `NULL`)
	rest(x, y)
}

// TestRowsFromBeforeTheyWereCounted: tables are full when counters are switched on, some rows were synced before, and some come
// with the first transfer, while both sites count.
func TestRowsFromBeforeTheyWereCounted(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t)
	b := testkit.AnyBroker(t)
	var sites []*site
	for _, name := range []string{"node-a", "node-b"} {
		other := map[string]string{"node-a": "node-b", "node-b": "node-a"}[name]
		s := newSite(t, b, name, []string{other}, []string{"stock"}, map[string]any{"initialSync": "missing"})
		s.Exec(stock, `INSERT INTO stock VALUES (1, 'both had it', 100, 1)`)
		sites = append(sites, s)
	}
	x, y := sites[0], sites[1]
	x.Exec(`INSERT INTO stock VALUES (2, 'transferred', 100, 1)`)
	x.start()
	y.start()
	y.Exec(`INSERT INTO stock VALUES (3, 'synced', 100, 1)`)
	y.Expect(`SELECT COUNT(*) FROM stock`, `3`)
	x.Expect(`SELECT COUNT(*) FROM stock`, `3`)
	rest(x, y)
	for _, s := range sites {
		s.Node.Stop()
		looked, err := s.Rows(`SELECT written_at FROM sync_captured`)
		if err != nil {
			t.Fatal(err)
		}
		s.change("counters", map[string]any{"stock": []string{"quantity"}})
		s.start()
		testkit.Eventually(t, "a look at the new triggers", func() error { // or the next start finds them changed, and gives the rows new versions
			again, err := s.Rows(`SELECT written_at FROM sync_captured`)
			if err == nil && again == looked {
				err = errors.New("there was none")
			}
			return err
		})
	}
	rest(x, y)
	for _, s := range sites {
		s.Node.Stop()
	}
	x.Exec(`UPDATE stock SET name = 'renamed'`, `UPDATE stock SET quantity = quantity - 5`, `INSERT INTO stock VALUES (4, 'new', 100, 1)`)
	y.Exec(`UPDATE stock SET quantity = quantity - 3`)
	x.start()
	y.start()
	for _, s := range sites {
		s.Expect(`SELECT quantity FROM stock ORDER BY id`, "92\n92\n92\n100")
	}
	rest(x, y)
	withoutLosers(x, y)
}

// TestASiteThatDoesNotCountIsRefused: what it says about a counter would drop what others counted. It still gets the rows.
func TestASiteThatDoesNotCountIsRefused(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	x := counting(t, b, "node-a", "node-b")
	y := newSite(t, b, "node-b", []string{"node-a"}, []string{"stock"}, map[string]any{"conflictPolicy": map[string]any{"stock": "merge"}})
	y.Exec(stock)
	y.start()
	x.Exec(`INSERT INTO stock VALUES (1, 'bolts', 100, 1)`, `UPDATE stock SET quantity = quantity - 5`)
	y.Expect(`SELECT quantity FROM stock`, `95`)
	rest(x, y)
	y.Exec(`UPDATE stock SET quantity = quantity - 1`)
	y.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error' AND message LIKE '%counts stock.quantity, and the sender does not%'`, `1`)
	x.Expect(`SELECT quantity FROM stock`, `95`)
	y.Node.Stop()
	delete(y.Config, "conflictPolicy")
	y.change("counters", map[string]any{"stock": []string{"quantity"}})
	y.start()
	y.Exec(`UPDATE stock SET quantity = quantity - 2`)
	for _, s := range []*site{x, y} {
		s.Expect(`SELECT quantity FROM stock`, `92`)
	}
	rest(x, y)
}

// TestRepairOfCounters: what no trigger saw is an increment of the site where it happened; verify finds it, and repair brings it
// to all.
func TestRepairOfCounters(t *testing.T) {
	t.Parallel()
	a, b := stocked(t)
	a.Exec(`UPDATE stock SET quantity = quantity - 1`)
	b.Exec(`UPDATE stock SET quantity = quantity - 2`)
	inStock(t, "97", a, b)
	b.behindIn("stock", `UPDATE stock SET quantity = 90`)
	testkit.Eventually(t, "the repair", func() error {
		code, said := a.verify("--repair")
		if code == 0 {
			return nil
		}
		return fmt.Errorf("verify printed\n%s", said)
	})
	a.Expect(`SELECT quantity FROM stock`, `90`)
	b.Expect(`SELECT quantity FROM stock`, `90`)
	a.Exec(`UPDATE stock SET quantity = quantity - 1`)
	b.Expect(`SELECT quantity FROM stock`, `89`)
	rest(a, b)
}

// TestAnExistingPeerCannotCount: it sees plain rows, and what it changes beside a counter is taken. Its number is not: it is kept,
// and the peer gets the node's.
func TestAnExistingPeerCannotCount(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"peer-1"}, []string{"stock"}, map[string]any{"counters": map[string]any{"stock": []string{"quantity"}}})
	a.Exec(stock)
	p := newPeer(t, b, "peer-1")
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO stock VALUES (1, 'bolts', 100, 1.5)`, `UPDATE stock SET quantity = quantity - 5`)
	p.expectRow("stock", "1", `{"id":"1","name":"bolts","price":"1.50","quantity":95}`)
	p.send("node-a", "stock", "1", `{"id":"1","name":"screws","price":"1.50","quantity":90}`)
	a.Expect(`SELECT name, quantity FROM stock`, `"screws"|95`)
	p.expectRow("stock", "1", `{"id":"1","name":"screws","price":"1.50","quantity":95}`)
	a.Expect(`SELECT policy, JSON_VALUE(loser_row, '$.quantity') FROM sync_conflicts`, `"counter"|"90"`)
	a.Exec(`UPDATE stock SET quantity = quantity - 1`)
	p.expectRow("stock", "1", `{"id":"1","name":"screws","price":"1.50","quantity":94}`)
	p.send("node-a", "stock", "2", `{"id":"2","name":"new","price":"1.50","quantity":7}`)
	a.Expect(`SELECT quantity FROM stock WHERE id = 2`, `7`)
}

// TestASiteFromADumpCountsOnceItHasTheRows: its rows have no version, and the hub has counted them long since. Sent as a whole,
// they bring what was counted along, and nothing is lost from then on.
func TestASiteFromADumpCountsOnceItHasTheRows(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	hub := counting(t, b, "hub", "store-1")
	hub.Exec(`INSERT INTO stock VALUES (1, 'bolts', 100, 1.5)`, `UPDATE stock SET quantity = quantity - 10`)
	hub.Expect(`SELECT COUNT(*) FROM sync_versions WHERE counts IS NOT NULL`, `1`)
	hub.Exec(`DELETE FROM sync_outbox`)
	hub.Node.Stop()
	store := newSite(t, b, "store-1", []string{"hub"}, []string{"stock"}, map[string]any{"counters": map[string]any{"stock": []string{"quantity"}}, "initialSync": "none"})
	store.Exec(stock, `INSERT INTO stock VALUES (1, 'bolts', 90, 1.5)`)
	store.start()
	hub.start()
	hub.Run(0, "resync", "stock")
	store.Expect(`SELECT COUNT(*) FROM sync_versions WHERE counts IS NOT NULL`, `1`)
	rest(hub, store)
	hub.Node.Stop()
	store.Node.Stop()
	hub.Exec(`UPDATE stock SET quantity = quantity - 1`)
	store.Exec(`UPDATE stock SET quantity = quantity - 2`)
	hub.start()
	store.start()
	inStock(t, "87", hub, store)
}

// TestUpdatesThatIgnoreErrorsCountWhatTheyDid: rows that UPDATE IGNORE leaves alone, since a unique or foreign key forbids the
// update, count nothing. MariaDB fires triggers for them.
func TestUpdatesThatIgnoreErrorsCountWhatTheyDid(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	var sites []*site
	for name, remote := range map[string]string{"node-a": "node-b", "node-b": "node-a"} {
		s := newSite(t, b, name, []string{remote}, []string{"stock"}, map[string]any{"counters": map[string]any{"stock": []string{"quantity", "reserved"}}})
		s.Exec(`CREATE TABLE shelves (id INT PRIMARY KEY)`, `INSERT INTO shelves VALUES (1), (2)`,
			`CREATE TABLE stock (id VARCHAR(9) PRIMARY KEY, place INT UNIQUE, shelf INT, quantity INT NOT NULL, reserved DECIMAL(9,2), FOREIGN KEY (shelf) REFERENCES shelves (id))`)
		sites = append(sites, s.start())
	}
	a, c := sites[0], sites[1]
	a.Exec(`INSERT INTO stock VALUES ('a', 1, 1, 100, 1), ('b', 2, 1, 200, NULL)`)
	c.Expect(`SELECT COUNT(*) FROM stock`, `2`)
	rest(a, c)
	for _, q := range []string{
		`UPDATE IGNORE stock SET place = 2, quantity = quantity - 1 WHERE id = 'a'`,
		`UPDATE IGNORE stock SET shelf = 9, quantity = quantity - 1, reserved = 5`,
		`UPDATE IGNORE stock SET id = 'b', quantity = quantity - 1 WHERE id = 'a'`,
		`UPDATE IGNORE stock SET id = 'A', place = 2, quantity = quantity - 1 WHERE id = 'a'`,
		`UPDATE IGNORE stock SET shelf = 2, quantity = quantity - 1 WHERE id = 'a'`, // it is possible
		`UPDATE IGNORE stock SET place = 3, reserved = reserved + 1 WHERE id < 'c'`, // of one row
		`UPDATE IGNORE stock SET quantity = quantity - 10`,
		`UPDATE stock SET shelf = 2, quantity = quantity - 100 WHERE id = 'b'`,
	} {
		a.Exec(q)
	}
	rest(a, c)
	for _, s := range sites {
		s.Expect(`SELECT * FROM stock ORDER BY id`, `"a"|3|2|89|"2.00"`, `"b"|2|2|90|NULL`)
	}
	a.Exec(`UPDATE stock SET id = 'B', quantity = quantity + 1 WHERE id = 'b'`, `UPDATE stock SET id = 'c', place = 9, quantity = 7 WHERE id = 'a'`)
	rest(a, c)
	for _, s := range sites {
		s.Expect(`SELECT id, quantity FROM stock ORDER BY id`, `"B"|91`, `"c"|7`)
	}
}
