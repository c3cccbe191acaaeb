package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// narrow are columns that hold less at the second site, with a value that fits both, one that the second would change
// silently or with a note, and a part of the error.
var narrow = []struct{ wide, narrow, fits, lost, err string }{
	{"DECIMAL(12,4)", "DECIMAL(12,2)", "1.2300", "1.2345", "1.2345 does not fit DECIMAL(12,2): it would be rounded"},
	{"VARCHAR(20)", "INT", "'2'", "'1.6'", "1.6 does not fit INT"},
	{"DOUBLE", "FLOAT", "0.5", "16777217", "does not fit FLOAT: it would be rounded"},
	{"BIGINT", "DOUBLE", "4711", "9007199254740993", "does not fit DOUBLE"},
	{"DATETIME(6)", "DATETIME", "'2024-02-29 10:11:12'", "'2024-02-29 10:11:12.6'", "2024-02-29 10:11:12.6"},
	{"DATETIME(6)", "DATE", "'2024-02-29'", "'2024-02-29 10:11:12'", "the time of the day would be cut off"},
	{"TIME(3)", "TIME", "'10:11:12'", "'10:11:12.6'", "10:11:12.6"},
	{"TIMESTAMP(6) NULL", "TIMESTAMP NULL", "'2024-02-29 10:11:12'", "'2024-02-29 10:11:12.000001'", "does not fit TIMESTAMP"},
	{"INT", "YEAR", "2024", "24", "24 does not fit YEAR"},
	{"VARCHAR(20)", "CHAR(20)", "'ab'", "'ab '", "a text with spaces at its end"},
	{"VARCHAR(20)", "VARCHAR(4)", "'abcd'", "'abcd '", "a text of 5 characters does not fit VARCHAR(4)"},
	{"TEXT", "TINYTEXT", "'ab'", "CONCAT(REPEAT('ä', 127), '   ')", "a text of 257 bytes"},
	{"VARBINARY(4)", "BINARY(4)", "X'61620000'", "X'6162'", "padded with zero bytes"},
	{"VARCHAR(20)", "ENUM('a','b')", "'b'", "'2'", `"2" does not fit ENUM('a','b')`},
	{"VARCHAR(20)", "SET('a','b')", "'b,a'", "'3'", `"3" does not fit SET('a','b')`},
	{"VARCHAR(20)", "BIT(16)", "'5'", "'ab'", "does not fit BIT(16)"},
	{"INT", "INT NOT NULL", "1", "NULL", "NULL does not fit INT"},
	{"TIMESTAMP NULL", "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", "'2024-02-29 10:11:12'", "NULL", "NULL does not fit TIMESTAMP"},
	{"VARCHAR(20)", "VARCHAR(20) CHARACTER SET latin1", "'ü'", "'Ω'", "latin1: the character set lacks a character"},
	{"DOUBLE", "FLOAT(7,2)", "1.5", "123456789", "does not fit FLOAT(7,2)"},
	{"DOUBLE", "DOUBLE(9,3)", "1.5", "1.0005", "1.0005"},
	{"LONGTEXT", "JSON", "'{}'", "'{'", ""},
	{"GEOMETRY", "POINT", "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(0 0,1 1)')", "POINT"},
	{"LONGBLOB", "POINT", "CONCAT(X'00000000', ST_AsWKB(ST_GeomFromText('POINT(1 2)')))", "X'61'", "geometry object"},
}

func TestAValueThatTheReceiverWouldChangeIsAnError(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"narrow"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"narrow"}, nil)
	var there, here, names, values, lost, wanted []string
	for i, n := range narrow {
		name := fmt.Sprintf("c%02d", i)
		here, there = append(here, name+" "+n.wide), append(there, name+" "+n.narrow)
		names, values = append(names, name), append(values, n.fits)
		lost = append(lost, fmt.Sprintf("UPDATE narrow SET touched = 1, %s = %s WHERE id = %d", name, n.lost, 100+i))
		wanted = append(wanted, fmt.Sprintf(`"%d"`, 100+i))
	}
	const table = "CREATE TABLE narrow (id INT AUTO_INCREMENT PRIMARY KEY, touched INT NOT NULL DEFAULT 0, %s) DEFAULT CHARSET utf8mb4 AUTO_INCREMENT = 100"
	a.Exec(fmt.Sprintf(table, strings.Join(here, ", ")))
	c.Exec(fmt.Sprintf(table, strings.Join(there, ", ")))
	a.start()
	c.start()
	synced(a, c)
	row := "(" + strings.Join(values, ", ") + ")"
	a.Exec("INSERT INTO narrow (" + strings.Join(names, ", ") + ") VALUES " + row + strings.Repeat(", "+row, len(narrow)))
	c.Expect("SELECT COUNT(*) FROM narrow", fmt.Sprint(len(narrow)+1))
	a.writer(append([]string{moods}, lost...)...)
	a.Expect(`SELECT primary_key FROM sync_status WHERE status = 'error' ORDER BY primary_key`, wanted...)
	for i, n := range narrow {
		message, err := a.Rows(fmt.Sprintf("SELECT message FROM sync_status WHERE primary_key = '%d'", 100+i))
		column := false
		for _, form := range []string{"table narrow: column c%02d: ", "column 'c%02d'", "`c%02d`", "narrow.c%02d", "column '.c%02d'", "one of the columns c22, c%02d: "} {
			column = column || strings.Contains(message, fmt.Sprintf(form, i))
		}
		if err != nil || !column || !strings.Contains(strings.ReplaceAll(message, `\`, ""), n.err) {
			t.Errorf("%s into %s: %s %v, want %s", n.wide, n.narrow, message, err, n.err)
		}
	}
	c.Expect(`SELECT COUNT(*) FROM narrow WHERE touched = 1`, "0") // nothing of it was stored
	// An edit of a fitting value comes back unchanged.
	last := 100 + len(narrow)
	c.Exec(fmt.Sprintf(`UPDATE narrow SET touched = 2 WHERE id = %d`, last))
	a.Expect(fmt.Sprintf(`SELECT touched, c00, c11 FROM narrow WHERE id = %d`, last), `2|"1.2300"|"ab"`)
	// Once the column can hold it, it goes through by itself.
	c.Exec(`ALTER TABLE narrow MODIFY c00 DECIMAL(12,4), MODIFY c04 DATETIME(6)`)
	c.Expect(`SELECT id, c00 FROM narrow WHERE c00 <> 1.23`, `100|"1.2345"`)
	c.Expect(`SELECT id FROM narrow WHERE c04 LIKE '%12.600000'`, `104`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, fmt.Sprint(len(narrow)-2))
}

func TestAllowedLossIsRecordedButNotInKeys(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	tables := []string{"orders", "tags"}
	a := newSite(t, b, "node-a", []string{"node-b"}, tables, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, tables, map[string]any{"allowLossy": map[string]any{"orders": []string{"price"}, "tags": []string{"*"}}})
	a.Exec(`CREATE TABLE orders (id INT PRIMARY KEY, price DECIMAL(12,4), made DATETIME(6))`, `CREATE TABLE tags (name VARCHAR(10) PRIMARY KEY, note VARCHAR(10))`)
	c.Exec(`CREATE TABLE orders (id INT PRIMARY KEY, price DECIMAL(12,2), made DATETIME)`, `CREATE TABLE tags (name CHAR(10) PRIMARY KEY, note VARCHAR(4))`)
	a.start()
	c.start()
	synced(a, c)
	a.Exec(`INSERT INTO orders VALUES (1, 1.2345, '2024-02-29 10:11:12'), (2, 1.2345, '2024-02-29 10:11:12.5'), (3, 7, '2024-02-29 10:11:12')`,
		`INSERT INTO tags VALUES ('red', 'warm '), ('blue ', ''), ('green', 'colder')`)
	a.Expect(`SELECT table_name, primary_key, status FROM sync_status ORDER BY 1, 2`,
		`"orders"|"1"|"successful"`, `"orders"|"2"|"error"`, `"orders"|"3"|"successful"`, `"tags"|"blue "|"error"`, `"tags"|"green"|"error"`, `"tags"|"red"|"successful"`)
	c.Expect(`SELECT * FROM orders ORDER BY id`, `1|"1.23"|"2024-02-29 10:11:12"`, `3|"7.00"|"2024-02-29 10:11:12"`)
	c.Expect(`SELECT * FROM tags`, `"red"|"warm"`)
	a.Exec(`UPDATE orders SET price = 2.3456 WHERE id = 1`)
	c.Expect(`SELECT price FROM orders WHERE id = 1`, `"2.35"`)
	if n := strings.Count(strings.Join(c.Node.Log(), "\n"), "values are altered to fit the column"); n != 2 {
		t.Errorf("the log has %d lines on changed values, want one for each column", n)
	}
	c.scraped(`mysql_sync_altered_values_total{table="orders"} 2`, `mysql_sync_altered_values_total{table="tags"} 1`)
}

func TestVersion1SpellingsThatFitAreAccepted(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	a, p := withPeer(t, `CREATE TABLE spelled (id INT PRIMARY KEY, day DATE, at DATETIME, ts TIMESTAMP NULL, tm TIME, y YEAR, n INT, price DECIMAL(10,2), f FLOAT, ok TINYINT(1), kind ENUM('a','b'))`)
	a.start()
	p.connect().greet("node-a")
	for i, x := range []struct{ entity, column, want string }{
		{`"day":"2024-01-01 00:00:00.000000"`, "day", "2024-01-01"},
		{`"day":"2024-01-01T00:00:00.000Z"`, "day", "2024-01-01"},
		{`"at":"2024-01-01 10:11:12.000000"`, "at", "2024-01-01 10:11:12"},
		{`"at":"2024-01-01T10:11:12.000Z"`, "at", "2024-01-01 10:11:12"},
		{`"at":"2024-01-01"`, "at", "2024-01-01 00:00:00"},
		{`"ts":"2024-01-01T10:11:12+02:00"`, "CONVERT_TZ(ts, @@time_zone, '+00:00')", "2024-01-01 08:11:12"},
		{`"tm":"10:11:12.000000"`, "tm", "10:11:12"},
		{`"y":2024`, "y", "2024"},
		{`"n":12.0`, "n", "12"},
		{`"n":"12"`, "n", "12"},
		{`"price":1234.5`, "price", "1234.50"},
		{`"price":"1234.500"`, "price", "1234.50"},
		{`"f":0.1`, "f", "0.1"},
		{`"ok":true`, "ok", "1"},
		{`"kind":"b"`, "kind", "b"},
	} {
		id := fmt.Sprint(i + 1)
		date := p.send("node-a", "spelled", id, `{"id":"`+id+`",`+x.entity+`}`)
		if got := p.expectAnswer(id, date); got.Message != "data_received" {
			t.Errorf("%s: %+v", x.entity, got)
		}
		a.Expect(`SELECT CONCAT('', `+x.column+`) FROM spelled WHERE id = `+id, `"`+x.want+`"`)
	}
	// A value that the column would round to its current one is no echo of it.
	date := p.send("node-a", "spelled", "11", `{"id":"11","price":"1234.5001"}`)
	if got := p.expectAnswer("11", date); got.Message != "error" || !strings.Contains(got.Args.Message, "1234.5001 does not fit DECIMAL(10,2)") {
		t.Errorf("a price that would be rounded: %+v", got)
	}
}

// Rows that are left as they are need not fit, and neither need losers.
func TestUnwrittenRowsNeedNotFit(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"prices"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"prices"}, nil)
	a.Exec(`CREATE TABLE prices (id INT PRIMARY KEY, price DECIMAL(12,4))`, `INSERT INTO prices VALUES (1, 1.2345), (2, 2)`)
	c.Exec(`CREATE TABLE prices (id INT PRIMARY KEY, price DECIMAL(12,2))`, `INSERT INTO prices VALUES (1, 1.23)`)
	a.start()
	c.start()
	synced(a, c)
	c.Expect(`SELECT * FROM prices ORDER BY id`, `1|"1.23"`, `2|"2.00"`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, `0`)
	// Both write; a's row is earlier, and is kept as the loser.
	c.Node.Kill()
	a.Exec(`UPDATE prices SET price = 7.7777 WHERE id = 1`)
	a.Later()
	c.Exec(`UPDATE prices SET price = 8 WHERE id = 1`)
	c.start()
	a.Expect(`SELECT price FROM prices WHERE id = 1`, `"8.0000"`)
	c.Expect(`SELECT price FROM prices WHERE id = 1`, `"8.00"`)
	a.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, `0`)
	a.Expect(testkit.Waiting, `0`)
}
