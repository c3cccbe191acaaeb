package schema_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestATableThatIsBeingAlteredIsReadWholeOrNotAtAll, by those who can try again: MariaDB's catalog leaves out what is held exclusively.
func TestATableThatIsBeingAlteredIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	server := testkit.Shared(t)
	name := server.Create(t)
	db, user := server.Connect(t, name), server.Connect(t, name)
	testkit.Exec(t, user, `CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, UNIQUE (a, b), CHECK (a < b))`, `CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1`)
	ctx, stop := context.WithCancel(t.Context())
	var alters sync.WaitGroup
	alters.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := user.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(`ALTER TABLE t COMMENT = '%d'`, i)); err != nil && !mysqldb.Transient(err) {
				t.Error(err)
				return
			}
		}
	})
	read := 0
	for range 60 {
		table, err := schema.NewTables(db).Table(ctx, "t")
		switch {
		case err == nil && len(table.Columns) == 3 && len(table.Key) == 1 && len(table.Unique) == 1 && len(table.Together) == 2 && table.Triggered:
			read++
		case err == nil:
			t.Errorf("a part of it was read: %d columns, key %v, unique %v, together %v, triggered %v", len(table.Columns), table.Key, table.Unique, table.Together, table.Triggered)
		case !mysqldb.Transient(err):
			t.Errorf("it is taken for another table: %v", err)
		}
	}
	stop()
	alters.Wait()
	if read == 0 {
		t.Error("it was never read")
	}
}
