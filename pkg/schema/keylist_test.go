package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestAListOfKeysFindsWhatEachKeyFinds queries many rows at once and each alone, with values that
// have no literal, in other spellings, and such as the columns cannot hold.
func TestAListOfKeysFindsWhatEachKeyFinds(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t)
	for i, c := range []struct {
		ddl, rows string
		keys      []string
	}{
		{"n BIGINT UNSIGNED, m TINYINT, v INT, PRIMARY KEY (n, m)", "(1, 1, 0), (18446744073709551615, -128, 0), (9223372036854775808, 0, 0)",
			[]string{"1,1", "18446744073709551615,-128", "9223372036854775808,0", "1,2", "-1,1", "1,1000"}},
		{"d DATE, n INT, v INT, PRIMARY KEY (d, n)", "('0000-00-00', 1, 0), ('2024-02-29', 1, 0), ('1001-01-01', 2, 0)",
			[]string{"2024-02-29,1", "1001-01-01,2", "0000-00-00,1", "2023-02-28,1"}},
		{"d DATETIME(2), t TIMESTAMP, n INT, PRIMARY KEY (d, t, n)", "('2024-02-29 01:02:03.04', FROM_UNIXTIME(1709168523), 1), ('2024-02-29 01:02:03', FROM_UNIXTIME(1709168524), 1)",
			[]string{"2024-02-29 01:02:03.04,1709168523,1", "2024-02-29 01:02:03.00,1709168524,1", "2024-02-29 01:02:03.00,1709168524,2"}},
		{"a VARCHAR(20) CHARACTER SET latin1, n INT, v INT, PRIMARY KEY (a, n)", "('?', 1, 0), ('Ä', 1, 0), ('b ', 1, 0), ('€', 2, 0)",
			[]string{"?,1", "ß,2", "ä,1", "B,1", "€,2"}},
		{"a VARCHAR(20) CHARACTER SET cp1251, n INT, v INT, PRIMARY KEY (a, n)", "('?', 1, 0), ('ж', 1, 0), ('b', 1, 0)",
			[]string{"?,1", "Ж,1", "b,1", "c,1"}},
		{"a VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, b CHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (a, b)",
			`('Straße', 'x'), ('\\', 'a,b'), ('', ''), ('''', '😀')`, []string{"strasse,x", "STRASSE,X", `\\,a\,b`, ",", "',😀", "x,y"}},
		{"b BINARY(4), v VARBINARY(700), PRIMARY KEY (b, v)", "(0x00610000, 0xFF), (0x61626364, REPEAT('y', 700))",
			[]string{"\x00a\x00\x00,\xff", "abcd," + strings.Repeat("y", 700), "abcd,y"}},
		{"d DECIMAL(65,30), n INT, v INT, PRIMARY KEY (d, n)", "(1, 1, 0), (-12345678901234567890123456789012345.000000000000000000000000000001, 1, 0)",
			[]string{"1." + strings.Repeat("0", 30) + ",1", "-12345678901234567890123456789012345.000000000000000000000000000001,1", "2,1"}},
		{"n INT PRIMARY KEY", "(1), (2), (-3)", []string{"1", "2", "-3", "4"}},
		{"mysql_sync_k0 INT, e ENUM('a', 'b'), n INT, PRIMARY KEY (n, e)", "(1, 'a', 1), (1, 'b', 1)", []string{"1,a", "1,b", "2,b"}},
	} {
		name := fmt.Sprintf("t%d", i)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, conn, "SET sql_mode = ''", "CREATE TABLE "+name+" ("+c.ddl+")", "INSERT INTO "+name+" VALUES "+c.rows)
		_ = conn.Close()
		table, err := schema.NewTables(db).Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var each []string
		for _, key := range c.keys {
			each = append(each, find(t, db, selecting(t, table, key))...)
		}
		slices.Sort(each)
		for _, keys := range [][]string{c.keys, each} {
			got := find(t, db, selecting(t, table, keys...))
			if slices.Sort(got); !slices.Equal(got, each) || len(each) < 2 {
				t.Errorf("%s: all keys at once found %q, each alone %q", c.ddl, got, each)
			}
		}
		var q mysqldb.Statement
		if err := table.AddDelete(&q, slices.Values(each)); err != nil {
			t.Fatal(err)
		}
		if n, err := q.Count(t.Context(), db); err != nil || n != int64(len(each)) {
			t.Errorf("%s: deleted %d of %d rows, %v", c.ddl, n, len(each), err)
		}
	}
}

// selecting is a query for the keys of rows.
func selecting(t *testing.T, table *schema.Table, keys ...string) *mysqldb.Statement {
	t.Helper()
	var q mysqldb.Statement
	if err := table.AddSelect(&q, table.KeyExpr(""), slices.Values(keys), ""); err != nil {
		t.Fatal(err)
	}
	return &q
}
