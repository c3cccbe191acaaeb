package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// settled waits until the sites have equal tables, nothing left to send, and
// no error.
func settled(t *testing.T, tables []string, sites ...*site) {
	t.Helper()
	for _, s := range sites {
		s.Expect(testkit.Waiting, `0`)
		s.Expect(`SELECT table_name, primary_key, message FROM sync_status WHERE status <> 'successful'`)
	}
	for _, table := range tables {
		testkit.Alike(t, "SELECT * FROM `"+table+"` ORDER BY 1", sites...)
	}
}

// inOne runs statements in one transaction.
func (s *site) inOne(statements ...string) {
	s.t.Helper()
	tx := s.DB.MustBegin()
	defer tx.Rollback()
	for _, q := range statements {
		if _, err := tx.Exec(q); err != nil {
			s.t.Fatalf("%s: %v\n%s", s.Name, err, q)
		}
	}
	if err := tx.Commit(); err != nil {
		s.t.Fatal(err)
	}
}

// numbers returns an INSERT of rows first to last.
func numbers(into, row string, first, last int) string {
	var rows []string
	for i := first; i <= last; i++ {
		rows = append(rows, strings.ReplaceAll(row, "#", fmt.Sprint(i)))
	}
	return "INSERT INTO " + into + " VALUES " + strings.Join(rows, ",")
}

// TestCascadesOfTheOriginAreNotRepeated changes parents in ways in which the receiver's
// server would delete or null children by itself: the children's own changes are
// on their way.
func TestCascadesOfTheOriginAreNotRepeated(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"g", "p", "c", "n", "k", "m", "codes", "uses"}
	a, c := pair(t, b, tables,
		`CREATE TABLE g (id INT PRIMARY KEY)`,
		`CREATE TABLE p (id INT PRIMARY KEY, g INT, FOREIGN KEY (g) REFERENCES g (id) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE n (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL ON UPDATE CASCADE)`,
		`CREATE TABLE k (id INT PRIMARY KEY, mail VARCHAR(20) NOT NULL UNIQUE)`,
		`CREATE TABLE m (id INT PRIMARY KEY, k INT NOT NULL, place INT NOT NULL UNIQUE, FOREIGN KEY (k) REFERENCES k (id) ON UPDATE CASCADE)`,
		`CREATE TABLE codes (id INT PRIMARY KEY, code VARCHAR(10) NOT NULL UNIQUE)`,
		`CREATE TABLE uses (id INT PRIMARY KEY, code VARCHAR(10), FOREIGN KEY (code) REFERENCES codes (code) ON DELETE CASCADE ON UPDATE CASCADE)`)
	a.Exec(`INSERT INTO g VALUES (1), (2), (3)`, `INSERT INTO p VALUES (1, 1), (2, 3), (3, 3)`,
		numbers("c", "(#, 1)", 1, 1200), numbers("n", "(#, 1)", 1, 1200), `INSERT INTO c VALUES (5000, 2), (5001, 3)`,
		`INSERT INTO k VALUES (1, 'one'), (2, 'two')`, numbers("m", "(#, 1, #)", 1, 700),
		`INSERT INTO codes VALUES (1, 'x'), (2, 'y')`, numbers("uses", "(#, 'x')", 1, 700))
	settled(t, tables, a, c)

	// A key change that the children follow, in more than one batch.
	a.Exec(`UPDATE p SET id = 10 WHERE id = 1`)
	// A parent's parent is left, then deleted.
	a.inOne(`UPDATE p SET g = 2 WHERE g = 3`, `DELETE FROM g WHERE id = 3`)
	// A parent that is deleted and inserted again while checks are off.
	a.inOne(`SET foreign_key_checks = 0`, `DELETE FROM p WHERE id = 3`, `INSERT INTO p VALUES (3, 2)`, `SET foreign_key_checks = 1`)
	// A key change of a parent with a second unique key.
	a.Exec(`UPDATE k SET id = 11 WHERE id = 1`)
	// A change of referenced columns other than the key.
	a.Exec(`UPDATE codes SET code = 'z' WHERE code = 'x'`)
	settled(t, tables, a, c)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT (SELECT COUNT(*) FROM c), (SELECT COUNT(*) FROM n WHERE p = 10), (SELECT COUNT(*) FROM m WHERE k = 11), (SELECT COUNT(*) FROM uses WHERE code = 'z')`,
			`1202|1200|700|700`)
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
	}
}

// kin are parents whose children refer to them in all ways.
var kin = []string{
	`CREATE TABLE p (id INT PRIMARY KEY, name VARCHAR(20))`,
	`CREATE TABLE held (id INT PRIMARY KEY, p INT NOT NULL, FOREIGN KEY (p) REFERENCES p (id))`,
	`CREATE TABLE gone (id INT PRIMARY KEY, p INT NOT NULL, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)`,
	`CREATE TABLE loose (id INT PRIMARY KEY, p INT, twice INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL,
		FOREIGN KEY (twice) REFERENCES p (id) ON DELETE SET NULL)`,
	`CREATE TABLE below (id INT PRIMARY KEY, gone INT NOT NULL, FOREIGN KEY (gone) REFERENCES gone (id))`,
}

var kinTables = []string{"p", "held", "gone", "loose", "below"}

// three makes three fully connected nodes.
func three(t *testing.T, b *testkit.Broker, tables []string, extra map[string]any, ddl ...string) (x, y, z *site) {
	t.Helper()
	var sites []*site
	names := []string{"node-a", "node-b", "node-c"}
	for i, name := range names {
		s := newSite(t, b, name, []string{names[(i+1)%3], names[(i+2)%3]}, tables, extra)
		s.Exec(ddl...)
		sites = append(sites, s.start())
	}
	synced(sites...)
	return sites[0], sites[1], sites[2]
}

// childrenApart deletes parents at one of three nodes while another one, whose node is down,
// inserts children of them.
func childrenApart(x, z *site) {
	z.Node.Stop()
	x.Exec(`DELETE FROM p WHERE id IN (1, 2, 3, 4)`)
	z.Exec(`INSERT INTO held VALUES (1, 1)`, `INSERT INTO gone VALUES (2, 2), (4, 4)`, `INSERT INTO loose VALUES (3, 3, 3)`, `INSERT INTO below VALUES (4, 4)`)
	z.start()
}

// TestAReferringChildKeepsTheParent deletes a parent at one node and inserts a child
// at another: the parent comes back everywhere, and the delete is kept.
func TestAReferringChildKeepsTheParent(t *testing.T) {
	t.Parallel()
	x, y, z := three(t, testkit.AnyBroker(t), kinTables, nil, kin...)
	x.Exec(numbers("p", "(#, 'p#')", 1, 5))
	settled(t, kinTables, x, y, z)
	childrenApart(x, z)
	for _, s := range []*site{x, y, z} {
		s.Expect(`SELECT id, name FROM p ORDER BY id`, `1|"p1"`, `2|"p2"`, `3|"p3"`, `4|"p4"`, `5|"p5"`)
	}
	settled(t, kinTables, x, y, z)
	x.Expect(`SELECT (SELECT COUNT(*) FROM held), (SELECT COUNT(*) FROM gone), (SELECT COUNT(*) FROM loose WHERE p = 3), (SELECT COUNT(*) FROM below)`, `1|2|1|1`)
	z.Expect(`SELECT primary_key, policy, loser_row, loser_origin FROM sync_conflicts ORDER BY primary_key`,
		`"1"|"foreignKey"|NULL|"node-a"`, `"2"|"foreignKey"|NULL|"node-a"`, `"3"|"foreignKey"|NULL|"node-a"`, `"4"|"foreignKey"|NULL|"node-a"`)
}

// TestASitesOwnEarlierWriteDoesNotHoldUpItsChild: a parent's delete meets a child that its site has written anew, and is also to send back
// to that site what it had written before, as after a lost connection. Neither of the two can go anywhere before the other.
func TestASitesOwnEarlierWriteDoesNotHoldUpItsChild(t *testing.T) {
	t.Parallel()
	tables := []string{"p", "c"}
	a, c := pair(t, testkit.AnyBroker(t), tables, `CREATE TABLE p (id INT PRIMARY KEY)`, `CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id))`)
	a.Exec(`INSERT INTO p VALUES (15)`, `INSERT INTO c VALUES (23, 15)`)
	settled(t, tables, a, c)
	a.Exec(`DELETE FROM c`)
	settled(t, tables, a, c)
	for x, of := range map[*site]string{a: c.Name, c: a.Name} {
		x.pauses(status.PauseAsk{Remote: of})
	}
	a.Exec(`INSERT INTO c VALUES (23, 15)`)
	c.Exec(`DELETE FROM p`, `INSERT INTO sync_outbox (remote, table_name, row_id, position, token) VALUES ('`+a.Name+`', 'c', '23', 1, 1)`)
	for x, of := range map[*site]string{a: c.Name, c: a.Name} {
		x.Recorded()
		x.resumes(status.ResumeAsk{Remote: of}, of)
	}
	for _, x := range []*site{a, c} {
		x.Expect(`SELECT p.id, c.id FROM p JOIN c ON c.p = p.id`, `15|23`)
	}
	settled(t, tables, a, c)
}

// TestChildrenGoWithTheParent is the opposite configuration: nothing comes
// back, and what goes is kept.
func TestChildrenGoWithTheParent(t *testing.T) {
	t.Parallel()
	x, y, z := three(t, testkit.AnyBroker(t), kinTables, map[string]any{"foreignKeyConflict": "cascade"}, kin...)
	x.Exec(numbers("p", "(#, 'p#')", 1, 5))
	settled(t, kinTables, x, y, z)
	childrenApart(x, z)
	for _, s := range []*site{x, y, z} {
		s.Expect(`SELECT id, name FROM p ORDER BY id`, `5|"p5"`)
		s.Expect(`SELECT * FROM loose`, `3|NULL|NULL`)
	}
	settled(t, kinTables, x, y, z)
	x.Expect(`SELECT (SELECT COUNT(*) FROM held), (SELECT COUNT(*) FROM gone), (SELECT COUNT(*) FROM below)`, `0|0|0`)
	z.Expect(`SELECT table_name, primary_key, loser_row FROM sync_conflicts WHERE policy = 'foreignKey' ORDER BY table_name, primary_key`,
		`"below"|"4"|"{\"id\":\"4\",\"gone\":\"4\"}"`, `"gone"|"2"|"{\"id\":\"2\",\"p\":\"2\"}"`, `"gone"|"4"|"{\"id\":\"4\",\"p\":\"4\"}"`, `"held"|"1"|"{\"id\":\"1\",\"p\":\"1\"}"`,
		`"loose"|"3"|"{\"id\":\"3\",\"p\":\"3\",\"twice\":\"3\"}"`)
}

// TestRowsThatNeedEachOther sends rows of two tables that refer to each other, with
// their dependants, as whole tables and as changes; and exchanges unique values. The
// user's triggers see no needless deletes.
func TestRowsThatNeedEachOther(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	ddl := []string{
		`CREATE TABLE store (id INT PRIMARY KEY, manager INT NOT NULL UNIQUE)`,
		`CREATE TABLE staff (id INT PRIMARY KEY, store INT NOT NULL, boss INT NULL, FOREIGN KEY (store) REFERENCES store (id), FOREIGN KEY (boss) REFERENCES staff (id))`,
		`ALTER TABLE store ADD FOREIGN KEY (manager) REFERENCES staff (id)`,
		`CREATE TABLE inventory (id INT PRIMARY KEY, store INT NOT NULL, FOREIGN KEY (store) REFERENCES store (id) ON DELETE CASCADE)`,
		`CREATE TABLE seats (id INT PRIMARY KEY, place VARCHAR(10) NOT NULL UNIQUE, made VARCHAR(10) NOT NULL)`,
		`CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(40))`,
	}
	tables := []string{"inventory", "seats", "staff", "store"}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, nil)
	for _, s := range []*site{a, c} {
		s.Exec(ddl...)
	}
	for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		row := "NEW"
		if event == "DELETE" {
			row = "OLD"
		}
		c.Exec(`CREATE TRIGGER seats_` + event + ` AFTER ` + event + ` ON seats FOR EACH ROW INSERT INTO log (what) VALUES (CONCAT('` + event + ` ', ` + row + `.id))`)
	}
	c.Exec(`CREATE TRIGGER seats_before BEFORE INSERT ON seats FOR EACH ROW SET NEW.made = 'trigger'`)
	a.inOne(`SET foreign_key_checks = 0`, `INSERT INTO store VALUES (1, 1), (2, 2)`, `INSERT INTO staff VALUES (1, 1, 2), (2, 2, 1)`,
		numbers("inventory", "(#, 1)", 1, 1200), `SET foreign_key_checks = 1`)
	a.start()
	c.start()
	settled(t, tables, a, c)
	c.inOne(`SET foreign_key_checks = 0`, `INSERT INTO store VALUES (3, 3)`, `INSERT INTO staff VALUES (3, 3, 3)`, `SET foreign_key_checks = 1`)
	a.inOne(`SET foreign_key_checks = 0`, `DELETE FROM inventory`, `DELETE FROM staff WHERE id < 3`, `DELETE FROM store WHERE id < 3`, `SET foreign_key_checks = 1`)
	a.Expect(`SELECT id FROM staff`, `3`)
	c.Expect(`SELECT id FROM store`, `3`)
	settled(t, tables, a, c)

	a.Exec(`INSERT INTO seats VALUES (1, 'A', 'a'), (2, 'B', 'a'), (3, 'C', 'a'), (4, 'D', 'a'), (5, 'E', 'a')`)
	c.Expect(`SELECT COUNT(*) FROM seats`, `5`)
	a.inOne(`UPDATE seats SET place = 'x' WHERE id = 1`, `UPDATE seats SET place = 'A' WHERE id = 3`, `UPDATE seats SET place = 'C' WHERE id = 2`,
		`UPDATE seats SET place = 'B' WHERE id = 1`, `UPDATE seats SET made = 'b' WHERE id = 4`)
	c.Expect(`SELECT id, place, made FROM seats ORDER BY id`, `1|"B"|"a"`, `2|"C"|"a"`, `3|"A"|"a"`, `4|"D"|"b"`, `5|"E"|"trigger"`)
	c.Expect(`SELECT SUM(what LIKE 'INSERT%'), SUM(what LIKE 'DELETE%') FROM log`, `"5"|"0"`)
}

// TestADeleteOfAVersion1PeerCoversWhatThePeerKnew: a peer deletes parents, which does
// not say what its server did to the children.
func TestADeleteOfAVersion1PeerCoversWhatThePeerKnew(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, kin[0], kin[2], kin[3])
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO p VALUES (1, 'one'), (2, 'two')`, `INSERT INTO gone VALUES (1, 1)`, `INSERT INTO loose VALUES (1, 1, 1)`)
	p.expectRow("gone", "1", `{"id":"1","p":1}`)
	p.expectRow("loose", "1", `{"id":"1","p":1,"twice":1}`)
	a.Expect(testkit.Waiting, `0`)
	p.send("node-a", "p", "1", `null`)
	a.Expect(`SELECT id FROM p`, `2`)
	a.Expect(`SELECT (SELECT COUNT(*) FROM gone), (SELECT COUNT(*) FROM loose WHERE p IS NULL AND twice IS NULL)`, `0|1`)

	p.leave()
	a.Exec(`INSERT INTO gone VALUES (2, 2)`)
	var held []v1Change
	p.answer = func(c v1Change) { held = append(held, c) } // it deletes the parent before it receives the child
	p.connect()
	p.send("node-a", "p", "2", `null`)
	a.Expect(`SELECT primary_key, policy FROM sync_conflicts WHERE loser_row IS NULL`, `"2"|"foreignKey"`)
	p.answerNow(func() {
		p.answer = nil
		for _, c := range held {
			p.ack(c)
		}
	})
	p.expectRow("p", "2", `{"id":"2","name":"two"}`)
	p.expectRow("gone", "2", `{"id":"2","p":2}`)
}

// TestAnUnknownChildFollowsItsParent: parents get new keys at one node while another
// one, whose node is down, inserts children of them: they follow.
func TestAnUnknownChildFollowsItsParent(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"codes", "uses", "keys", "hangs", "strict"}
	a, c := pair(t, b, tables,
		`CREATE TABLE codes (id INT PRIMARY KEY, code VARCHAR(10) NOT NULL UNIQUE)`,
		`CREATE TABLE uses (id INT PRIMARY KEY, code VARCHAR(10) NOT NULL, FOREIGN KEY (code) REFERENCES codes (code) ON DELETE CASCADE ON UPDATE CASCADE)`,
		"CREATE TABLE `keys` (id INT PRIMARY KEY, mail VARCHAR(10) NOT NULL UNIQUE)",
		"CREATE TABLE hangs (id INT PRIMARY KEY, k INT NOT NULL, FOREIGN KEY (k) REFERENCES `keys` (id) ON DELETE CASCADE ON UPDATE CASCADE)",
		"CREATE TABLE strict (id INT PRIMARY KEY, k INT NOT NULL, FOREIGN KEY (k) REFERENCES `keys` (id))")
	a.Exec(`INSERT INTO codes VALUES (1, 'one'), (2, 'two')`, `INSERT INTO uses VALUES (1, 'one')`,
		"INSERT INTO `keys` VALUES (1, 'one'), (2, 'two')", `INSERT INTO hangs VALUES (1, 1)`)
	settled(t, tables, a, c)
	c.Node.Stop()
	a.Exec(`UPDATE codes SET code = CONCAT(code, '!')`, "UPDATE `keys` SET id = id + 10")
	c.Exec(`INSERT INTO uses VALUES (2, 'one'), (3, 'two')`, `INSERT INTO hangs VALUES (2, 1), (3, 2)`, `INSERT INTO strict VALUES (1, 1)`)
	c.start()
	a.Expect(`SELECT id, code FROM uses ORDER BY id`, `1|"one!"`, `2|"one!"`, `3|"two!"`)
	a.Expect(`SELECT id, k FROM hangs ORDER BY id`, `1|11`, `2|11`, `3|12`)
	a.Expect(`SELECT id, k FROM strict`, `1|11`)
	settled(t, tables, a, c)
	c.Expect("SELECT id, mail FROM `keys` ORDER BY id", `11|"one"`, `12|"two"`)
	c.Expect(`SELECT COUNT(*) FROM sync_conflicts WHERE policy = 'foreignKey'`, `5`)
}
