package schema_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestKeysAreFoundByIndex queries small tables, which the server would rather scan: on the way it
// could meet a user's lock.
func TestKeysAreFoundByIndex(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, `CREATE TABLE numbers (n INT PRIMARY KEY)`)
	var rows []string
	for i := range 300 {
		rows = append(rows, fmt.Sprintf("(%d)", i))
	}
	testkit.Exec(t, db, `INSERT INTO numbers VALUES `+strings.Join(rows, ","))
	for i, c := range []struct{ ddl, insert, key, last string }{
		{"n INT PRIMARY KEY)", "n", "%d", "295"},
		{"n DECIMAL(30,2) PRIMARY KEY)", "n + 10000000000000000000000", "100000000000000000000%02d.00", "10000000000000000000295.00"},
		{"n VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY)", "CONCAT('ö', LPAD(n, 3, '0'))", "ö0%02d", "ö295"},
		{"n CHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci PRIMARY KEY)", "CONCAT('Ö', LPAD(n, 3, '0'))", "ö0%02d", "ö295"},
		{"n INT, m DECIMAL(20,0), s VARCHAR(9), PRIMARY KEY (n, m, s))", "n, 9007199254740993, 'a,b'", `%d,9007199254740993,a\,b`, `295,9007199254740993,`},
		{"n INT, d DATE, PRIMARY KEY (n, d)) PARTITION BY HASH (n) PARTITIONS 7", "n, '2024-02-29'", "%d,2024-02-29", "295,1999-12-31"},
		{"n BIGINT UNSIGNED, d DATETIME(6), PRIMARY KEY (n, d))", "n + 18446744073709551000, '2024-02-29 01:02:03.000004'",
			"184467440737095510%02d,2024-02-29 01:02:03.000004", "18446744073709551295,2023-02-29 01:02:03.000004"},
		{"s VARCHAR(20) CHARACTER SET latin1, t CHAR(9) COLLATE utf8mb4_unicode_ci, n INT, PRIMARY KEY (s, t, n))", "'ö''\\\\', 'Ö', n", `ö'\\,Ö,%d`, `ö'\\,Ö,295`},
		{"b BINARY(4), v2 VARBINARY(9), n INT, PRIMARY KEY (b, v2, n))", "0x00610000, 0xFF0027, n", "\x00a\x00\x00,\xff\x00',%d", "\x00a\x00\x00,\xff\x00',295"},
		{"n INT, m INT, PRIMARY KEY (n, m)) PARTITION BY RANGE (n) (PARTITION a VALUES LESS THAN (99), PARTITION b VALUES LESS THAN (999))",
			"n, 0", "%d,0", "295,-1"},
		{"m ENUM('b', 'a', 'c'), n INT, PRIMARY KEY (m, n)) PARTITION BY KEY () PARTITIONS 8", "'a', n", "a,%d", "a,295"},
		{"n ENUM('" + strings.Join(members(300), "','") + "') PRIMARY KEY)", "n + 1", "m%d", ""},
	} {
		name := fmt.Sprintf("t%d", i)
		testkit.Exec(t, db, "CREATE TABLE "+name+" (v INT, "+c.ddl)
		testkit.Exec(t, db, "INSERT INTO "+name+" SELECT 1, "+c.insert+" FROM numbers")
		testkit.Exec(t, db, "ANALYZE TABLE "+name)
		table, err := schema.NewTables(db).Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for n := range 50 {
			keys = append(keys, fmt.Sprintf(c.key, n))
		}
		var q mysqldb.Statement
		if err := table.AddSelect(&q, table.KeyExpr(""), slices.Values(keys), " FOR UPDATE"); err != nil {
			t.Fatal(err)
		}
		if got := byIndex(t, db, &q); got != 50 {
			t.Errorf("%s: found %d of 50 keys", c.ddl, got)
		}
		if c.last == "" {
			continue
		}
		after, args, err := table.AfterKey(c.last)
		if err != nil {
			t.Fatal(err)
		}
		if got := byIndex(t, db, statement("SELECT "+table.KeyExpr("")+" FROM "+name+" WHERE "+after+" ORDER BY "+table.KeyColumns()+" LIMIT 9", args)); got != 4 && got != 5 {
			t.Errorf("%s: found %d rows after %s", c.ddl, got, c.last)
		}
	}
}

func members(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("m%d", i)
	}
	return list
}

func statement(text string, args []any) *mysqldb.Statement {
	var q mysqldb.Statement
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			q.Bind(args[i-1])
		}
		q.SQL(part)
	}
	return &q
}

// byIndex returns the number of rows that a statement finds, and checks that it uses the index.
func byIndex(t *testing.T, db *mysqldb.DB, q *mysqldb.Statement) int {
	t.Helper()
	var explain mysqldb.Statement
	explain.SQL("EXPLAIN ")
	if !db.MariaDB {
		explain.SQL("FORMAT=TRADITIONAL ")
	}
	explain.Append(q)
	err := explain.Query(t.Context(), db, func(r *sql.Rows) error {
		columns, err := r.Columns()
		row := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err == nil {
			err = r.Scan(into...)
		}
		if of := row[slices.Index(columns, "table")].String; err == nil && (of == "" || strings.HasPrefix(of, "<")) {
			return nil // the list itself
		}
		if kind := row[slices.Index(columns, "type")].String; kind != "range" && kind != "eq_ref" {
			t.Errorf("the server finds rows by %s, not by index: %v", kind, row)
		}
		return err
	})
	found := 0
	if err == nil {
		err = q.Query(t.Context(), db, func(*sql.Rows) error { found++; return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestKeyRangesContinueWhereTheLastOneEnded goes through tables in parts, as whole tables are sent and compared.
func TestKeyRangesContinueWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t,
		"CREATE TABLE enums (e ENUM('z', 'b', 'ü', 'a'), n INT, PRIMARY KEY (e, n))",
		"CREATE TABLE many (n INT, e ENUM('"+strings.Join(members(260), "','")+"'), PRIMARY KEY (n, e))",
		"CREATE TABLE sets (s SET('z', 'b', 'ü', 'a'), n INT, PRIMARY KEY (s, n))",
		"CREATE TABLE decimals (d DECIMAL(38,10) PRIMARY KEY)")
	testkit.Exec(t, db, "INSERT IGNORE INTO enums VALUES (0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (4, 1), (4, 2)")
	testkit.Exec(t, db, "INSERT INTO many VALUES (1, 'm0'), (1, 'm2'), (1, 'm10'), (1, 'm259'), (2, 'm1'), (2, 'm100')")
	testkit.Exec(t, db, "INSERT INTO sets VALUES (0, 1), (1, 1), (2, 2), (3, 1), (4, 1), (8, 2), (9, 1), (15, 1)")
	testkit.Exec(t, db, `INSERT INTO decimals VALUES (-9007199254740993), (-9007199254740992.0000000001), (-9007199254740992), (0),
		(9007199254740992), (9007199254740992.0000000001), (9007199254740993), (1234567890123456789012345678.0000000001)`)
	for name, want := range map[string]int{"enums": 9, "many": 6, "sets": 8, "decimals": 8} {
		table := read(t, db, name)
		var keys []string
		after := ""
		var args []any
		for {
			part := find(t, db, statement("SELECT "+table.KeyExpr("")+" FROM "+name+" WHERE 1"+after+" ORDER BY "+table.KeyColumns()+" LIMIT 2", args))
			if len(part) == 0 {
				break
			}
			keys = append(keys, part...)
			last := keys[len(keys)-1]
			upTo, list, err := table.UpToKey(last)
			if err != nil {
				t.Fatal(err)
			}
			if got := find(t, db, statement("SELECT "+table.KeyExpr("")+" FROM "+name+" WHERE "+upTo+" ORDER BY "+table.KeyColumns(), list)); !slices.Equal(got, keys) {
				t.Errorf("%s: up to %q: got %q, want %q", name, last, got, keys)
			}
			if after, args, err = table.AfterKey(last); err != nil {
				t.Fatal(err)
			}
			after = " AND " + after
		}
		if len(keys) != want {
			t.Errorf("%s: got %d rows in parts, want %d: %q", name, len(keys), want, keys)
		}
	}
}

func find(t *testing.T, db *mysqldb.DB, q *mysqldb.Statement) (keys []string) {
	t.Helper()
	err := q.Query(t.Context(), db, func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		keys = append(keys, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
