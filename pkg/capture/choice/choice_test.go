package choice_test

import (
	"os"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/choice"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestWhatTheSourceLeavesIsFoundAndRemoved: a stopped node tells what a running one would have recorded, and nothing of a
// Source stays after Uninstall.
func TestWhatTheSourceLeavesIsFoundAndRemoved(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, `CREATE TABLE orders (id INT PRIMARY KEY)`)
	orders, err := schema.NewTables(db).Table(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	source := choice.Source(zap.NewNop(), db, choice.Config{Syncs: func(string) bool { return true }}, nil)
	if err := source.Arm(t.Context(), []*schema.Table{orders}, nil); err != nil {
		t.Fatal(err)
	}
	testkit.Shared(t).Open(t, db.Name).MustExec(`INSERT INTO orders VALUES (1), (2)`)
	if n, err := choice.Stopped(db).Count(t.Context(), 10); n != 2 || err != nil {
		t.Errorf("%d writes wait (%v), want 2", n, err)
	}
	if standing, err := choice.Standing(t.Context(), db); len(standing) == 0 || err != nil {
		t.Errorf("%q are found (%v)", standing, err)
	}
	if err := choice.Uninstall(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if standing, err := choice.Standing(t.Context(), db); len(standing) > 0 || err != nil {
		t.Errorf("%q are left (%v)", standing, err)
	}
}
