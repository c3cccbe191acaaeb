package binlog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// keyTypes are all types that can be in a key, with rows.
var keyTypes = []struct {
	columns string // each with a name of one letter
	rows    []string
}{
	{"a TINYINT", []string{"0", "-128", "127"}},
	{"a TINYINT UNSIGNED", []string{"0", "255", "128"}},
	{"a SMALLINT, b SMALLINT UNSIGNED", []string{"-32768, 65535", "32767, 0"}},
	{"a MEDIUMINT, b MEDIUMINT UNSIGNED", []string{"-8388608, 16777215", "8388607, 8388608"}},
	{"a INT, b INT UNSIGNED", []string{"-2147483648, 4294967295", "2147483647, 0"}},
	{"a BIGINT, b BIGINT UNSIGNED", []string{"-9223372036854775808, 18446744073709551615", "9223372036854775807, 9007199254740993"}},
	{"a INT(8) ZEROFILL", []string{"0", "42"}},
	{"y YEAR, a INT UNSIGNED, b INT", []string{"0, 4294967295, -1", "1901, 1, 1", "2155, 2, 2"}},
	{"a DECIMAL(10,3)", []string{"0", "-1.5", "1234567.891", "-0.001", "-1234567.999"}},
	{"a DECIMAL(10,3) ZEROFILL", []string{"0", "1.5"}},
	{"a DECIMAL(65,30)", []string{"12345678901234567890123456789012345.123456789012345678901234567890", "-1", "0.000000000000000000000000000001"}},
	{"a DECIMAL(18,9), b DECIMAL(9), c DECIMAL(4,4), d DECIMAL(20,0) UNSIGNED", []string{"-123456789.000000001, -999999999, -0.9999, 99999999999999999999", "0, 0, 0, 0"}},
	{"a CHAR(9)", []string{"''", "'ab'", "'ab  c '", "'Grüße 😀'"}},
	{"a CHAR(100) CHARACTER SET utf8mb4, b INT", []string{"'', 1", "'ü', 2", "REPEAT('😀', 100), 3"}},
	{"a CHAR(255) CHARACTER SET utf8mb3, b INT", []string{"'ü', -1", "REPEAT('€', 255), 2"}},
	{"a VARCHAR(9) CHARACTER SET latin1", []string{"''", "'äöü'", "'a,b'", "'\\\\'", "'b '", "'\\0'", "'€ž'", "X'81'"}},
	{"a VARCHAR(300) CHARACTER SET latin2", []string{"'ščř'", "REPEAT('ž', 300)"}},
	{"a VARCHAR(9) COLLATE utf8mb4_bin", []string{"'a'", "'A'", "'😀'"}},
	{"a VARCHAR(9) CHARACTER SET utf16, b CHAR(9) CHARACTER SET utf16le, c CHAR(5) CHARACTER SET utf32, d VARCHAR(9) CHARACTER SET ucs2", []string{"'a😀', 'ü😀 x', 'ü😀', 'üx€'", "'', '', '', ''"}},
	{"a VARCHAR(9) CHARACTER SET ascii, b VARCHAR(9) CHARACTER SET cp1251, c VARCHAR(9) CHARACTER SET greek, d VARCHAR(9) CHARACTER SET swe7", []string{"'a', 'Привет', 'αβγ', 'Åå'"}},
	{"a VARCHAR(9) CHARACTER SET gbk, b CHAR(9) CHARACTER SET sjis, c VARCHAR(9) CHARACTER SET big5, d VARCHAR(9) CHARACTER SET ujis", []string{"'汉字', 'ｶﾅ漢', '漢字', 'かな漢'", "'a', '', 'b ', 'c'"}},
	{"a VARCHAR(9) CHARACTER SET cp932, b VARCHAR(9) CHARACTER SET euckr, c VARCHAR(9) CHARACTER SET gb2312, d VARCHAR(9) CHARACTER SET eucjpms", []string{"'①', '한글', '汉字', '髙'"}},
	{"a VARCHAR(9) CHARACTER SET koi8r, b VARCHAR(9) CHARACTER SET cp850, c VARCHAR(9) CHARACTER SET tis620, d VARCHAR(9) CHARACTER SET hebrew", []string{"'Привет', 'é', 'ไทย', 'שלום'"}},
	{"a ENUM('x','ü,','')", []string{"'x'", "'ü,'", "''"}},
	{"a ENUM('x','ß') CHARACTER SET latin1, b SET('é','q') CHARACTER SET latin1", []string{"'ß', 'q,é'"}},
	{"a ENUM('" + strings.Join(numbered(300), "','") + "')", []string{"'m0'", "'m299'"}},
	{"a SET('x','y')", []string{"''", "'y,x'"}},
	{"a SET('" + strings.Join(numbered(40), "','") + "'), b SET('" + strings.Join(numbered(9), "','") + "'), c SET('" + strings.Join(numbered(20), "','") + "')", []string{"'m39,m0', 'm8', 'm19,m18'"}},
	{"a BINARY(16)", []string{"X'00'", "X'00112233445566778899AABBCCDDEEFF'", "X'FF000000000000000000000000000000'", "'abc'"}},
	{"a VARBINARY(16)", []string{"X''", "X'00'", "X'61'", "X'6100'", "X'FF2C5C'"}},
	{"a BINARY(255), b VARBINARY(300)", []string{"X'00', ''", "REPEAT('x', 255), REPEAT('y', 300)"}},
	{"a DATE", []string{"'2024-02-29'", "'9999-12-31'", "'0000-00-00'", "'2024-00-00'", "'1000-01-01'"}},
	{"a DATETIME", []string{"'2024-02-29 01:02:03'", "'0000-00-00'", "'9999-12-31 23:59:59'"}},
	{"a DATETIME(6), b DATETIME(1), c DATETIME(3)", []string{"'2024-02-29 01:02:03', '2024-02-29 01:02:03.9', '0000-00-00'", "'2024-02-29 01:02:03.000001', '1000-01-01', '2024-12-31 23:59:59.999'"}},
	{"a TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP", []string{"'2024-07-01 01:02:03'", "'2024-01-01 00:00:00'", "'0000-00-00'", "'2038-01-01 00:00:00'"}},
	{"a TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), b TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)", []string{"'2024-07-01 01:02:03.45', '2024-07-01 01:02:03.000001'", "'2024-01-01', '0000-00-00'"}},
	{"a TIME", []string{"'-838:59:59'", "'00:00:00'", "'838:59:59'", "'-00:00:01'"}},
	{"a TIME(6), b TIME(1), c TIME(2), d TIME(3), e TIME(4)", []string{
		"'-00:00:01.5', '-00:00:00.1', '-00:00:00.01', '-01:00:00.999', '-00:00:01.1'",
		"'01:02:03', '00:00:00.9', '838:59:58.99', '00:00:00', '-838:59:58.9999'"}},
	{"a BIT(1)", []string{"0", "1"}},
	{"a BIT(64), b BIT(9), c BIT(20)", []string{"5, 256, 1048575", "0xFFFFFFFFFFFFFFFF, 511, 1"}},
	{"a VARCHAR(9), b VARBINARY(9)", []string{"'', ''", "'a,b', '\\\\,'", "'\\\\', X'FF00'", "'1', ',1'"}},
	{"b YEAR, a CHAR(3) CHARACTER SET latin1", []string{"0, 'ü,'", "2000, ''"}},
	{"a UUID", []string{"'12345678-9abc-4ef0-9234-56789abcdef0'", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-1fff-bfff-ffffffffff00'", "'01890a5d-ac96-774b-bcce-b302099a8057'"}},
	{"a INET6, b INT", []string{"'::1', 1", "'2001:db8::ff00:42:8329', 2", "'::', 3", "'::ffff:1.2.3.4', 4", "'::1.2.3.4', 5", "'1:0:0:2::', 6", "'1:0:2:3:4:5:6:7', 7", "'::1:0', 8",
		"'1:0:0:2:0:0:0:3', 9", "'1:0:0:2:3:0:0:4', 10", "'::2:3:4:5:6:7:8', 11", "'1:2:3:4:5:6:7:0', 12", "'::ffff:0:0', 13", "'1:0:2:0:3:0:4:5', 14"}},
	{"a INET4", []string{"'1.2.3.4'", "'0.0.0.0'", "'10.0.0.0'"}},
}

func numbered(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("m%d", i)
	}
	return list
}

// TestKeysAreThoseOfTriggers writes rows of all types that can be in a key, in a session with its own settings, and
// compares what a trigger makes of their keys with what the log has; with and without the columns' names in it.
func TestKeysAreThoseOfTriggers(t *testing.T) {
	t.Parallel()
	s := start(t)
	db := s.server.Connect(t, s.schema)
	user, err := s.db.Connx(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	testkit.Exec(t, user, `SET time_zone = '+05:30', sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,ALLOW_INVALID_DATES,STRICT_ALL_TABLES', NAMES utf8mb4`)
	s.exec(`CREATE TABLE made (id INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(9), k VARBINARY(3000))`)
	tables := map[string]*schema.Table{}
	var inserts []string
	for i, test := range keyTypes {
		if !s.server.HasType(test.columns) || strings.Contains(test.columns, "INET6") && !s.mariaDB {
			continue
		}
		name := fmt.Sprintf("t%d", i)
		var key []string
		for c := range strings.SplitSeq(test.columns, ", ") {
			key = append(key, c[:1])
		}
		testkit.Exec(t, user, "CREATE TABLE "+name+" (v TEXT, g INT AS (1) STORED, "+test.columns+", PRIMARY KEY ("+strings.Join(key, ", ")+"))")
		table, err := schema.Read(s.ctx, db, s.schema, name)
		if err != nil {
			t.Fatal(err)
		}
		tables[name] = table
		testkit.Exec(t, user, "CREATE TRIGGER "+name+"_made AFTER INSERT ON "+name+" FOR EACH ROW INSERT INTO made (t, k) VALUES ('"+name+"', "+table.KeyExpr("NEW.")+")")
		for _, row := range test.rows {
			inserts = append(inserts, "INSERT INTO "+name+" ("+strings.Join(key, ", ")+") VALUES ("+row+")")
		}
	}
	for _, metadata := range []string{"FULL", "MINIMAL"} {
		s.read()
		s.exec(`SET GLOBAL binlog_row_metadata = '`+metadata+`'`, `DELETE FROM made`)
		for name := range tables {
			s.exec(`DELETE FROM ` + name)
		}
		testkit.Exec(t, user, inserts...)
		s.compareKeys(db, metadata, tables)
	}
	s.exec(`SET GLOBAL binlog_row_metadata = 'FULL'`)
}

// compareKeys compares the keys of the rows that are read with those that triggers made.
func (s *site) compareKeys(db binlog.Querier, metadata string, tables map[string]*schema.Table) {
	s.Helper()
	var want []struct{ T, K string }
	if err := s.db.SelectContext(s.ctx, &want, `SELECT t, k FROM made ORDER BY id`); err != nil {
		s.Fatal(err)
	}
	convert := binlog.NewCharsets(db).With(s.ctx)
	for _, x := range s.read() {
		for _, c := range x.Changes {
			table := tables[c.Table]
			if c.Kind != binlog.Insert || table == nil {
				continue
			}
			if c.Layout.Named != (metadata == "FULL") {
				s.Fatalf("%s: the log has names: %v", metadata, c.Layout.Named)
			}
			values := make([][]byte, len(table.Columns))
			for _, k := range table.Key {
				at := k + 1 // the generated column is in the log, and not in the definition
				if c.Layout.Named && c.Layout.Index(table.Columns[k].Name) != at {
					s.Fatalf("%s: column %s is at %d", c.Table, table.Columns[k].Name, c.Layout.Index(table.Columns[k].Name))
				}
				if err := c.Layout.Fits(at, &table.Columns[k]); err != nil {
					s.Errorf("%s: %v", c.Table, err)
				}
				var err error
				if values[k], err = c.Layout.Stored(at, &table.Columns[k], c.After[at], convert); err != nil {
					s.Errorf("%s: %v", c.Table, err)
				}
			}
			key, err := table.KeyOf(table.Names(), values)
			if len(want) == 0 {
				s.Fatal("more rows than the triggers saw")
			}
			if err != nil || key != want[0].K || c.Table != want[0].T {
				s.Errorf("%s, %s: %q, %v, and the trigger of %s has %q", metadata, table.Columns[len(table.Columns)-1].Type, key, err, want[0].T, want[0].K)
			}
			want = want[1:]
		}
	}
	if len(want) != 0 {
		s.Errorf("%d rows were not read", len(want))
	}
}
