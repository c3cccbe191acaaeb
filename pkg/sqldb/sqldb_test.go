package sqldb_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

func TestIdentifiersAreQuoted(t *testing.T) {
	t.Parallel()
	for driver, want := range map[string]string{"mysql": "`a``b\"c]`", "postgres": "\"a`b\"\"c]\"", "sqlite": "\"a`b\"\"c]\"", "mssql": "[a`b\"c]]]"} {
		d, err := sqldb.DialectOf(driver)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Quote("a`b\"c]"); got != want {
			t.Errorf("%s quotes as %s, want %s", driver, got, want)
		}
	}
	if _, err := sqldb.DialectOf("oracle"); err == nil {
		t.Error("there is a driver oracle")
	}
}

func TestOpeningConnectsToNothing(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"mysql", "postgres", "sqlite", "mssql"} {
		d, err := sqldb.DialectOf(driver)
		if err != nil {
			t.Fatal(err)
		}
		db, err := d.Open(sqldb.Config{Driver: driver, Host: "127.0.0.1", Port: 1, Database: filepath.Join(t.TempDir(), "x"), Password: "hunter2"}, true)
		if err != nil {
			t.Fatalf("%s: %v", driver, err)
		}
		if err := db.PingContext(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", driver, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := d.Open(sqldb.Config{Driver: driver, Host: "db", Database: "x", CA: "/nowhere.pem"}, true); err == nil && driver != "sqlite" && driver != "mssql" {
			t.Errorf("%s accepts a missing certificate authority", driver)
		}
	}
}
