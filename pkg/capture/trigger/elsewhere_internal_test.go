package trigger

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestATableHeldInAnotherSchemaHoldsUpNoCapture has a RENAME wait in another schema of the server, with a table that none
// may look at meanwhile.
func TestATableHeldInAnotherSchemaHoldsUpNoCapture(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	other := testkit.Schema(t, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)")
	testkit.Exec(t, other, "CREATE TRIGGER mine AFTER INSERT ON a FOR EACH ROW SET @x = 1")
	users := testkit.Shared(t).Open(t, other.Name)
	reader, err := users.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Exec(t, reader, "SELECT * FROM b")
	renamed := make(chan struct{})
	t.Cleanup(func() {
		_ = reader.Rollback()
		<-renamed
	})
	go func() {
		defer close(renamed)
		_, _ = users.ExecContext(context.WithoutCancel(t.Context()), "RENAME TABLE a TO c, b TO a")
	}()
	testkit.Eventually(t, "the RENAME to wait", func() error {
		var n int
		err := db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = ? AND STATE LIKE 'Waiting for table%'`, other.Name)
		if err == nil && n == 0 {
			err = fmt.Errorf("it does not")
		}
		return err
	})

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // only a failure takes that long
	defer cancel()
	testkit.Exec(t, db, `INSERT INTO table_changes (table_name, primary_key, date, gone) VALUES ('t', '1', UTC_TIMESTAMP(6), 1)`)
	db = testkit.Shared(t).Connect(t, db.Name, config.Variable{Name: "lock_wait_timeout", Value: 10_000}) // or the server would look away after a second
	s := New(zap.NewNop(), db, Config{Syncs: func(string) bool { return true }})
	if b, err := s.Next(ctx); err != nil || len(b.Entries()) != 1 {
		t.Errorf("next: %v", err)
	}
	standing, err := readTriggers(ctx, db, []string{})
	if err != nil {
		t.Errorf("read the triggers: %v", err)
	}
	if _, err := install(ctx, zap.NewNop(), db, nil, standing, 1, nil); err != nil {
		t.Errorf("install: %v", err)
	}
}
