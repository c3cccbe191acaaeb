package check_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/check"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// The servers search the whole schema for the foreign keys of one table: querying table by table,
// init and check take 15 seconds for a shop with a hundred tables.
func TestForeignKeysAreReadOnceForAllTables(t *testing.T) {
	server := testkit.Server(t)
	admin := server.Open(t, "")
	testkit.Exec(t, admin, `SET GLOBAL log_output = 'TABLE'`)
	// counted returns how many statements about foreign keys it takes to inspect that many tables.
	counted := func(tables int, look func(db *mysqldb.DB, names []string) error) (n int) {
		t.Helper()
		db := server.Connect(t, server.Create(t))
		names := []string{"t0"}
		testkit.Exec(t, db, `CREATE TABLE t0 (id INT PRIMARY KEY)`)
		for i := 1; i < tables; i++ {
			names = append(names, fmt.Sprintf("t%d", i))
			testkit.Exec(t, db, fmt.Sprintf(`CREATE TABLE t%d (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES t%d (id))`, i, i-1))
		}
		testkit.Exec(t, admin, `SET GLOBAL general_log = 0`, `TRUNCATE mysql.general_log`, `SET GLOBAL general_log = 1`)
		if err := look(db, names); err != nil {
			t.Fatal(err)
		}
		testkit.Exec(t, admin, `SET GLOBAL general_log = 0`)
		if err := admin.Get(&n, `SELECT COUNT(*) FROM mysql.general_log WHERE CONVERT(argument USING utf8mb4) LIKE '%REFERENTIAL_CONSTRAINTS%'`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for name, look := range map[string]func(db *mysqldb.DB, names []string) error{
		"init": func(db *mysqldb.DB, names []string) error {
			found, err := check.Candidates(t.Context(), db)
			if err == nil && len(found) != len(names) {
				return fmt.Errorf("found %d tables, want %d", len(found), len(names))
			}
			return err
		},
		"start": func(db *mysqldb.DB, names []string) error {
			tables := schema.NewTables(db)
			if err := tables.Check(t.Context(), names); err != nil {
				return err
			}
			for i, n := range names[1:] {
				table, err := tables.Table(t.Context(), n)
				if err != nil {
					return err
				}
				if k := table.ForeignKeys; len(k) != 1 || k[0].RefTable != names[i] {
					return fmt.Errorf("%s: its foreign keys are %+v", n, k)
				}
			}
			return nil
		},
	} {
		few, many := counted(2, look), counted(12, look)
		if few == 0 || many != few {
			t.Errorf("%s: %d statements about foreign keys for 2 tables, %d for 12", name, few, many)
		}
	}
}
