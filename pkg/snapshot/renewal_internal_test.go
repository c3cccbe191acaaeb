package snapshot

import (
	"context"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// marks records what is marked.
type marks []string

func (m *marks) Mark(_ context.Context, _ mysqldb.Tx, rows []change.Row, _ string) error {
	for _, r := range rows {
		*m = append(*m, r.Key)
	}
	slices.Sort(*m)
	return nil
}

// TestARowDeletedBeforeItsLatchStaysDeleted: the keys of a chunk are read first, and a delete from
// another remote may be recorded before they are latched. A row that was inserted again exists,
// whatever was recorded last. Promise 2.
func TestARowDeletedBeforeItsLatchStaysDeleted(t *testing.T) {
	t.Parallel()
	for name, columns := range map[string]string{"a number": "a INT PRIMARY KEY, n INT", "spelled": "a VARCHAR(9) PRIMARY KEY, n INT", "nothing else": "a INT PRIMARY KEY"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OwnSchema(t, "CREATE TABLE t ("+columns+")", "INSERT INTO t (a) VALUES (1), (2), (4)")
			table, err := schema.Read(t.Context(), db, db.Name, "t")
			if err != nil {
				t.Fatal(err)
			}
			var rows []change.Row
			for _, key := range []string{"1", "2", "3", "4"} {
				rows = append(rows, change.Row{Table: "t", Key: key})
			}
			if err := table.Identify(t.Context(), db, rows); err != nil {
				t.Fatal(err)
			}
			known := func(i int, fate version.Fate) version.Entry {
				return version.Entry{Row: rows[i], Fate: fate, State: change.State{Version: change.Version{Time: 7, Origin: "node-c"}}}
			}
			if err := version.Write(t.Context(), db, []version.Entry{known(0, version.There), known(1, version.Deleted), known(2, version.Deleted)}); err != nil {
				t.Fatal(err)
			}
			var marked marks
			r := &Renewal{Remote: "node-b", Origin: "node-a", Written: 9}
			err = r.Renew(t.Context(), &renewing{db, table, &marked}, rows, func(int) int64 { return 1 })
			if want := []string{"1", "2", "4"}; err != nil || !slices.Equal(marked, want) {
				t.Errorf("marked %q, want %q: %v", marked, want, err)
			}
			states, err := version.Read(t.Context(), db, rows)
			for i, want := range []string{"node-a", "node-a", "node-c", "node-a"} {
				if got := states[rows[i]].Version.Origin; err != nil || got != want {
					t.Errorf("row %s has a version of %q, want %q: %v", rows[i].Key, got, want, err)
				}
			}
		})
	}
}
