package apply

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestALoneRowThatIsRefusedIsRefusedForItsOwnReason, though what writes it is sent with the COMMIT: nothing of it is there then, and the
// error is the one of that statement.
func TestALoneRowThatIsRefusedIsRefusedForItsOwnReason(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE items (id INT PRIMARY KEY, code INT UNIQUE, note VARCHAR(20), CHECK (code < 100))", "INSERT INTO items VALUES (1, 7, 'mine')")
	tables := schema.NewTables(db)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	own := testkit.Shared(t).Connect(t, db.Name)
	own.Fence(`SELECT 1`, func() {})
	a := New(zap.NewNop(), own, tables, outbox.New(db, tables, stream), triggers, stream, Config{Origin: "node-a", Syncs: func(string) bool { return true }})
	at0 := change.Micros(time.Now())
	write := func(id, code string) Result {
		t.Helper()
		at0++
		in := Incoming{From: "node-b"}
		in.Row = change.Row{Table: "items", Key: id}
		if code != "" {
			in.Columns, in.Values = []string{"id", "code", "note"}, [][]byte{[]byte(id), []byte(code), []byte("theirs")}
		}
		in.State = state(at(at0, "node-b"))
		results, err := a.Apply(t.Context(), []Incoming{in})
		if err != nil {
			t.Fatal(err)
		}
		return results[0]
	}
	has := func(want string) {
		t.Helper()
		var got string
		err := db.GetContext(t.Context(), &got, `SELECT CONCAT_WS(' ', (SELECT GROUP_CONCAT(id, '=', code ORDER BY id) FROM items), (SELECT GROUP_CONCAT(CAST(row_id AS CHAR) ORDER BY row_id) FROM sync_versions))`)
		if err != nil || got != want {
			t.Errorf("the node has %q, want %q: %v", got, want, err)
		}
	}
	if r := write("2", "8"); r.Err != nil || !r.Wrote {
		t.Errorf("a new row: %+v", r)
	}
	has("1=7,2=8 2")
	for _, refused := range []struct{ id, code, why string }{{"3", "7", "uplicate"}, {"4", "100", "items"}, {"2", "7", "uplicate"}} {
		r := write(refused.id, refused.code)
		if r.Err == nil || r.Wrote || strings.Contains(r.Err.Error(), "sent with it") || !strings.Contains(r.Err.Error(), refused.why) {
			t.Errorf("row %s with code %s: %+v", refused.id, refused.code, r)
		}
		has("1=7,2=8 2")
	}
	if r := write("2", "9"); r.Err != nil || !r.Wrote {
		t.Errorf("an update: %+v", r)
	}
	if r := write("2", ""); r.Err != nil || !r.Wrote {
		t.Errorf("a delete: %+v", r)
	}
	has("1=7 2")
}
