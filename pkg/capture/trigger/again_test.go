package trigger_test

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestInstalledTriggersAreRecognized installs triggers twice: the server must show them as they
// were created. MariaDB shows strings with every other backslash left out; a trigger with one would
// look wrong each time, and each second it would be recreated and all rows of its table sent.
func TestInstalledTriggersAreRecognized(t *testing.T) {
	t.Parallel()
	names := []string{"single", "composite", `it's "odd" \ here`, "kids"}
	db := testkit.OwnSchema(t,
		"CREATE TABLE single (id INT PRIMARY KEY)",
		"CREATE TABLE composite (a INT, b VARCHAR(20), c DATETIME(6), PRIMARY KEY (a, b, c))",
		"CREATE TABLE `it's \"odd\" \\ here` (`it's \"a\" \\ key` VARBINARY(20), id INT, PRIMARY KEY (`it's \"a\" \\ key`, id))",
		"CREATE TABLE kids (id INT, n INT, a INT, b VARCHAR(20), c DATETIME(6), PRIMARY KEY (id, n), FOREIGN KEY (a, b, c) REFERENCES composite (a, b, c) ON DELETE CASCADE ON UPDATE CASCADE)",
	)
	tables := schema.NewTables(db)
	var list []*schema.Table
	for _, name := range names {
		table, err := tables.Table(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, table)
	}
	keys, err := schema.Ancestry(t.Context(), db, db.Name)
	if err != nil {
		t.Fatal(err)
	}
	core, logged := observer.New(zapcore.InfoLevel)
	for range 2 {
		if err := trigger.New(zap.New(core), db, trigger.Config{}).Arm(t.Context(), list, keys); err != nil {
			t.Fatal(err)
		}
	}
	if n := logged.FilterMessage("triggers installed").Len(); n != len(names) {
		t.Errorf("triggers were installed on %d of %d tables: %v", n, len(names), logged.All())
	}
	testkit.Exec(t, db, `INSERT INTO composite VALUES (1, 'a,\\b', '2026-01-02 03:04:05')`, "INSERT INTO `it's \"odd\" \\ here` VALUES ('x\\\\,y', 2)")
	var got []string
	if err := db.SelectContext(t.Context(), &got, `SELECT CONCAT(table_name, ' ', primary_key) FROM table_changes ORDER BY id`); err != nil {
		t.Fatal(err)
	}
	want := []string{`composite 1,a\,\\b,2026-01-02 03:04:05.000000`, `it's "odd" \ here x\\\,y,2`}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("captured %q, want %q", got, want)
	}
}
