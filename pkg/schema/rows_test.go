package schema_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// rowsOf reads rows by their keys, and returns the first column of each after the key.
func rowsOf(ctx context.Context, db *mysqldb.DB, t *schema.Table, keys ...string) (list []string, err error) {
	var q mysqldb.Statement
	if err := t.AddRows(&q, slices.Values(keys)); err != nil {
		return nil, err
	}
	into := make([]any, 1+len(t.Columns))
	for i := range into {
		into[i] = &sql.RawBytes{}
	}
	err = q.QueryKnown(ctx, db.AtOnce(db), t.CheckColumns, func(r *sql.Rows) error {
		err := r.Scan(into...)
		list = append(list, string(*into[1].(*sql.RawBytes)))
		return err
	})
	return list, err
}

// All types but those that need an expression, by one key, by several, and by a list of keys of two columns.
func TestRowsShowWhetherTheirTableWasAltered(t *testing.T) {
	t.Parallel()
	types := `, a TINYINT UNSIGNED, b BIGINT, c DECIMAL(12,3), d DOUBLE, e CHAR(3) CHARACTER SET latin1, f VARCHAR(20), g TEXT, h BLOB, i BINARY(4),
		j VARBINARY(9), k ENUM('x','y'), l SET('x','y'), m DATE, n DATETIME(3), o TIMESTAMP(6) NULL, p TIME(2), q YEAR, r JSON, s POINT, t BOOLEAN, u MEDIUMTEXT`
	db := testkit.Schema(t, "CREATE TABLE one (id INT PRIMARY KEY"+types+")", "CREATE TABLE two (id INT, at DATE"+types+", PRIMARY KEY (id, at))")
	tables := schema.NewTables(db)
	for name, keys := range map[string][]string{"one": {"7", "8"}, "two": {"7,2026-11-30", "8,2026-11-30"}} {
		testkit.Exec(t, db, "INSERT INTO "+name+" SET id = 7"+map[string]string{"two": ", at = '2026-11-30'"}[name])
		table, err := tables.Fresh(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !table.Shows() {
			t.Fatalf("%s: its rows do not show its columns", name)
		}
		for _, keys := range [][]string{keys, keys[:1], keys[1:]} { // the last has no row
			if got, err := rowsOf(t.Context(), db, table, keys...); err != nil || len(got) != map[bool]int{true: 1}[keys[0][0] == '7'] {
				t.Errorf("%s: read %q: %q, %v", name, keys, got, err)
			}
		}
		for _, alter := range []string{"ADD later INT", "MODIFY a SMALLINT UNSIGNED", "MODIFY c DECIMAL(14,4)", "RENAME COLUMN b TO bb", "ADD made INT AS (id + 1)", "ADD first INT FIRST"} {
			testkit.Exec(t, db, "ALTER TABLE "+name+" "+alter)
			if got, err := rowsOf(t.Context(), db, table, keys[1]); !errors.Is(err, schema.ErrOutdated) {
				t.Errorf("%s, %s: %q, %v", name, alter, got, err)
			}
			old := table
			if table, err = tables.Renew(t.Context(), old, schema.ErrOutdated); err != nil || table == old {
				t.Fatalf("%s, %s: %v", name, alter, err)
			}
			if shows := alter[:len("ADD made")] != "ADD made"; table.Shows() != shows {
				t.Errorf("%s, %s: its rows show its columns: %t", name, alter, !shows)
			}
			if got, err := rowsOf(t.Context(), db, table, keys[0]); err != nil || len(got) != 1 || alter != "ADD first INT FIRST" && got[0] != "7" {
				t.Errorf("%s, %s: %q, %v", name, alter, got, err)
			}
			if alter == "ADD made INT AS (id + 1)" {
				testkit.Exec(t, db, "ALTER TABLE "+name+" DROP COLUMN made")
				if table, err = tables.Fresh(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// What needs an expression, what SELECT * leaves out or adds, and a table that is all key.
func TestRowsThatDoNotShowTheirTable(t *testing.T) {
	t.Parallel()
	tables := map[string]string{
		"a": "id INT PRIMARY KEY, f FLOAT", "b": "id INT PRIMARY KEY, f BIT(3)", "c": "id INT ZEROFILL PRIMARY KEY, v INT",
		"d": "id INT PRIMARY KEY, v INT, g INT AS (v)", "e": "id INT, v INT, PRIMARY KEY (id, v)", "f": "id INT PRIMARY KEY, v INT, h INT INVISIBLE",
	}
	db := testkit.Schema(t)
	cache := schema.NewTables(db)
	for name, columns := range tables {
		testkit.Exec(t, db, "CREATE TABLE "+name+" ("+columns+")", "INSERT INTO "+name+" (id"+map[string]string{"e": ", v"}[name]+") VALUES (7"+map[string]string{"e": ", 7"}[name]+")")
		table, err := cache.Fresh(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if table.Shows() {
			t.Errorf("%s: its rows show its columns", columns)
		}
		key := map[string]string{"e": "7,7"}[name]
		if key == "" {
			key = "7"
		}
		if got, err := rowsOf(t.Context(), db, table, key); err != nil || len(got) != 1 {
			t.Errorf("%s: %q, %v", columns, got, err)
		}
	}
}

// A server that describes the columns of another query in another way makes rows cost a look more, and no more.
func TestARenewedDefinitionThatIsTheSameIsNotComparedWithRows(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (7, 1)")
	tables := schema.NewTables(db)
	old, err := tables.Table(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		table, err := tables.Renew(t.Context(), old, schema.ErrOutdated)
		if err != nil || table.Shows() {
			t.Fatalf("%v, %v", table, err)
		}
		if got, err := rowsOf(t.Context(), db, table, "7"); err != nil || len(got) != 1 {
			t.Errorf("%q, %v", got, err)
		}
		if old, err = tables.Table(t.Context(), "t"); err != nil || old != table {
			t.Errorf("it is compared again: %v", err)
		}
	}
	testkit.Exec(t, db, "ALTER TABLE t ADD n INT")
	if table, err := tables.Fresh(t.Context(), "t"); err != nil || !table.Shows() {
		t.Errorf("an altered table is not compared with its rows: %v", err)
	}
}
