package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// keyType is a type that a key's column may have.
type keyType struct {
	name, ddl string
	only      testkit.Flavour // that has the type; empty: both
	limits    []string        // values as SQL, in the order of the index
	more      string          // as SQL, another value for each n from 0 to 1099; empty: the type has too few
}

const (
	binaryText = " COLLATE utf8mb4_bin"
	noCase     = " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
)

var keyTypes = []keyType{
	{"tiny", "TINYINT", "", []string{"-128", "0", "127"}, ""},
	{"bigint", "BIGINT", "", []string{"-9223372036854775808", "-9223372036854775807", "9223372036854775806", "9223372036854775807"}, "n - 500"},
	{"unsigned", "BIGINT UNSIGNED", "", []string{"0", "9007199254740992", "9007199254740993", "18446744073709551614", "18446744073709551615"},
		"9007199254741000 + n"},
	{"zerofill", "INT(6) UNSIGNED ZEROFILL", "", []string{"1", "7", "1234567"}, "n + 100"},
	{"dec18", "DECIMAL(18,0)", "", []string{"-999999999999999999", "999999999999999998", "999999999999999999"}, "9007199254740992 + n"},
	{"dec38", "DECIMAL(38,10)", "", []string{"-1.0000000001", "0", "1234567890123456789012345678.0000000001", "1234567890123456789012345678.0000000002"},
		"9007199254740992 + n * 0.0000000001"},
	{"dec65", "DECIMAL(65,30)", "", []string{"-99999999999999999999999999999999999.999999999999999999999999999999", "0.000000000000000000000000000001",
		"12345678901234567890123456789012345.123456789012345678901234567890", "12345678901234567890123456789012345.123456789012345678901234567891"},
		"n * 1000000000000.000000000000000001"},
	{"bit", "BIT(64)", "", []string{"b'0'", "X'0020000000000001'", "X'FFFFFFFFFFFFFFFE'", "X'FFFFFFFFFFFFFFFF'"}, "9007199254750992 + n"},
	{"binary", "BINARY(8)", "", []string{"''", "X'2C5C'", "X'61'", "X'6100000000000001'", "X'FFFFFFFFFFFFFFFF'"}, "LPAD(n, 8, 'n')"},
	{"varbinary", "VARBINARY(80)", "", []string{"''", "X'00'", "X'0000'", "X'61'", "X'6100'", "X'6120'", "REPEAT(X'FE', 80)"}, "CONCAT(REPEAT('n', n % 77), n)"},
	{"varchar", "VARCHAR(80)" + binaryText, "", []string{"''", "'A'", "'a'", "'a,b'", `'a\\'`, "'ä'", "'😀'", "REPEAT('😀', 80)"}, "CONCAT(REPEAT('ü', n % 76), n)"},
	{"nocase", "VARCHAR(80)" + noCase, "", []string{"''", "'Anna'", "'berta'", "'Ö'"}, "CONCAT('Nr ', n)"},
	{"latin", "VARCHAR(80) CHARACTER SET latin1", "", []string{"''", "'5 €'", "'Müller'", "'ß'"}, "CONCAT('Nr ', n)"},
	{"utf8mb3", "VARCHAR(80) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci", "", []string{"''", "'Müller'", "'ß'"}, "CONCAT('Größe ', n)"},
	{"utf16", "VARCHAR(80) CHARACTER SET utf16", "", []string{"''", "'Müller'", "'😀'"}, "CONCAT('Größe ', n)"},
	{"newest", "VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs", testkit.FlavourMySQL, []string{"''", "'a'", "'a '", "'A'"}, "CONCAT('Größe ', n)"},
	{"char", "CHAR(12) CHARACTER SET utf8mb4" + binaryText, "", []string{"''", "' a'", "'a'", "'ä'"}, "CONCAT('c', n)"},
	{"date", "DATE", "", []string{"'0000-00-00'", "'2001-00-00'", "'2001-02-31'", "'9999-12-31'"}, "'1900-01-01' + INTERVAL n DAY"},
	{"datetime", "DATETIME(6)", "", []string{"'0000-00-00'", "'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999998'", "'9999-12-31 23:59:59.999999'"},
		"'2024-03-31 00:30:00' + INTERVAL n MINUTE"},
	{"stamp", "TIMESTAMP(3) NOT NULL DEFAULT '2000-01-01'", "", []string{"'0000-00-00'", "'1970-01-02 00:00:01.001'", "'2038-01-18 03:14:07.998'", "'2038-01-18 03:14:07.999'"},
		"'2024-03-30 00:30:00' + INTERVAL n HOUR"},
	{"time", "TIME(2)", "", []string{"'-838:59:59.00'", "'-00:00:00.01'", "'00:00:00.00'", "'838:59:59.00'"}, "SEC_TO_TIME(7 * n - 3000)"},
	{"year", "YEAR", "", []string{"'0000'", "1901", "2000", "2155"}, ""},
	{"enum", "ENUM('zebra', 'ant', 'it''s', 'Über', ',', 'mole')", "", []string{"0", "'zebra'", "'ant'", `'it\'s'`, "'Über'", "','", "'mole'"}, ""},
	{"set", "SET('z', 'b', 'ü', 'a', 'c', 'd', 'e', 'f', 'g', 'h', 'i')", "", []string{"''", "'z'", "'b'", "'z,b'", "'a'", "'z,b,ü,a,c,d,e,f,g,h,i'"},
		"100 + n"},
	{"uuid", "UUID", testkit.FlavourMariaDB, []string{"'00000000-0000-0000-0000-000000000000'", "'2f9c0c20-5d00-11ee-8c99-0242ac120002'", "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'"},
		"CONCAT('2f9c0c20-5d00-41ee-8c99-', LPAD(n, 12, '0'))"},
	{"inet6", "INET6", testkit.FlavourMariaDB, []string{"'::'", "'::ffff:1.2.3.4'", "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'"}, "CONCAT('2001:DB8::', n)"},
}

// TestRowsOfEveryKeyTypeArriveAndAreFound has tables with each type as their key, alone, before and after another
// column, and more rows than a chunk. Of these, the first of each value are then changed and deleted at either side.
func TestRowsOfEveryKeyTypeArriveAndAreFound(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	var tables, ddl, fill []string
	for _, k := range keyTypes {
		if k.only != "" && (k.only != server.Flavour || !server.HasType(k.ddl)) {
			continue
		}
		alone, before, behind := "k_"+k.name, "b_"+k.name, "l_"+k.name
		tables = append(tables, alone, before, behind)
		ddl = append(ddl, fmt.Sprintf("CREATE TABLE %s (id %s PRIMARY KEY, v INT)", alone, k.ddl),
			fmt.Sprintf("CREATE TABLE %s (v INT, n INT, id %s, PRIMARY KEY (id, n))", before, k.ddl),
			fmt.Sprintf("CREATE TABLE %s (id %s, v INT, n INT, PRIMARY KEY (n, id))", behind, k.ddl))
		each := 1100/len(k.limits) + 1
		for i, value := range k.limits {
			fill = append(fill, fmt.Sprintf("INSERT INTO %s (id, v) VALUES (%s, %d)", alone, value, -i),
				fmt.Sprintf("INSERT INTO %s (id, n, v) SELECT %s, n, n FROM numbers WHERE n < %d", before, value, each),
				fmt.Sprintf("INSERT INTO %s (id, n, v) SELECT %s, n, n FROM numbers WHERE n < 50", behind, value))
		}
		if k.more != "" {
			fill = append(fill, fmt.Sprintf("INSERT INTO %s (id, v) SELECT %s, n FROM numbers", alone, k.more))
		}
	}
	a, c := newPair(t, testkit.AnyBroker(t), tables, ddl...)
	a.Exec(`CREATE TABLE digits (d INT)`, `INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)`,
		`CREATE TABLE numbers (n INT)`, `INSERT INTO numbers SELECT w.d * 1000 + x.d * 100 + y.d * 10 + z.d FROM digits w, digits x, digits y, digits z
			WHERE w.d * 1000 + x.d * 100 + y.d * 10 + z.d < 1100`)
	a.writer(append([]string{moods}, fill...)...)
	a.start()
	c.start()
	quiet(a, c)
	same := func(step string) {
		t.Helper()
		t.Log(step)
		for _, table := range tables {
			testkit.Alike(t, "SELECT COUNT(*), COUNT(DISTINCT id), SUM(v), BIT_XOR(CRC32(CONCAT_WS('|', HEX(id), v))) FROM "+table, a, c)
		}
	}
	synced(a, c)
	same("all are sent at first")
	each := func(s *site, statement string) {
		t.Helper()
		statements := []string{moods}
		for _, table := range tables {
			statements = append(statements, fmt.Sprintf(statement, table))
		}
		s.writer(statements...)
	}
	each(c, "UPDATE %s SET v = v + 1 WHERE v < 60 AND v MOD 3 = 0")
	same("updated at the other side")
	each(a, "DELETE FROM %s WHERE v < 60 AND v MOD 5 < 2")
	same("deleted")
	var again []string
	for _, statement := range fill {
		again = append(again, strings.Replace(statement, "INSERT INTO", "INSERT IGNORE INTO", 1))
	}
	a.writer(append([]string{moods}, again...)...)
	same("inserted again")
	for _, s := range []*site{a, c} {
		s.Expect(testkit.Waiting, `0`)
		s.Expect(`SELECT primary_key, message FROM sync_status WHERE status <> 'successful'`)
	}
	if code, out := a.verify(); code != 0 {
		t.Fatalf("verify: exit code %d\n%s", code, out)
	}
	each(a, "DELETE FROM %s WHERE v < 61")
	for _, table := range tables {
		c.Expect("SELECT COUNT(*) FROM "+table+" WHERE v < 61", "0")
	}
	same("deleted again")
}
