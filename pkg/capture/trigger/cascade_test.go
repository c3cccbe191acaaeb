package trigger_test

import (
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// contents returns the rows of tables, by table and key.
func contents(t *testing.T, db *mysqldb.DB, tables []*schema.Table) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, x := range tables {
		err := mysqldb.Each(t.Context(), db, "SELECT "+x.KeyExpr("")+", CONCAT_WS('|', "+coalesced(x)+") FROM "+mysqldb.Quote(x.Name), nil, func(r *sql.Rows) error {
			var key, row string
			err := r.Scan(&key, &row)
			rows[x.Name+" "+key] = row
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

func coalesced(t *schema.Table) string {
	list := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		list[i] = "COALESCE(CAST(" + mysqldb.Quote(c.Name) + " AS CHAR), 'NULL')"
	}
	return strings.Join(list, ", ")
}

// TestEveryRowChangedByACascadeIsRecorded compares the rows before and after a statement:
// table_changes must have whatever the server did to them, and whether the row is gone.
func TestEveryRowChangedByACascadeIsRecorded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tables     []string // synced
		ddl        []string
		rows       []string
		statements []string
	}{
		"a table refers to itself twice": {
			[]string{"staff"},
			[]string{`CREATE TABLE staff (id INT PRIMARY KEY, boss INT, mentor INT, FOREIGN KEY (boss) REFERENCES staff (id) ON DELETE CASCADE,
				FOREIGN KEY (mentor) REFERENCES staff (id) ON DELETE CASCADE)`},
			[]string{`INSERT INTO staff VALUES (1, NULL, NULL), (2, 1, NULL), (3, NULL, 2), (4, 3, NULL), (5, NULL, 4), (6, NULL, NULL)`},
			[]string{`DELETE FROM staff WHERE id = 1`},
		},
		"a ring that ends with SET NULL": {
			[]string{"departments", "staff"},
			[]string{`CREATE TABLE departments (id INT PRIMARY KEY, head INT)`,
				`CREATE TABLE staff (id INT PRIMARY KEY, department INT, FOREIGN KEY (department) REFERENCES departments (id) ON DELETE CASCADE)`,
				`ALTER TABLE departments ADD FOREIGN KEY (head) REFERENCES staff (id) ON DELETE SET NULL`},
			[]string{`INSERT INTO departments VALUES (1, NULL), (2, NULL)`, `INSERT INTO staff VALUES (1, 1), (2, 2)`, `UPDATE departments SET head = 1`},
			[]string{`DELETE FROM departments WHERE id = 1`},
		},
		"SET NULL cascades on as an update": {
			[]string{"c", "g", "h"},
			[]string{`CREATE TABLE p (id INT PRIMARY KEY)`,
				`CREATE TABLE c (id INT PRIMARY KEY, p INT UNIQUE, FOREIGN KEY (p) REFERENCES p (id) ON DELETE SET NULL ON UPDATE SET NULL)`,
				`CREATE TABLE g (id INT PRIMARY KEY, p INT UNIQUE, FOREIGN KEY (p) REFERENCES c (p) ON UPDATE CASCADE)`,
				`CREATE TABLE h (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES g (p) ON UPDATE SET NULL)`},
			[]string{`INSERT INTO p VALUES (1), (2), (3)`, `INSERT INTO c VALUES (10, 1), (20, 2), (30, 3)`, `INSERT INTO g VALUES (100, 1), (200, 2), (300, 3)`,
				`INSERT INTO h VALUES (1000, 1), (2000, 2), (3000, 3)`},
			[]string{`DELETE FROM p WHERE id = 1`, `UPDATE p SET id = 4 WHERE id = 2`},
		},
		"a key whose spelling changes": {
			[]string{"p", "c"},
			[]string{`CREATE TABLE p (code VARCHAR(20) PRIMARY KEY) COLLATE utf8mb4_general_ci`,
				`CREATE TABLE c (code VARCHAR(20), n INT, PRIMARY KEY (n), FOREIGN KEY (code) REFERENCES p (code) ON UPDATE CASCADE) COLLATE utf8mb4_general_ci`},
			[]string{`INSERT INTO p VALUES ('bob'), ('eve')`, `INSERT INTO c VALUES ('bob', 1), ('eve', 2)`},
			[]string{`UPDATE p SET code = 'Bob' WHERE code = 'bob'`},
		},
		"keys of several columns over several levels": {
			[]string{"b", "c", "d"},
			[]string{`CREATE TABLE a (x INT PRIMARY KEY)`,
				`CREATE TABLE b (x INT, y INT, PRIMARY KEY (x, y), FOREIGN KEY (x) REFERENCES a (x) ON DELETE CASCADE)`,
				`CREATE TABLE c (y INT, x INT, z INT, PRIMARY KEY (z, x, y), FOREIGN KEY (x, y) REFERENCES b (x, y) ON UPDATE CASCADE ON DELETE CASCADE)`,
				`CREATE TABLE d (id INT PRIMARY KEY, z INT, x INT, y INT, FOREIGN KEY (z, x, y) REFERENCES c (z, x, y) ON UPDATE CASCADE ON DELETE SET NULL)`},
			[]string{`INSERT INTO a VALUES (1), (2), (3)`, `INSERT INTO b VALUES (1, 1), (1, 2), (2, 1)`, `INSERT INTO c VALUES (1, 1, 1), (2, 1, 1), (1, 2, 1)`,
				`INSERT INTO d VALUES (1, 1, 1, 1), (2, 1, 1, 2), (3, 1, 2, 1), (4, NULL, 1, 1)`},
			[]string{`UPDATE b SET y = 9 WHERE y = 2`, `DELETE FROM a WHERE x = 1`},
		},
		"a parent's other unique key, and a child of two parents": {
			[]string{"p", "c", "g"},
			[]string{`CREATE TABLE p (id INT PRIMARY KEY, code VARCHAR(10) UNIQUE)`, `CREATE TABLE q (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE)`,
				`CREATE TABLE c (id INT PRIMARY KEY, code VARCHAR(10), q INT, FOREIGN KEY (code) REFERENCES p (code) ON DELETE SET NULL ON UPDATE CASCADE,
					FOREIGN KEY (q) REFERENCES q (id) ON DELETE CASCADE)`,
				`CREATE TABLE g (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE)`},
			[]string{`INSERT INTO p VALUES (1, 'a'), (2, 'b')`, `INSERT INTO q VALUES (1, 1), (2, 2)`, `INSERT INTO c VALUES (1, 'a', 2), (2, 'b', 1), (3, 'b', NULL)`, `INSERT INTO g VALUES (1, 1), (2, 2), (3, 3)`},
			[]string{`UPDATE p SET code = 'c' WHERE id = 2`, `DELETE FROM p WHERE id = 1`},
		},
		"a row that one key changes and another deletes": {
			[]string{"c", "staff"},
			[]string{`CREATE TABLE p (id INT PRIMARY KEY)`,
				`CREATE TABLE c (id INT PRIMARY KEY, one INT, other INT, FOREIGN KEY (one) REFERENCES p (id) ON DELETE CASCADE,
					FOREIGN KEY (other) REFERENCES p (id) ON DELETE SET NULL)`,
				`CREATE TABLE staff (id INT PRIMARY KEY, p INT, boss INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE,
					FOREIGN KEY (boss) REFERENCES staff (id) ON DELETE SET NULL)`},
			[]string{`INSERT INTO p VALUES (1), (2)`, `INSERT INTO c VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2)`,
				`INSERT INTO staff VALUES (1, 1, 1), (2, 1, 1), (3, 2, 2), (4, 2, 4)`},
			[]string{`DELETE FROM p WHERE id = 1`},
		},
		"a parent's key that is not unique": {
			[]string{"c"},
			[]string{`/*!80400 SET restrict_fk_on_non_standard_key = OFF */`, `CREATE TABLE p (id INT PRIMARY KEY, a INT, b INT, KEY (a, b))`,
				`CREATE TABLE c (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES p (a) ON DELETE CASCADE ON UPDATE CASCADE)`},
			[]string{`INSERT INTO p VALUES (1, 1, 1), (2, 2, 1)`, `INSERT INTO c VALUES (1, 1), (2, 2)`},
			[]string{`UPDATE p SET a = 5 WHERE id = 1`, `DELETE FROM p WHERE id = 2`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OwnSchema(t)
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			testkit.Exec(t, conn, test.ddl...)
			tables := install(t, db, test.tables...)
			testkit.Exec(t, conn, test.rows...)
			for _, statement := range test.statements {
				testkit.Exec(t, conn, "DELETE FROM table_changes")
				before := contents(t, db, tables)
				testkit.Exec(t, conn, statement)
				after := contents(t, db, tables)
				recorded := map[string]string{} // the last entry of each row
				for _, line := range list(t, db, `SELECT CONCAT(gone, ' ', table_name, ' ', primary_key) FROM table_changes ORDER BY id`) {
					recorded[line[2:]] = line[:1]
				}
				if maps.Equal(before, after) {
					t.Errorf("%s changes nothing", statement)
				}
				for row := range joined(before, after) {
					now, there := after[row]
					if then, was := before[row]; was == there && then == now {
						continue
					}
					want := map[bool]string{true: "0", false: "1"}[there]
					if recorded[row] != want {
						t.Errorf("%s: row %s: recorded %q, want %q", statement, row, recorded[row], want)
					}
				}
			}
		})
	}
}

// TestAChildLeftInPlaceIsNotRecorded writes parents with foreign_key_checks off, as a dump that is
// loaded does: the server then leaves the children as they are, and so nobody has changed them.
func TestAChildLeftInPlaceIsNotRecorded(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"ON DELETE CASCADE ON UPDATE CASCADE", "ON DELETE SET NULL ON UPDATE SET NULL"} {
		for _, statements := range [][]string{
			{`DELETE FROM p WHERE id = 1`, `INSERT INTO p VALUES (1, 2)`},
			{`REPLACE INTO p VALUES (1, 2)`},
			{`UPDATE p SET id = 3 WHERE id = 1`, `UPDATE p SET id = 1 WHERE id = 3`},
		} {
			t.Run(rule+": "+statements[0], func(t *testing.T) {
				t.Parallel()
				db := testkit.OwnSchema(t, `CREATE TABLE p (id INT PRIMARY KEY, n INT)`,
					`CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) `+rule+`)`,
					`INSERT INTO p VALUES (1, 1)`, `INSERT INTO c VALUES (10, 1)`)
				tables := install(t, db, "c")
				before := contents(t, db, tables)
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				testkit.Exec(t, conn, `SET foreign_key_checks = 0`)
				testkit.Exec(t, conn, statements...)
				testkit.Exec(t, conn, `SET foreign_key_checks = 1`)
				if after := contents(t, db, tables); !maps.Equal(before, after) {
					t.Fatalf("the server changed the child: %v, was %v", after, before)
				}
				if noted := list(t, db, `SELECT CONCAT(gone, ' ', table_name, ' ', primary_key) FROM table_changes ORDER BY id`); len(noted) > 0 {
					t.Errorf("recorded %q, though the server left the child as it was", noted)
				}
			})
		}
	}
}

func joined(a, b map[string]string) map[string]string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// TestTheServerRefusesARingOfUpdates has a table refer to itself with ON UPDATE CASCADE: the server
// refuses cycles, so there is nothing to follow.
func TestTheServerRefusesARingOfUpdates(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, `CREATE TABLE t (id INT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES t (id) ON UPDATE CASCADE)`)
	tables := install(t, db, "t")
	testkit.Exec(t, db, `INSERT INTO t VALUES (1, NULL), (2, 1)`, `DELETE FROM table_changes`)
	if _, err := db.ExecContext(t.Context(), `UPDATE t SET id = 3 WHERE id = 1`); mysqldb.Number(err) != 1451 {
		t.Errorf("server: %v", err)
	}
	if got := changed(t, db); len(got) != 0 {
		t.Errorf("recorded %q", got)
	}
	if got := contents(t, db, tables); len(got) != 2 {
		t.Error(fmt.Sprint(got))
	}
}

// TestACascadeToARowOutsideTheSnapshotIsRecorded: the server cascades to the current rows, not to
// those that the transaction saw when it began.
func TestACascadeToARowOutsideTheSnapshotIsRecorded(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, `CREATE TABLE p (id INT PRIMARY KEY)`,
		`CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE g (id INT PRIMARY KEY, c INT, FOREIGN KEY (c) REFERENCES c (id) ON DELETE CASCADE)`)
	install(t, db, "c", "g")
	for _, statement := range []string{`UPDATE p SET id = 2`, `DELETE FROM p`} {
		testkit.Exec(t, db, `DELETE FROM p`, `INSERT INTO p VALUES (1)`)
		user := users(t, db)
		early, err := user.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = early.Rollback() }()
		// MariaDB 11.8 refuses such a statement (1020) unless told not to.
		if _, err := early.Exec(`SET @any = 1 /*M!100618 , SESSION innodb_snapshot_isolation = 0 */`); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := early.QueryRow(`SELECT (SELECT COUNT(*) FROM c) + (SELECT COUNT(*) FROM g) + (SELECT COUNT(*) FROM p)`).Scan(&n); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		testkit.Exec(t, db, `INSERT INTO c VALUES (7, 1)`, `INSERT INTO g VALUES (8, 7)`, `DELETE FROM table_changes`)
		if _, err := early.Exec(statement); err != nil {
			t.Fatal(err)
		}
		if err := early.Commit(); err != nil {
			t.Fatal(err)
		}
		want := []string{"c 7"}
		if statement == `DELETE FROM p` {
			want = []string{"c 7", "g 8"}
		}
		if got := changed(t, db); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: recorded %q, want %q", statement, got, want)
		}
	}
}
