package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// typeCase is a column type with values that a node must carry unchanged.
type typeCase struct {
	ddl    string
	target string   // the type at the second site; empty: the same
	form   string   // shows the column, named %s, independent of the session; empty: HEX
	only   string   // the flavour that has the type; empty: both
	values []string // as SQL
}

var typeCases = []typeCase{
	{ddl: "TINYINT", form: "%s", values: []string{"-128", "127", "0"}},
	{ddl: "SMALLINT UNSIGNED", form: "%s", values: []string{"65535"}},
	{ddl: "MEDIUMINT", form: "%s", values: []string{"-8388608"}},
	{ddl: "INT(10) UNSIGNED ZEROFILL", form: "%s", values: []string{"42", "4294967295"}},
	{ddl: "BIGINT", form: "%s", values: []string{"-9223372036854775808", "9223372036854775807"}},
	{ddl: "BIGINT UNSIGNED", form: "%s", values: []string{"18446744073709551615", "9007199254740993"}},
	{ddl: "DECIMAL(65,30)", form: "%s", values: []string{"12345678901234567890123456789012345.123456789012345678901234567891",
		"-0.000000000000000000000000000001", "0"}},
	{ddl: "FLOAT", form: "(%s+0e0)", values: []string{"0.1", "1e-38", "16777217", "-3.402823466e38", "1.17549435e-38"}},
	{ddl: "DOUBLE", form: "(%s+0e0)", values: []string{"0.1", "1.7976931348623157e308", "2.2250738585072014e-308", "-5e-324", "9007199254740993", "1e21"}},
	{ddl: "BIT(1)", form: "(%s+0)", values: []string{"b'0'", "b'1'"}},
	{ddl: "BIT(64)", form: "(%s+0)", values: []string{"X'FFFFFFFFFFFFFFFF'", "X'8000000000000000'", "X'3132333435363738'"}},
	{ddl: "BINARY(4)", values: []string{"X'61000000'", "X'00000000'", "X'FF200020'"}},
	{ddl: "VARBINARY(10)", values: []string{"''", "X'00'", "X'2000'", "X'C3'", "'0x41'"}},
	{ddl: "BLOB", values: []string{allBytes(), "''"}},
	{ddl: "CHAR(10)", values: []string{"'ab'", "' ab'", "''"}},
	{ddl: "VARCHAR(100)", values: []string{"'😀 ä'", "'trailing  '", "''", `'it\'s "quoted" \\ \n\t\0.'`, `'null'`, "'\u2028'"}},
	{ddl: "VARCHAR(100) CHARACTER SET latin1", target: "VARCHAR(100) CHARACTER SET utf8mb4", form: "HEX(CONVERT(%s USING utf8mb4))",
		values: []string{"'Grüße, 5 €'", "'ÿ'"}},
	{ddl: "LONGTEXT", values: []string{"REPEAT('ä😀', 1000)"}},
	{ddl: "ENUM('', 'one', 'drei, vier', 'fünf')", values: []string{"''", "'one'", "'drei, vier'", "'fünf'"}},
	{ddl: "SET('a', 'b', 'ü')", values: []string{"''", "'a,b,ü'", "'b'"}},
	{ddl: "JSON", values: []string{`'{"a": [1, 2.5, "ü", null, true], "b": {}}'`, `'"text"'`, `'null'`, `'[]'`, `'18446744073709551615'`}},
	{ddl: "TIME(6)", form: "CONCAT('', %s)", values: []string{"'-838:59:58.999999'", "'100:00:00.000001'", "'-00:00:00.000001'", "'00:00:00'"}},
	{ddl: "TIME", form: "CONCAT('', %s)", values: []string{"'838:59:59'"}},
	{ddl: "DATE", form: "CONCAT('', %s)", values: []string{"'0000-00-00'", "'2001-00-00'", "'2001-02-31'", "'9999-12-31'", "'1000-01-01'"}},
	{ddl: "DATETIME(6)", form: "CONCAT('', %s)", values: []string{"'0000-00-00 00:00:00'", "'2001-02-31 01:02:03.4'", "'9999-12-31 23:59:59.999999'"}},
	{ddl: "DATETIME", form: "CONCAT('', %s)", values: []string{"'2025-03-30 02:30:00'"}},
	{ddl: "TIMESTAMP(6) NULL", form: "UNIX_TIMESTAMP(%s)", values: []string{"'2020-02-29 23:59:59.000001'", "'2037-12-31 12:00:00'", "'0000-00-00 00:00:00'"}},
	{ddl: "TIMESTAMP NULL", form: "UNIX_TIMESTAMP(%s)", values: []string{"'1970-01-03 00:00:00'"}},
	{ddl: "YEAR", form: "%s", values: []string{"1901", "2155", "'0000'", "2000"}},
	{ddl: "POINT", values: []string{"ST_GeomFromText('POINT(1.5 -2.25)')", "ST_GeomFromText('POINT(10 20)', 4326)"}},
	{ddl: "GEOMETRY", values: []string{"ST_GeomFromText('POLYGON((0 0, 4 0, 4 4, 0 0))', 4326)", "ST_GeomFromText('LINESTRING(0 0, 1 1)')"}},
	{ddl: "UUID", only: "mariadb", values: []string{"'123E4567-e89b-12d3-a456-426655440000'"}},
	{ddl: "INET6", only: "mariadb", values: []string{"'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.1'"}},
}

// allBytes is a literal of 256 different bytes.
func allBytes() string {
	var b strings.Builder
	for i := range 256 {
		fmt.Fprintf(&b, "%02X", i)
	}
	return "X'" + b.String() + "'"
}

// moods are how the writing sessions differ from a node's session.
const moods = `SET SESSION sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'`

// writer runs statements in a session of its own.
func (s *site) writer(statements ...string) {
	s.t.Helper()
	db := s.Server.Open(s.t, s.Schema)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	for _, q := range statements {
		if _, err := db.Exec(q); err != nil {
			s.t.Fatalf("%s: %v\n%.1000s", s.Name, err, q)
		}
	}
}

// carries sends a row for each value from a to c, and back after a write at c. Each row has a value in one column
// and NULL in all others.
func carries(t *testing.T, a, c *site, expected ...string) {
	t.Helper()
	var there, here, forms, rows []string
	for i, k := range typeCases {
		if k.only != "" && (k.only != string(a.Server.Flavour) || a.Server.Flavour != c.Server.Flavour || !a.Server.HasType(k.ddl)) {
			continue
		}
		name := fmt.Sprintf("c%02d", i)
		here = append(here, name+" "+k.ddl)
		if k.target == "" {
			k.target = k.ddl
		}
		there = append(there, name+" "+k.target)
		if k.form == "" {
			k.form = "HEX(%s)"
		}
		forms = append(forms, fmt.Sprintf(k.form, name))
		for _, v := range k.values {
			rows = append(rows, fmt.Sprintf("INSERT INTO kinds (id, touched, %s) VALUES (%d, 0, %s)", name, len(rows), v))
		}
	}
	const table = "CREATE TABLE kinds (id INT AUTO_INCREMENT PRIMARY KEY, touched INT NOT NULL, "
	a.Exec(table + strings.Join(here, ", ") + ")")
	c.Exec(table + strings.Join(there, ", ") + ")")
	a.start()
	c.start()
	for _, s := range []*site{a, c} {
		s.Node.Quiet(expected...)
	}
	a.writer(append([]string{moods}, rows...)...)
	count := fmt.Sprint(len(rows))
	c.Expect(`SELECT COUNT(*) FROM kinds`, count)
	shown := `SELECT id, touched, ` + strings.Join(forms, ", ") + ` FROM kinds ORDER BY id`
	testkit.Alike(t, shown, a, c)
	before, err := a.Rows(shown)
	if err != nil {
		t.Fatal(err)
	}
	c.writer(moods, `UPDATE kinds SET touched = 1`)
	a.Expect(`SELECT COUNT(*) FROM kinds WHERE touched = 1`, count)
	testkit.Alike(t, shown, a, c)
	a.writer(moods, `UPDATE kinds SET touched = 0`)
	c.Expect(`SELECT COUNT(*) FROM kinds WHERE touched = 0`, count)
	after, err := c.Rows(shown)
	if err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Errorf("the round trip turned\n%s\ninto\n%s", after, before)
	}
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT primary_key, message FROM sync_status WHERE status <> 'successful'`)
	}
}

// between makes two sites on servers of their own.
func between(t *testing.T, b *testkit.Broker, tables []string, one, two *testkit.Database) (*site, *site) {
	t.Helper()
	return newSiteOn(t, one, b, "node-a", []string{"node-b"}, tables, nil),
		newSiteOn(t, two, b, "node-b", []string{"node-a"}, tables, nil)
}

func TestValuesOfAllTypesInBatches(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := between(t, b, []string{"kinds"}, testkit.Server(t, "--default-time-zone=+05:30"), testkit.Server(t, "--default-time-zone=-08:00"))
	tap := newTap(t, b)
	carries(t, a, c)
	if n := tap.count("/change/"); n > 0 {
		t.Errorf("%d changes used version 1", n)
	}
}

// What a node logs sooner or later about a broker that is version1Only.
const (
	notAnnounced = "the broker neither delivers nor keeps the announcement"
	notHeard     = "this node's presence on its own topic does not come back"
)

// version1Only is a broker that withholds the nodes' announcements, so that they take each other for existing peers,
// by an ACL of Mosquitto.
func version1Only(t *testing.T) *testkit.Broker {
	return testkit.Mosquitto(t, testkit.MosquittoOptions{
		ACLText: "topic readwrite /info\ntopic readwrite /info/+\ntopic readwrite /change/+\ntopic write /node/+\ntopic read /batch/#\ntopic readwrite " + mark + "\n",
	})
}

func TestValuesOfAllTypesInVersion1(t *testing.T) {
	t.Parallel()
	b := version1Only(t)
	server := testkit.Shared(t)
	a, c := between(t, b, []string{"kinds"}, server, server)
	tap := newTap(t, b)
	carries(t, a, c, notAnnounced, notHeard)
	if n := tap.count("/change/"); n == 0 {
		t.Error("nothing used version 1")
	}
}

// TestValuesBetweenMariaDBAndMySQL needs both servers, which make test-mysql has.
func TestValuesBetweenMariaDBAndMySQL(t *testing.T) {
	if testkit.Shared(t).Flavour != testkit.FlavourMySQL {
		return // the other tests cover what one flavour can show
	}
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := between(t, b, []string{"kinds"}, testkit.MariaDB(t, "--default-time-zone=+05:30"), testkit.Shared(t))
	carries(t, a, c)
}

func TestARowLargerThanABatchIsSent(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"files"}, `CREATE TABLE files (id INT PRIMARY KEY, body LONGBLOB)`)
	quiet(a, c)
	// Random bytes, so that they are as large on the wire.
	a.Exec(`INSERT INTO files VALUES (1, '')`, `UPDATE files SET body = UNHEX(SHA2(RAND(), 512))`)
	for range 16 { // 64 bytes, 16 times doubled
		a.Exec(`UPDATE files SET body = CONCAT(body, SUBSTR(AES_ENCRYPT(body, RAND()), 1, LENGTH(body)))`)
	}
	a.Exec(`UPDATE files SET body = CONCAT(body, SUBSTR(body, 1, 1048576))`, `INSERT INTO files VALUES (2, 'small')`)
	a.Expect(`SELECT LENGTH(body) FROM files WHERE id = 1`, "5242880")
	a.Expect(`SELECT status, COUNT(*) FROM sync_status GROUP BY status`, `"successful"|2`)
	testkit.Alike(t, `SELECT id, LENGTH(body), SHA2(body, 256) FROM files ORDER BY id`, a, c)
}

// TestValuesOfMegabytesAreUpdated: their statements are prepared, and MySQL cuts such values to 65,535 bytes in a table of values.
func TestValuesOfMegabytesAreUpdated(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"files"}, `CREATE TABLE files (id INT PRIMARY KEY, name VARCHAR(20), body LONGBLOB, text LONGTEXT)`)
	quiet(a, c)
	const bodies = `REPEAT(UNHEX('94F73E00F8E4D2'), 200000)`
	a.Exec(`INSERT INTO files VALUES (1, '?', `+bodies+`, 'é')`, `INSERT INTO files VALUES (2, '', '', ''), (3, 'b', 'c', '')`)
	c.Expect(`SELECT COUNT(*) FROM files`, `3`)
	a.Exec(`UPDATE files SET name = CONCAT(name, '?'), body = CONCAT('a', ` + bodies + `), text = REPEAT('é?', 200000 * id)`)
	c.Expect(`SELECT name, LENGTH(body), LENGTH(text) FROM files ORDER BY id`, `"??"|1400001|600000`, `"?"|1400001|1200000`, `"b?"|1400001|1800000`)
	testkit.Alike(t, `SELECT id, name, SHA2(body, 256), SHA2(text, 256) FROM files ORDER BY id`, a, c)
}

// TestLongValuesUpdatedTogether: MariaDB 10.5.23 and 11.4.5 truncate them to their length modulo 65,536 if they are
// in a UNION.
func TestLongValuesUpdatedTogether(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	const files = `CREATE TABLE files (id INT PRIMARY KEY, body LONGBLOB)`
	const texts = `CREATE TABLE texts (id VARCHAR(40) PRIMARY KEY, body LONGTEXT CHARACTER SET utf8mb4)`
	a, c := pair(t, b, []string{"files", "texts"}, files, texts)
	quiet(a, c)
	for i, length := range []int{3, 65535, 65536, 4, 70000, 131072, 65537, 5} {
		a.Exec(fmt.Sprintf(`INSERT INTO files VALUES (%d, 'old')`, i), fmt.Sprintf(`INSERT INTO texts VALUES ('%d', '%d')`, i, length))
	}
	c.Expect(`SELECT COUNT(*) FROM texts`, `8`)
	c.Expect(`SELECT COUNT(*) FROM files`, `8`)
	c.Node.Stop()
	a.inOne(`UPDATE files f JOIN texts x ON x.id = f.id SET f.body = REPEAT(X'FE', x.body)`,
		`UPDATE texts SET body = CONCAT(REPEAT('a', body - 2), 'ä')`)
	c.start()
	c.Expect(`SELECT LENGTH(f.body), LENGTH(x.body) FROM files f JOIN texts x ON x.id = f.id ORDER BY f.id`,
		`3|3`, `65535|65535`, `65536|65536`, `4|4`, `70000|70000`, `131072|131072`, `65537|65537`, `5|5`)
	testkit.Alike(t, `SELECT id, SHA2(body, 256) FROM files`, a, c)
	testkit.Alike(t, `SELECT id, SHA2(body, 256) FROM texts`, a, c)
}

func TestColumnsThatTheServerFills(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"filled"}, `CREATE TABLE filled (
		id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
		net DECIMAL(10,2) NOT NULL,
		gross DECIMAL(12,4) GENERATED ALWAYS AS (net * 1.19) STORED,
		half DECIMAL(12,4) GENERATED ALWAYS AS (net / 2) VIRTUAL,
		hidden INT DEFAULT 5 INVISIBLE,
		token VARCHAR(40) DEFAULT (CONCAT('t', UUID())),
		made TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
		UNIQUE KEY (gross))`)
	quiet(a, c)
	a.writer(moods, `INSERT INTO filled (id, net, hidden) VALUES (0, 1.00, 7)`, `INSERT INTO filled (net) VALUES (100.50), (200)`)
	const shown = `SELECT id, net, gross, half, hidden, token, made FROM filled ORDER BY id`
	a.Expect(`SELECT id, gross, hidden FROM filled ORDER BY id`, `0|"1.1900"|7`, `1|"119.5950"|5`, `2|"238.0000"|5`)
	c.Expect(`SELECT COUNT(*) FROM filled`, `3`)
	testkit.Alike(t, shown, a, c)
	c.Exec(`UPDATE filled SET net = 3, hidden = NULL WHERE id = 0`)
	a.Expect(`SELECT gross, hidden FROM filled WHERE id = 0`, `"3.5700"|NULL`)
	testkit.Alike(t, shown, a, c)
}

func TestNullAndEmptyStayDistinct(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"notes"}, `CREATE TABLE notes (id INT PRIMARY KEY, txt VARCHAR(10), bin VARBINARY(10), doc TEXT)`)
	quiet(a, c)
	a.Exec(`INSERT INTO notes VALUES (1, '', NULL, ''), (2, NULL, '', NULL)`)
	c.Expect(`SELECT * FROM notes ORDER BY id`, `1|""|NULL|""`, `2|NULL|""|NULL`)
	c.Exec(`UPDATE notes SET txt = NULL, bin = '', doc = NULL WHERE id = 1`)
	a.Expect(`SELECT * FROM notes WHERE id = 1`, `1|NULL|""|NULL`)
}

// TestErrorValuesOfEnumsAreReplicated has rows whose ENUM was given a wrong value: it contains the number 0, which strict
// servers refuse.
func TestErrorValuesOfEnumsAreReplicated(t *testing.T) {
	t.Parallel()
	tables := []string{"moods", "keyed", "narrow"}
	a, c := newPair(t, testkit.AnyBroker(t), tables, "CREATE TABLE moods (id INT PRIMARY KEY, e ENUM('a', 'b'), f ENUM('', 'x'), g ENUM('y') NOT NULL, n INT)",
		"CREATE TABLE keyed (e ENUM('a', 'b'), n INT, v INT, PRIMARY KEY (e, n))")
	a.Exec("CREATE TABLE narrow (id INT PRIMARY KEY, e ENUM('a'), w VARCHAR(20) CHARACTER SET utf8mb4)")
	c.Exec("CREATE TABLE narrow (id INT PRIMARY KEY, e ENUM('a'), w VARCHAR(20) CHARACTER SET latin1)")
	a.start()
	c.start()
	synced(a, c)
	a.writer(moods, "INSERT INTO moods VALUES (1, 'wrong', '', '', 1), (2, 'a', 0, 'y', 2), (3, NULL, NULL, 'wrong', 3), (4, 'b', 'x', 'y', 4)",
		"INSERT INTO keyed VALUES ('wrong', 1, 1), ('a', 1, 2), ('wrong', 2, 3)")
	shown := "SELECT id, e+0, e, f, g+0, n FROM moods ORDER BY id"
	c.Expect("SELECT id, e+0, e, g+0, n FROM moods ORDER BY id", `1|0|""|0|1`, `2|1|"a"|1|2`, `3|NULL|NULL|0|3`, `4|2|"b"|1|4`)
	testkit.Alike(t, "SELECT e+0, n, v FROM keyed ORDER BY v", a, c)
	c.writer(moods, "UPDATE moods SET n = n + 10, e = 'wrong'", "UPDATE keyed SET v = v + 10 WHERE e = 0", "DELETE FROM keyed WHERE e = 0 AND n = 2")
	a.Expect("SELECT CAST(SUM(e+0) AS SIGNED), CAST(SUM(n) AS SIGNED) FROM moods", `0|50`)
	a.Expect("SELECT e+0, n, v FROM keyed ORDER BY v", "1|1|2", "0|1|11")
	a.writer(moods, "UPDATE moods SET e = 'b' WHERE id = 1", "UPDATE keyed SET e = 'b' WHERE e = 0")
	c.Expect("SELECT e+0, e FROM moods WHERE id = 1", `2|"b"`)
	c.Expect("SELECT e+0, n, v FROM keyed ORDER BY v", "1|1|2", "2|1|11")
	testkit.Alike(t, shown, a, c)
	for _, s := range []*site{a, c} {
		s.Node.Quiet() // but not for what follows
		s.Expect(testkit.Waiting, `0`)
	}
	c.Node.Quiet("narrow")
	a.Node.Quiet("narrow")
	t.Log("all else is refused as ever")
	a.writer(moods, "INSERT INTO narrow VALUES (1, 'wrong', 'plain'), (2, 'wrong', '😀')")
	a.Expect("SELECT primary_key, status FROM sync_status WHERE table_name = 'narrow' ORDER BY 1", `"1"|"successful"`, `"2"|"error"`)
	c.Expect("SELECT id, e+0, w FROM narrow", `1|0|"plain"`)
}
