package node_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// spelledTables have keys with texts that have several spellings. The first three columns of all are the same.
func spelledTables(server *testkit.Database) []string {
	newest := "utf8mb4_0900_ai_ci"
	switch {
	case server.HasType("utf8mb4_uca1400_ai_ci"):
		newest = "utf8mb4_uca1400_ai_ci"
	case server.Flavour == testkit.FlavourMariaDB:
		newest = "utf8mb4_unicode_520_ci"
	}
	return []string{
		"CREATE TABLE general (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n INT, v INT)",
		"CREATE TABLE newest (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE " + newest + " PRIMARY KEY, n INT, v INT)",
		"CREATE TABLE latin (w CHAR(80) CHARACTER SET latin1 COLLATE latin1_german1_ci PRIMARY KEY, n INT, v INT)",
		"CREATE TABLE composite (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, n INT, v INT, PRIMARY KEY (n, w))",
	}
}

// words are spellings of a text: the first is node-a's, the second node-b's.
var words = [][2]string{{"bob", "Bob"}, {"rené", "RENE"}, {"a,b\\\\", "A,B\\\\"}, {strings.Repeat("long ", 15) + "x", strings.Repeat("LONG ", 15) + "X"}}

// TestTwoSpellingsOfAKeyAreOneRow writes rows in two spellings, at two nodes that do not hear each other.
func TestTwoSpellingsOfAKeyAreOneRow(t *testing.T) {
	t.Parallel()
	ddl := spelledTables(testkit.Shared(t))
	tables := []string{"general", "newest", "latin", "composite"}
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, tables, ddl...)
	quiet(a, c)
	each := func(s *site, statement string, args ...any) {
		t.Helper()
		for _, table := range tables {
			s.Exec(fmt.Sprintf(strings.ReplaceAll(statement, "TABLE", table), args...))
		}
	}
	same := func(want string) {
		t.Helper()
		for _, table := range tables {
			a.Expect("SELECT COUNT(*), CAST(SUM(v) AS SIGNED) FROM "+table, want)
			testkit.Alike(t, "SELECT HEX(w), n, v FROM "+table+" ORDER BY n", a, c)
		}
	}
	for i, w := range words {
		c.Node.Stop()
		each(a, "INSERT INTO TABLE VALUES ('%s', %d, 1)", w[0], i)
		a.Recorded()
		a.Node.Stop()
		c.start()
		each(c, "INSERT INTO TABLE VALUES ('%s', %d, 2)", w[1], i)
		c.Recorded()
		a.start()
	}
	same("4|8")
	lost := map[string]bool{} // kept at one node or at both, depending on which hears of the other first
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM sync_versions`, "16")
		rows, err := s.Rows(`SELECT table_name, HEX(row_id), loser_origin FROM sync_conflicts`)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(rows) {
			lost[line] = strings.Contains(line, "node-a")
		}
	}
	if len(lost) != 16 || slices.Contains(slices.Collect(maps.Values(lost)), false) {
		t.Fatalf("of 16 losers, all of node-a, %v are kept", lost)
	}
	t.Log("another spelling alone")
	each(a, "UPDATE TABLE SET w = '%s' WHERE w = '%s'", "BOB", "bob")
	same("4|8")
	c.Expect(`SELECT w FROM general WHERE n = 0`, `"BOB"`)
	t.Log("another spelling and a value")
	each(c, "UPDATE TABLE SET w = '%s', v = 5 WHERE w = '%s'", "boB", "bob")
	same("4|11")
	a.Expect(`SELECT w FROM newest WHERE n = 0`, `"boB"`)
	t.Log("deleted in one spelling, inserted in another")
	for i, w := range words {
		each(a, "DELETE FROM TABLE WHERE w = '%s'", w[0])
		each(a, "INSERT INTO TABLE VALUES ('%s', %d, 7)", w[0], i)
	}
	same("4|28")
	t.Log("deleted")
	each(c, "DELETE FROM TABLE WHERE w = '%s'", "bOb")
	same("3|21")
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
		s.Expect(`SELECT COUNT(*) FROM sync_versions`, "16")
	}
	if code, out := a.verify(); code != 0 {
		t.Fatalf("verify: exit code %d\n%s", code, out)
	}
}

// TestRowsOfAnOlderVersionAreDistinguishedByCollation starts nodes on databases whose own tables identify rows by the bytes
// of their keys, as older versions did: here a row has two versions, one for a spelling that it no longer has.
func TestRowsOfAnOlderVersionAreDistinguishedByCollation(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"words", "padded"},
		"CREATE TABLE words (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)",
		"CREATE TABLE padded (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, v INT)")
	quiet(a, c)
	a.Exec("INSERT INTO words VALUES ('Anna', 1), ('bert', 1), ('Cid', 1)", "INSERT INTO padded VALUES ('a', 1), ('b ', 1)")
	testkit.Alike(t, "SELECT w, v FROM words UNION ALL SELECT w, v FROM padded", a, c)
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
		s.Node.Stop()
		s.Exec("UPDATE sync_versions SET row_id = row_key, row_key = NULL WHERE row_key IS NOT NULL",
			"DELETE FROM sync_spellings", // as its migration leaves it
			"INSERT INTO sync_versions (table_name, row_id, time, origin, deleted) SELECT 'words', 'anna', time - 1, origin, 1 FROM sync_versions WHERE row_id = 'Anna'")
	}
	a.Exec("INSERT INTO sync_outbox (remote, table_name, row_id, position, token) VALUES ('node-b', 'words', 'Cid', 1, 1)")
	for _, s := range []*site{a, c} {
		s.start()
		s.Expect("SELECT COUNT(*) FROM sync_versions", "5")
		s.Expect("SELECT table_name, form FROM sync_spellings ORDER BY 1", `"padded"|"utf8mb4_bin"`, `"words"|"utf8mb4_general_ci"`)
	}
	a.Exec("UPDATE words SET v = 2, w = 'ANNA' WHERE w = 'anna'", "DELETE FROM words WHERE w = 'BERT'", "UPDATE padded SET w = 'a  ', v = 2 WHERE w = 'a'",
		"DELETE FROM padded WHERE w = 'b'")
	c.Expect("SELECT w, v FROM words ORDER BY 1", `"ANNA"|2`, `"Cid"|1`)
	c.Expect("SELECT w, v FROM padded", `"a  "|2`)
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
		s.Expect("SELECT COUNT(*) FROM sync_versions", "5")
		s.Expect("SELECT COUNT(*) FROM sync_conflicts", "0")
	}
}

// TestSpellingsAmongThreeNodes has rows with another unique key, and with children, written concurrently in several spellings
// at three nodes.
func TestSpellingsAmongThreeNodes(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"people", "posts"}
	sites := network(t, b, map[string][]string{"node-a": {"node-b", "node-c"}, "node-b": {"node-a", "node-c"}, "node-c": {"node-a", "node-b"}}, tables,
		"CREATE TABLE people (w VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci PRIMARY KEY, mail VARCHAR(40) UNIQUE, v INT)",
		`CREATE TABLE posts (id INT PRIMARY KEY, w VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, v INT,
			FOREIGN KEY (w) REFERENCES people (w) ON DELETE CASCADE ON UPDATE CASCADE)`)
	nodes := all(sites)
	same := func(want ...string) {
		t.Helper()
		nodes[0].Expect("SELECT v FROM people ORDER BY v", want...)
		testkit.Alike(t, "SELECT HEX(w), mail, v FROM people ORDER BY v", nodes...)
		testkit.Alike(t, "SELECT id, HEX(w), v FROM posts ORDER BY id", nodes...)
	}
	nodes[0].Exec("INSERT INTO people VALUES ('anna', 'a@x', 1), ('bob', 'b@x', 2)", "INSERT INTO posts VALUES (1, 'Anna', 1), (2, 'BOB', 2)")
	same("1", "2")
	nodes[1].Exec("UPDATE people SET w = 'ANNA', v = 3 WHERE w = 'anna'", "UPDATE posts SET v = 5 WHERE id = 2")
	same("2", "3")
	nodes[2].Expect("SELECT w FROM posts WHERE id = 1", `"ANNA"`) // as the cascade spelled it at the origin
	for i, name := range []string{"Ämil", "AMIL", "amil"} {
		// The late node already has another one's row.
		nodes[i].Exec(fmt.Sprintf("INSERT IGNORE INTO people VALUES ('%s', 'm@x', 9)", name), fmt.Sprintf("INSERT INTO posts VALUES (%d, '%s', 0)", 10+i, name))
	}
	same("2", "3", "9")
	nodes[2].Expect("SELECT COUNT(*) FROM posts WHERE w = 'amil'", "3")
	nodes[2].Exec("UPDATE people SET mail = 'new@x' WHERE w = 'bob'", "UPDATE people SET mail = 'b@x', w = 'Amil', v = 10 WHERE w = 'amil'")
	same("2", "3", "10")
	nodes[0].Exec("DELETE FROM people WHERE w = 'aNNa'")
	same("2", "10")
	rest(nodes...)
	for _, s := range nodes {
		s.Expect("SELECT primary_key, message FROM sync_status WHERE status = 'error'")
		s.Expect("SELECT COUNT(*) FROM sync_versions WHERE table_name = 'people'", "3")
	}
}

// colliding starts two nodes: rows that the second one tells apart are one row at the first.
func colliding(t *testing.T) (a, c *site) {
	t.Helper()
	a, c = newPair(t, testkit.AnyBroker(t), []string{"words"})
	a.Exec("CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)")
	c.Exec("CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, v INT)")
	a.start()
	c.start()
	synced(a, c)
	return a, c
}

// TestRowsThatCollideUnderAnotherCollationAreReported has a site with two rows that are one at another.
func TestRowsThatCollideUnderAnotherCollationAreReported(t *testing.T) {
	t.Parallel()
	a, c := colliding(t)
	c.Exec("INSERT INTO words VALUES ('bob', 1)", "INSERT INTO words VALUES ('Bob', 2)", "INSERT INTO words VALUES ('eve', 3)")
	a.Expect("SELECT w, v FROM words ORDER BY w", `"Bob"|2`, `"eve"|3`)
	a.Expect("SELECT primary_key, loser_row FROM sync_conflicts", `"Bob"|"{\"w\":\"bob\",\"v\":\"1\"}"`)
	a.Exec("UPDATE words SET v = 4 WHERE w = 'bob'", "DELETE FROM words WHERE w = 'EVE'")
	c.Expect("SELECT w, v FROM words ORDER BY w", `"Bob"|4`, `"bob"|1`)
	rest(a, c)
}

// TestOfRowsThatCollideTheLastOneWins, also if they were written in one second while the node was down, of which a log may tell only the second.
func TestOfRowsThatCollideTheLastOneWins(t *testing.T) {
	t.Parallel()
	a, c := colliding(t)
	c.Node.Kill()
	c.Exec("INSERT INTO words VALUES ('BOB', 1)", "INSERT INTO words VALUES ('bob', 2)", "INSERT INTO words VALUES ('Bob', 3)", "INSERT INTO words VALUES ('eve', 4)")
	c.start()
	a.Expect("SELECT w, v FROM words ORDER BY w", `"Bob"|3`, `"eve"|4`)
	rest(a, c)
}

// TestAKeyWithAnotherCollationDistinguishesOtherRows changes the collation while the nodes are running.
func TestAKeyWithAnotherCollationDistinguishesOtherRows(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"words"}, "CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)")
	a.Exec("INSERT INTO words VALUES ('bob', 1), ('eve', 2)", "UPDATE words SET w = 'Bob' WHERE w = 'bob'")
	c.Expect("SELECT w, v FROM words ORDER BY v", `"Bob"|1`, `"eve"|2`)
	rest(a, c)
	for _, s := range []*site{a, c} {
		s.Exec("ALTER TABLE words MODIFY w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
		s.Node.WaitLog("rows are told apart.*utf8mb4_bin")
		s.Expect("SELECT COUNT(*), COUNT(row_key) FROM sync_versions", "2|0")
	}
	a.Exec("INSERT INTO words VALUES ('bob', 3)", "UPDATE words SET v = 4 WHERE w = 'Bob'")
	c.Expect("SELECT w, v FROM words ORDER BY v", `"eve"|2`, `"bob"|3`, `"Bob"|4`)
	c.Exec("DELETE FROM words WHERE w = 'Bob'", "UPDATE words SET v = 5 WHERE w = 'eve'")
	a.Expect("SELECT w, v FROM words ORDER BY v", `"bob"|3`, `"eve"|5`)
	rest(a, c)
	a.Expect("SELECT COUNT(*) FROM sync_conflicts", "0")
}

// TestAnEarlierSpellingIsNotPendingForever respells rows, at their origin and at a hub, while their destination is
// away.
func TestAnEarlierSpellingIsNotPendingForever(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"words"}
	ddl := "CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)"
	x := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	hub := newSite(t, b, "node-b", []string{"node-a", "node-c"}, tables, nil)
	z := newSite(t, b, "node-c", []string{"node-b"}, tables, nil)
	for _, s := range []*site{x, hub, z} {
		s.Exec(ddl)
		s.start()
	}
	synced(x, hub, z)
	z.Node.Stop()
	x.Exec("INSERT INTO words VALUES ('eve', 1)")
	hub.Exec("INSERT INTO words VALUES ('bob', 1)")
	for _, w := range []string{"bob", "eve"} {
		hub.Expect("SELECT status FROM sync_status WHERE remote = 'node-c' AND primary_key = '"+w+"'", `"pending"`)
	}
	x.Exec("UPDATE words SET w = 'Eve' WHERE w = 'eve'")
	hub.Exec("UPDATE words SET w = 'Bob' WHERE w = 'bob'")
	hub.Expect("SELECT primary_key FROM sync_status WHERE remote = 'node-c' ORDER BY 1", `"Bob"`, `"Eve"`)
	x.Exec("DELETE FROM words WHERE w = 'Eve'")
	hub.Exec("DELETE FROM words WHERE w = 'Bob'")
	hub.Expect("SELECT COUNT(*) FROM words", "0")
	hub.Recorded()
	x.Exec("INSERT INTO words VALUES ('EVE', 2)")
	hub.Exec("INSERT INTO words VALUES ('BOB', 2)")
	hub.Expect("SELECT primary_key FROM sync_status WHERE remote = 'node-c' ORDER BY 1", `"BOB"`, `"EVE"`)
	x.Node.Stop()
	hub.pauses(status.PauseAsk{Remote: "node-a"}) // the two meet at the hub
	x.Exec("INSERT INTO words VALUES ('tim', 1)")
	hub.Exec("INSERT INTO words VALUES ('Tim', 2)")
	hub.Expect("SELECT primary_key FROM sync_status WHERE remote = 'node-c' ORDER BY 1", `"BOB"`, `"EVE"`, `"Tim"`)
	x.start()
	hub.Expect("SELECT COUNT(*) FROM sync_conflicts", "1") // what loses respells nothing
	hub.Expect("SELECT primary_key FROM sync_status WHERE remote = 'node-c' AND status = 'pending' ORDER BY 1", `"BOB"`, `"EVE"`, `"Tim"`)
	hub.Expect("SELECT COUNT(*) FROM sync_versions WHERE row_key = 'Tim'", "1")
	hub.resumes(status.ResumeAsk{Remote: "node-a"}, "node-a")
	z.start()
	z.Expect("SELECT w FROM words ORDER BY w", `"BOB"`, `"EVE"`, `"Tim"`)
	for _, s := range []*site{x, hub, z} {
		s.Expect("SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'", "0")
	}
}
