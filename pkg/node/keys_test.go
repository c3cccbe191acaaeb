package node_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// keyCase is a table with a primary key and rows that it distinguishes, the parts of each key as SQL.
type keyCase struct {
	ddl     string
	columns []string
	keys    [][]string
}

// oneColumn is a table whose key is the column id.
func oneColumn(ddl string, keys ...string) keyCase {
	k := keyCase{ddl: "id " + ddl + " PRIMARY KEY", columns: []string{"id"}}
	for _, key := range keys {
		k.keys = append(k.keys, []string{key})
	}
	return k
}

var keyCases = map[string]keyCase{
	"k_integer":  oneColumn("BIGINT", "-9223372036854775808", "9223372036854775807", "-1", "0"),
	"k_unsigned": oneColumn("BIGINT UNSIGNED", "18446744073709551615", "9007199254740993"),
	"k_zerofill": oneColumn("INT(8) UNSIGNED ZEROFILL", "7", "12345678"),
	"k_text": oneColumn("VARCHAR(50) COLLATE utf8mb4_bin", `'a,b'`, `'a\\,b'`, `''`, `'😀'`, `'null'`, `'0x41'`, `' lead'`,
		`'quote\'s "'`),
	"k_uuid": oneColumn("BINARY(16)", "UNHEX('00112233445566778899AABBCCDDEEFF')", "UNHEX('61620000000000000000000000000000')",
		"REPEAT('a', 16)"),
	"k_longtext": oneColumn("VARCHAR(768) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "REPEAT('😀', 768)",
		"CONCAT(REPEAT('😀', 767), 'x')", "REPEAT('y', 255)"),
	"k_longbin":  oneColumn("VARBINARY(3072)", "REPEAT(X'00FF2C5C', 768)", "CONCAT(REPEAT(X'00FF2C5C', 767), X'00FF2C')", "''", "X'2E'"),
	"k_datetime": oneColumn("DATETIME(6)", "'2025-06-01 12:00:00.000001'", "'2025-06-01 12:00:00.000002'", "'1000-01-01 00:00:00'"),
	"k_stamp":    oneColumn("TIMESTAMP(3)", "'2025-06-01 12:00:00.001'", "'2025-12-01 12:00:00.999'"),
	"k_time":     oneColumn("TIME(2)", "'-01:02:03.04'", "'838:59:59.00'"),
	"k_year":     oneColumn("YEAR", "2000", "'0000'", "2155"),
	"k_decimal":  oneColumn("DECIMAL(20,5)", "1.5", "-1.50000", "0.00001", "0"),
	"k_bit":      oneColumn("BIT(64)", "X'FFFFFFFFFFFFFFFF'", "b'0'"),
	"k_enum":     oneColumn("ENUM('x', 'ü', ',')", "'ü'", "','"),
	"k_latin1":   oneColumn("VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_bin", "'Müller'", "'Mueller'", "'ß,€'"),
	"k_nocase":   oneColumn("VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "'Anna'", "'berta'", "'Ö'"),
	"k_char":     oneColumn("CHAR(5)", "'ab'", "'b'", "'c '"),
	"k_date": {"id DATE, n TINYINT, PRIMARY KEY (id, n)", []string{"id", "n"},
		[][]string{{"'2025-06-01'", "1"}, {"'2025-06-01'", "2"}}},
	"k_composite": {"a VARCHAR(20) COLLATE utf8mb4_bin, b VARCHAR(20) COLLATE utf8mb4_bin, c INT, PRIMARY KEY (a, b, c)",
		[]string{"a", "b", "c"}, [][]string{{`'x,'`, `'y'`, "1"}, {`'x'`, `',y'`, "1"}, {`''`, `''`, "0"}, {`'\\'`, `','`, "-1"},
			{`'\\,'`, `''`, "1"}, {`''`, `'\\'`, "1"}}},
	"k_reversed": {"a INT, b VARBINARY(8), PRIMARY KEY (b, a)", []string{"b", "a"},
		[][]string{{"X'2C'", "1"}, {"X'5C2C'", "1"}, {"''", "2"}, {"X'FF00'", "2"}}},
}

// pairs writes "column = value" for each column of the key.
func (k keyCase) pairs(i int, separator string) string {
	list := make([]string, len(k.columns))
	for j, column := range k.columns {
		list[j] = column + " = " + k.keys[i][j]
	}
	return strings.Join(list, separator)
}

func TestKeysOfAllTypesIdentifyTheirRows(t *testing.T) {
	t.Parallel()
	keysTravel(t, testkit.AnyBroker(t), pair, keyCases)
}

func TestKeysOfAllTypesIdentifyTheirRowsInVersion1(t *testing.T) {
	t.Parallel()
	named := map[string]keyCase{}
	for name, k := range keyCases {
		// An empty id names no row there.
		k.keys = slices.DeleteFunc(slices.Clone(k.keys), func(key []string) bool { return len(key) == 1 && key[0] == "''" })
		named[name] = k
	}
	start := func(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site) {
		a, c := pairOfVersion1(t, b, tables, ddl...)
		for _, s := range []*site{a, c} {
			s.Node.Quiet(notAnnounced, notHeard)
		}
		return a, c
	}
	keysTravel(t, version1Only(t), start, named)
}

// pairing is pair or pairOfVersion1.
type pairing func(t *testing.T, b *testkit.Broker, tables []string, ddl ...string) (*site, *site)

// keysTravel inserts, updates, deletes and re-keys rows by each kind of key, from both sides.
func keysTravel(t *testing.T, b *testkit.Broker, start pairing, cases map[string]keyCase) {
	var tables, ddl, shown, inserts, changes, moves, deletes []string
	for name, k := range cases {
		columns := strings.Join(k.columns, ", ")
		tables = append(tables, name)
		ddl = append(ddl, fmt.Sprintf("CREATE TABLE %s (v INT, %s)", name, k.ddl))
		shown = append(shown, fmt.Sprintf("SELECT '%s' AS t, v, HEX(%s) AS k FROM %s", name, strings.Join(k.columns, "), HEX("), name))
		var rows []string
		for i, key := range k.keys {
			rows = append(rows, fmt.Sprintf("(%d, %s)", i, strings.Join(key, ", ")))
		}
		inserts = append(inserts, fmt.Sprintf("INSERT INTO %s (v, %s) VALUES %s", name, columns, strings.Join(rows, ", ")))
		changes = append(changes, fmt.Sprintf("UPDATE %s SET v = 100 WHERE %s", name, k.pairs(0, " AND ")),
			fmt.Sprintf("DELETE FROM %s WHERE %s", name, k.pairs(1, " AND ")))
		moves = append(moves, fmt.Sprintf("UPDATE %s SET v = 101, %s WHERE %s", name, k.pairs(1, ", "), k.pairs(0, " AND ")))
		deletes = append(deletes, "DELETE FROM "+name)
	}
	a, c := start(t, b, tables, ddl...)
	quiet(a, c)
	alikeAll := func(step string) {
		t.Helper()
		t.Log(step)
		for _, q := range shown {
			testkit.Alike(t, q+" ORDER BY v", a, c)
		}
	}
	a.writer(append([]string{moods}, inserts...)...)
	arrived := `SELECT ` + "(SELECT COUNT(*) FROM " + strings.Join(tables, ") + (SELECT COUNT(*) FROM ") + ")"
	count, err := a.Rows(arrived)
	if err != nil {
		t.Fatal(err)
	}
	c.Expect(arrived, strings.TrimSpace(count))
	alikeAll("inserted")
	c.writer(append([]string{moods}, changes...)...)
	alikeAll("changed and deleted at the other side")
	a.writer(append([]string{moods}, moves...)...)
	alikeAll("moved to another key")
	a.writer(deletes...)
	c.Expect(arrived, "0")
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
		s.Expect(`SELECT primary_key, message FROM sync_status WHERE status <> 'successful'`)
	}
}

func TestKeyChangesMoveTheRow(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"items"}, `CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(20))`)
	quiet(a, c)
	const shown = `SELECT id, name FROM items ORDER BY id`
	a.Exec(`INSERT INTO items VALUES (1, 'one'), (2, 'two'), (3, 'three')`)
	c.Expect(shown, `1|"one"`, `2|"two"`, `3|"three"`)
	a.Exec(`UPDATE items SET id = 10 WHERE id = 1`)
	c.Expect(shown, `2|"two"`, `3|"three"`, `10|"one"`)
	// Two rows swap keys by way of a third one.
	a.Exec(`UPDATE items SET id = -1 WHERE id = 2`, `UPDATE items SET id = 2 WHERE id = 3`, `UPDATE items SET id = 3 WHERE id = -1`)
	c.Expect(shown, `2|"three"`, `3|"two"`, `10|"one"`)
	// All rows move, some to where another one was.
	c.Exec(`UPDATE items SET id = id + 1 ORDER BY id DESC`)
	a.Expect(shown, `3|"three"`, `4|"two"`, `11|"one"`)
	c.Exec(`UPDATE items SET id = id + 100`)
	a.Expect(shown, `103|"three"`, `104|"two"`, `111|"one"`)
}

// TestAKeyThatChangesSpellingMoves: 'a' and 'A' are one key where the collation says so, and two names of it elsewhere.
func TestAKeyThatChangesSpellingMoves(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"words"}, `CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n INT)`)
	const shown = `SELECT w, n FROM words ORDER BY w`
	a.Exec(`INSERT INTO words VALUES ('anna', 1), ('bär', 2)`)
	c.Expect(shown, `"anna"|1`, `"bär"|2`)
	a.Exec(`UPDATE words SET w = 'Anna' WHERE w = 'anna'`, `UPDATE words SET n = 3 WHERE w = 'anna'`)
	c.Expect(shown, `"Anna"|3`, `"bär"|2`)
	c.Exec(`UPDATE words SET w = 'BAR' WHERE w = 'bar'`)
	a.Expect(shown, `"Anna"|3`, `"BAR"|2`)
	c.Exec(`DELETE FROM words WHERE w = 'ANNA'`, `INSERT INTO words VALUES ('ANNA', 5)`)
	a.Expect(shown, `"ANNA"|5`, `"BAR"|2`)
	a.Exec(`DELETE FROM words`)
	c.Expect(shown)
}

func TestStatementsOfManyRowsAreCaptured(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"items", "prices"},
		`CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) UNIQUE, n INT)`,
		`CREATE TABLE prices (item INT PRIMARY KEY, cents INT)`,
		`CREATE TABLE unsynced (id INT, name VARCHAR(20))`)
	quiet(a, c)
	items, prices := `SELECT id, name, n FROM items ORDER BY id`, `SELECT item, cents FROM prices ORDER BY item`
	a.Exec(`INSERT INTO unsynced VALUES (1, 'a'), (2, 'b'), (3, 'c')`)

	a.Exec(`INSERT INTO items SELECT id, name, 0 FROM unsynced`, `INSERT INTO prices VALUES (1, 100), (2, 200), (3, 300)`)
	c.Expect(items, `1|"a"|0`, `2|"b"|0`, `3|"c"|0`)
	c.Expect(prices, `1|100`, `2|200`, `3|300`)
	// It removes the row 2, whose name it wants, and replaces the row 3.
	a.Exec(`REPLACE INTO items VALUES (3, 'b', 7)`)
	c.Expect(items, `1|"a"|0`, `3|"b"|7`)
	// It updates the row 1, by its name, and inserts another.
	a.Exec(`INSERT INTO items VALUES (9, 'a', 1), (5, 'e', 5) ON DUPLICATE KEY UPDATE n = n + 10`)
	c.Expect(items, `1|"a"|10`, `3|"b"|7`, `5|"e"|5`)
	a.Exec(`INSERT IGNORE INTO items VALUES (5, 'x', 0), (6, 'f', 6)`)
	c.Expect(items, `1|"a"|10`, `3|"b"|7`, `5|"e"|5`, `6|"f"|6`)
	c.Exec(`UPDATE items i JOIN prices p ON p.item = i.id SET i.n = 50, p.cents = p.cents + 1`)
	a.Expect(items, `1|"a"|50`, `3|"b"|50`, `5|"e"|5`, `6|"f"|6`)
	a.Expect(prices, `1|101`, `2|200`, `3|301`)
	a.Exec(`DELETE i, p FROM items i JOIN prices p ON p.item = i.id WHERE i.id < 3`)
	c.Expect(items, `3|"b"|50`, `5|"e"|5`, `6|"f"|6`)
	c.Expect(prices, `2|200`, `3|301`)

	mysql.RegisterReaderHandler(t.Name(), func() io.Reader { return strings.NewReader("20,twenty,20\n21,twenty-one,21\n") })
	defer mysql.DeregisterReaderHandler(t.Name())
	a.Exec(`SET GLOBAL local_infile = 1`, `LOAD DATA LOCAL INFILE 'Reader::`+t.Name()+`' INTO TABLE items FIELDS TERMINATED BY ','`)
	c.Expect(items+` LIMIT 3, 9`, `20|"twenty"|20`, `21|"twenty-one"|21`)
}

func TestRolledBackStatementsAreNotSent(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"items"}, `CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(20))`)
	quiet(a, c)
	tx, err := a.DB.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`INSERT INTO items VALUES (1, 'kept')`, `SAVEPOINT s`, `INSERT INTO items VALUES (2, 'undone')`,
		`UPDATE items SET name = 'undone' WHERE id = 1`, `ROLLBACK TO SAVEPOINT s`} {
		if _, err := tx.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.DB.Exec(`INSERT INTO items VALUES (3, 'also not'), (1, 'twice')`); err == nil {
		t.Fatal("the key was there twice")
	}
	a.Exec(`INSERT INTO items VALUES (4, 'last')`)
	c.Expect(`SELECT id, name FROM items ORDER BY id`, `1|"kept"`, `4|"last"`)
	a.Expect(`SELECT primary_key FROM sync_status ORDER BY 1`, `"1"`, `"4"`)
}

func TestNamesThatNeedQuotesAreQuoted(t *testing.T) {
	t.Parallel()
	tables := []string{"back`tick", "two words", "a-dash", "$dollar", "größe_表", "it's", `double"quote`, `back\slash`, "select",
		strings.Repeat("n", 64)}
	columns := []string{"key", "values", "back`tick", "größe", "a b", "it's", "100%?"}
	var ddl []string
	for _, table := range tables {
		var list []string
		for _, column := range columns {
			list = append(list, mysqldb.Quote(column)+" VARCHAR(20)")
		}
		ddl = append(ddl, "CREATE TABLE "+mysqldb.Quote(table)+" ("+strings.Join(list, ", ")+", PRIMARY KEY (`key`, `it's`))")
	}
	for _, version1 := range []bool{false, true} {
		var a, c *site
		if version1 {
			a, c = pairOfVersion1(t, version1Only(t), tables, ddl...)
		} else {
			a, c = pair(t, testkit.AnyBroker(t), tables, ddl...)
		}
		for _, table := range tables {
			q := mysqldb.Quote(table)
			a.Exec("INSERT INTO " + q + " VALUES ('k', '1', '2', '3', '4', '5', '6'), ('gone', '', '', '', '', '', '')")
			c.Expect("SELECT * FROM "+q+" ORDER BY 1 DESC", `"k"|"1"|"2"|"3"|"4"|"5"|"6"`, `"gone"|""|""|""|""|""|""`)
			c.Exec("DELETE FROM "+q+" WHERE `key` = 'gone'", "UPDATE "+q+" SET `it's` = 'x', `values` = 'y'")
			a.Expect("SELECT * FROM "+q, `"k"|"y"|"2"|"3"|"4"|"x"|"6"`)
		}
	}
}
