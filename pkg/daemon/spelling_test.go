package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// spelledTables have keys of which texts have several spellings. The first three columns of all are the same.
func spelledTables(flavour testkit.Flavour) []string {
	newest := "utf8mb4_0900_ai_ci"
	if flavour == testkit.FlavourMariaDB {
		newest = "utf8mb4_uca1400_ai_ci"
	}
	return []string{
		"CREATE TABLE general (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n INT, v INT)",
		"CREATE TABLE newest (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE " + newest + " PRIMARY KEY, n INT, v INT)",
		"CREATE TABLE latin (w CHAR(80) CHARACTER SET latin1 COLLATE latin1_german1_ci PRIMARY KEY, n INT, v INT)",
		"CREATE TABLE composite (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, n INT, v INT, PRIMARY KEY (n, w))",
	}
}

// words are a text's spellings: the first is how node-a writes it, the second how node-b does.
var words = [][2]string{{"bob", "Bob"}, {"rené", "RENE"}, {"a,b\\\\", "A,B\\\\"}, {strings.Repeat("long ", 15) + "x", strings.Repeat("LONG ", 15) + "X"}}

// TestTwoSpellingsOfAKeyAreOneRow writes rows at two nodes that do not hear each other, in two spellings.
func TestTwoSpellingsOfAKeyAreOneRow(t *testing.T) {
	t.Parallel()
	ddl := spelledTables(testkit.Shared(t).Flavour)
	tables := []string{"general", "newest", "latin", "composite"}
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, tables, ddl...)
	quiet(a, c)
	each := func(s *site, statement string, args ...any) {
		t.Helper()
		for _, table := range tables {
			s.exec(fmt.Sprintf(strings.ReplaceAll(statement, "TABLE", table), args...))
		}
	}
	same := func(want string) {
		t.Helper()
		for _, table := range tables {
			a.expect("SELECT COUNT(*), CAST(SUM(v) AS SIGNED) FROM "+table, want)
			alike(t, "SELECT HEX(w), n, v FROM "+table+" ORDER BY n", a, c)
		}
	}
	for i, w := range words {
		c.node.Stop()
		each(a, "INSERT INTO TABLE VALUES ('%s', %d, 1)", w[0], i)
		a.expect(`SELECT COUNT(*) FROM table_changes`, "0")
		a.node.Stop()
		c.start()
		each(c, "INSERT INTO TABLE VALUES ('%s', %d, 2)", w[1], i)
		c.expect(`SELECT COUNT(*) FROM table_changes`, "0")
		a.start()
	}
	same("4|8")
	for _, s := range []*site{a, c} {
		s.expect(`SELECT COUNT(*), COUNT(DISTINCT table_name, row_id) FROM sync_conflicts WHERE loser_origin = 'node-a'`, "16|16")
		s.expect(`SELECT COUNT(*) FROM sync_versions`, "16")
	}
	t.Log("another spelling alone")
	each(a, "UPDATE TABLE SET w = '%s' WHERE w = '%s'", "BOB", "bob")
	same("4|8")
	c.expect(`SELECT w FROM general WHERE n = 0`, `"BOB"`)
	t.Log("another spelling and a value")
	each(c, "UPDATE TABLE SET w = '%s', v = 5 WHERE w = '%s'", "boB", "bob")
	same("4|11")
	a.expect(`SELECT w FROM newest WHERE n = 0`, `"boB"`)
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
		s.expect(testkit.Waiting, `0`)
		s.expect(`SELECT COUNT(*) FROM sync_versions`, "16")
	}
	if code, out := a.verify(); code != 0 {
		t.Fatalf("verify: exit code %d\n%s", code, out)
	}
}

// TestRowsOfAnOlderVersionAreToldApartByTheirCollation starts nodes on databases whose own tables know rows by the bytes of
// their keys, as older versions left them: here a row has two versions, one of the spelling that it has no more.
func TestRowsOfAnOlderVersionAreToldApartByTheirCollation(t *testing.T) {
	t.Parallel()
	a, c := pair(t, testkit.AnyBroker(t), []string{"words", "padded"},
		"CREATE TABLE words (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, v INT)",
		"CREATE TABLE padded (w VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, v INT)")
	quiet(a, c)
	a.exec("INSERT INTO words VALUES ('Anna', 1), ('bert', 1), ('Cid', 1)", "INSERT INTO padded VALUES ('a', 1), ('b ', 1)")
	alike(t, "SELECT w, v FROM words UNION ALL SELECT w, v FROM padded", a, c)
	for _, s := range []*site{a, c} {
		s.expect(testkit.Waiting, `0`)
		s.node.Stop()
		s.exec("UPDATE sync_versions SET row_id = row_key, row_key = NULL WHERE row_key IS NOT NULL", "DROP TABLE sync_spellings",
			"DELETE FROM sync_migrations WHERE number = 12",
			"INSERT INTO sync_versions (table_name, row_id, time, origin, deleted) SELECT 'words', 'anna', time - 1, origin, 1 FROM sync_versions WHERE row_id = 'Anna'")
	}
	a.exec("INSERT INTO sync_outbox (remote, table_name, row_id, position, token) VALUES ('node-b', 'words', 'Cid', 1, 1)")
	for _, s := range []*site{a, c} {
		s.start()
		s.expect("SELECT COUNT(*) FROM sync_versions", "5")
		s.expect("SELECT table_name, form FROM sync_spellings ORDER BY 1", `"padded"|"utf8mb4_bin"`, `"words"|"utf8mb4_general_ci"`)
	}
	a.exec("UPDATE words SET v = 2, w = 'ANNA' WHERE w = 'anna'", "DELETE FROM words WHERE w = 'BERT'", "UPDATE padded SET w = 'a  ', v = 2 WHERE w = 'a'",
		"DELETE FROM padded WHERE w = 'b'")
	c.expect("SELECT w, v FROM words ORDER BY 1", `"ANNA"|2`, `"Cid"|1`)
	c.expect("SELECT w, v FROM padded", `"a  "|2`)
	for _, s := range []*site{a, c} {
		s.expect(testkit.Waiting, `0`)
		s.expect("SELECT COUNT(*) FROM sync_versions", "5")
		s.expect("SELECT COUNT(*) FROM sync_conflicts", "0")
	}
}
