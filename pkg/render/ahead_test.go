package render_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestARowThatWasReadAheadIsSent under its own version, and by the definition by which it was read; any other is read when it is sent.
func TestARowThatWasReadAheadIsSent(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE notes (id INT PRIMARY KEY, text VARCHAR(20))", "INSERT INTO notes VALUES (1, 'first')")
	user := testkit.Shared(t).Connect(t, db.Name)
	db.Fence(`SELECT 1`, func() {})
	n := &render.Renderer{Log: zap.NewNop(), Client: "hub", DB: db, Tables: schema.NewTables(db), Transformers: transform.New(zap.NewNop(), nil, nil, transform.Config{}), Source: writes{}, Read: new(render.Ahead)}
	entry := version.Entry{Row: change.Row{Table: "notes", Key: "1"}, Fate: version.There}
	read := func(at int64) bool {
		t.Helper()
		entry.Version = change.Version{Time: at, Origin: "hub"}
		asked := false
		err := mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error {
			if q, ok := n.Ahead(t.Context(), entry); ok {
				asked = mysqldb.Afterwards(tx, q)
			}
			_, err := tx.ExecContext(t.Context(), "DO 1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return asked
	}
	sends := func(what string, at int64, want string) {
		t.Helper()
		item := outbox.Item{Row: entry.Row, State: change.State{Version: change.Version{Time: at, Origin: "hub"}}}
		d, err := n.Render(t.Context(), render.Target{Remote: "store-1"}, []outbox.Item{item})
		if err != nil || len(d.Outgoing) != 1 {
			t.Fatalf("%s: %+v, %v", what, d, err)
		}
		if got := string(d.Outgoing[0].Values[1]); got != want || d.Outgoing[0].Version.Time != at {
			t.Errorf("%s: sent is %q of %d, want %q", what, got, d.Outgoing[0].Version.Time, want)
		}
	}
	if asked := read(10); asked != db.MariaDB {
		t.Errorf("a row is read ahead: %v", asked)
	}
	testkit.Exec(t, user, "UPDATE notes SET text = 'second'") // it has a version of its own later
	if db.MariaDB {
		sends("as it was read", 10, "first")
		sends("to another remote", 10, "first")
	}
	sends("of another version", 9, "second")
	if !db.MariaDB {
		return
	}
	if !read(20) {
		t.Error("the next one is not read ahead")
	}
	testkit.Exec(t, user, "ALTER TABLE notes MODIFY text TEXT", "UPDATE notes SET text = 'third'")
	n.Tables.Forget("notes")
	sends("by another definition", 20, "third")
	if read(30) {
		t.Error("a row is read ahead though the last one was not asked for")
	}
	testkit.Eventually(t, "rows are read ahead again", func() error {
		time.Sleep(50 * time.Millisecond)
		if !read(40) {
			return errors.New("not yet")
		}
		return nil
	})
	sends("after a moment", 40, "third")
	testkit.Exec(t, user, "DELETE FROM notes")
	if !read(50) {
		t.Error("a row that is gone is not looked for")
	}
	entry.Fate = version.Deleted
	if read(60) {
		t.Error("a row that was deleted is read ahead")
	}
	entry.Fate = version.There
	testkit.Exec(t, user, "INSERT INTO notes VALUES (1, REPEAT('x', 65000))")
	testkit.Eventually(t, "rows are read ahead again", func() error {
		time.Sleep(50 * time.Millisecond)
		if !read(70) {
			return errors.New("not yet")
		}
		return nil
	})
	testkit.Exec(t, user, "UPDATE notes SET text = 'short'")
	sends("instead of a large one that was not kept", 70, "short")
}
