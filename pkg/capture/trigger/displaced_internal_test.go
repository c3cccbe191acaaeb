package trigger

import (
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestOnlyDisownedChangesAreRemoved has changes of other tables, and one in the table for an
// existing row, with the IDs of the removed ones: members of a cluster may give one ID to two
// changes.
func TestOnlyDisownedChangesAreRemoved(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t, `INSERT INTO table_changes (id, table_name, primary_key, date, gone) VALUES
		(5, 'orders', 'gone', '2026-01-01 00:00:01', 1), (5, 'items', 'other table', '2026-01-01 00:00:02', 1), (5, 'orders', 'there', '2026-01-01 00:00:03', 0),
		(6, 'orders', 'unknown', '2026-01-01 00:00:04', NULL), (7, 'orders', 'gone', '2026-01-01 00:00:05', 1), (8, 'orders', 'gone', '2026-01-01 00:00:06', 1),
		(7, 'items', 'in a run of ids', '2026-01-01 00:00:07', NULL)`)
	n, err := takeOut(t.Context(), db, "orders")
	if err != nil || n != 4 {
		t.Errorf("removed %d, %v, want 4", n, err)
	}
	var got []string
	err = db.SelectContext(t.Context(), &got, `SELECT primary_key FROM table_changes ORDER BY primary_key`)
	if want := []string{"in a run of ids", "other table", "there"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("left %q, %v, want %q", got, err, want)
	}
}
