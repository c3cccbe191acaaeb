package apply

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// TestOtherChangesWithTheSameIDStay: three changes have one ID, as when two members of a cluster assign it, or a server
// whose clock was set back. The one superseded by a received row goes; the others are still captured.
func TestOtherChangesWithTheSameIDStay(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE items (id VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY, note TEXT)", "INSERT INTO items VALUES ('a', 'mine'), ('b', 'mine')",
		`INSERT INTO table_changes (id, table_name, primary_key, date) VALUES (77, 'items', 'a', UTC_TIMESTAMP(6) - INTERVAL 3 SECOND),
		(77, 'items', 'b', UTC_TIMESTAMP(6) - INTERVAL 2 SECOND), (77, 'orders', 'a', UTC_TIMESTAMP(6) - INTERVAL 1 SECOND), (78, 'items', 'A', UTC_TIMESTAMP(6))`)
	tables := schema.NewTables(db)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	a := New(zap.NewNop(), testkit.Shared(t).Connect(t, db.Name), tables, outbox.New(db, tables, stream), triggers, stream, Config{Origin: "node-a", Syncs: func(string) bool { return true }})
	in := Incoming{From: "node-b"}
	in.Row = change.Row{Table: "items", Key: "A"}
	in.Columns, in.Values = []string{"id", "note"}, [][]byte{[]byte("A"), []byte("theirs")}
	in.State = state(at(change.Micros(time.Now().Add(time.Hour)), "node-b"))
	results, err := a.Apply(t.Context(), []Incoming{in})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	var got []string
	err = db.SelectContext(t.Context(), &got, `SELECT CAST(CONCAT('row ', id, ' ', note) AS BINARY) FROM items UNION ALL SELECT CAST(CONCAT('change ', table_name, ' ', primary_key) AS BINARY) FROM table_changes ORDER BY 1`)
	if want := []string{"change items b", "change orders a", "row A theirs", "row b mine"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the node holds %q, %v, want %q", got, err, want)
	}
}
