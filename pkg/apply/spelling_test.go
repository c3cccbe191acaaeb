package apply

import (
	"fmt"
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

// TestSpellingsOfOneRowConvergeInAnyOrder applies a row's versions, each in a different spelling and the last a delete, in
// all orders, in one batch and one by one, and then the first one again.
func TestSpellingsOfOneRowConvergeInAnyOrder(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, "CREATE TABLE words (w VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n INT)")
	tables := schema.NewTables(db)
	stream, err := version.OpenStream(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	a := New(zap.NewNop(), testkit.Shared(t).Connect(t, db.Name), tables, outbox.New(db, tables, stream), triggers, stream,
		Config{Origin: "node-a", Syncs: func(string) bool { return true }, Receives: func(string) bool { return true }})
	first := change.Micros(time.Now())
	incoming := func(spelling string, age int64, deleted bool) Incoming {
		in := Incoming{From: "node-b"}
		in.Row = change.Row{Table: "words", Key: spelling}
		in.Version = change.Version{Time: first + age, Origin: "node-b"}
		for earlier := range age {
			in.Seen = in.Seen.With(change.Version{Time: first + earlier, Origin: "node-b"})
		}
		if !deleted {
			in.Columns, in.Values = []string{"w", "n"}, [][]byte{[]byte(spelling), fmt.Append(nil, age)}
		}
		return in
	}
	for i, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for _, together := range []bool{true, false} {
			word := fmt.Sprintf("%d%v", i, together)
			versions := []Incoming{incoming("bob"+word, 0, false), incoming("Bób"+word, 1, false), incoming("BOB"+word+" ", 2, true)}
			var changes []Incoming
			for _, n := range append(order, order[0]) {
				changes = append(changes, versions[n])
			}
			size := 1
			if together {
				size = len(changes)
			}
			for part := range slices.Chunk(changes, size) {
				results, err := a.Apply(t.Context(), part)
				for _, r := range results {
					if err == nil {
						err = r.Err
					}
				}
				if err != nil {
					t.Fatalf("order %v, together: %v: %v", order, together, err)
				}
			}
			var rows, known int
			err := db.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM words), (SELECT COUNT(*) FROM sync_versions WHERE time = ? AND deleted = 1)`, first+2).Scan(&rows, &known)
			if err != nil || rows != 0 || known != 2*i+map[bool]int{true: 1, false: 2}[together] {
				t.Errorf("order %v, together: %v: %d rows left, and %d know the delete, %v", order, together, rows, known, err)
			}
		}
	}
}
