package apply

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestARowInsertedDuringApplyIsLocked stops apply after it has looked for a row, which is missing, and before it looks
// for local changes. Meanwhile a user inserts the row. The incoming delete is later: the row must be deleted and kept as
// the loser; it must not stay under the delete's version.
func TestARowInsertedDuringApplyIsLocked(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE items (id INT PRIMARY KEY, note TEXT)")
	exec := func(to mysqldb.Execer, statements ...string) { t.Helper(); testkit.Exec(t, to, statements...) }
	tables := schema.NewTables(db)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	a := New(zap.NewNop(), testkit.Shared(t).Connect(t, db.Name), tables, outbox.New(db, tables, stream), triggers, stream, Config{Origin: "node-a", Syncs: func(string) bool { return true }})

	holder, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	exec(holder, "LOCK TABLES sync_versions WRITE")
	in := Incoming{From: "node-b"}
	in.Row = change.Row{Table: "items", Key: "1"}
	in.State = state(at(change.Micros(time.Now().Add(time.Hour)), "node-b"))
	applied := make(chan error, 1)
	go func() {
		results, err := a.Apply(context.WithoutCancel(t.Context()), []Incoming{in})
		if err == nil {
			err = results[0].Err
		}
		applied <- err
	}()
	testkit.Eventually(t, "apply looks for local changes", func() error {
		var n int
		err := db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM information_schema.PROCESSLIST
			WHERE DB = ? AND INFO LIKE '%FROM sync_versions%' AND STATE LIKE 'Waiting for table%'`, db.Name)
		if err == nil && n == 0 {
			err = fmt.Errorf("it does not wait")
		}
		return err
	})
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
		exec(tx, "INSERT INTO items VALUES (1, 'new')",
			"INSERT INTO table_changes (table_name, primary_key, date, origin) VALUES ('items', '1', UTC_TIMESTAMP(6), NULL)")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	exec(holder, "UNLOCK TABLES")
	if err := <-applied; err != nil {
		t.Fatal(err)
	}

	var got []string
	err = db.SelectContext(t.Context(), &got, `SELECT CONCAT('row ', note) FROM items
		UNION SELECT CONCAT('change ', primary_key) FROM table_changes
		UNION SELECT CONCAT('version ', time - ?, ' ', origin) FROM sync_versions
		UNION SELECT CONCAT('lost ', loser_row) FROM sync_conflicts`, in.Version.Time)
	want := []string{"version 0 node-b", `lost {"id":"1","note":"new"}`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the node holds %q, %v, want %q", got, err, want)
	}
}
