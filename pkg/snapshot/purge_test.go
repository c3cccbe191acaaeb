package snapshot

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// TestPurgeForgetsOnlyOldTombstones keeps the versions of rows that exist, that were deleted
// recently, that a remote has yet to be sent, and whose delete waits to be recorded. A row that vanished is no tombstone, but goes too.
func TestPurgeForgetsOnlyOldTombstones(t *testing.T) {
	ctx, db := t.Context(), testkit.OwnSchema(t)
	long := strings.Repeat("x", 64)
	stays, goes := strings.Repeat("s", 70), strings.Repeat("g", 70) // as capture records them
	recent := time.Now().UnixMicro()
	for _, q := range []string{
		`CREATE TABLE items (id VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY)`,
		`INSERT INTO items VALUES ('there'), ('` + strings.ToUpper(stays) + `')`,
		`INSERT INTO sync_versions (table_name, row_id, time, origin, deleted) VALUES ('items', 'there', 5, 'node-a', 0), ('items', 'gone', 5, 'node-a', 0),
			('items', 'waits', 5, 'node-a', 0), ('items', '` + long + `', 5, 'node-a', 1), ('other', 'gone', 5, 'node-a', 1)`,
		`INSERT INTO sync_outbox (remote, table_name, row_id, position, token) VALUES ('node-b', 'items', 'waits', 1, 1)`,
		`INSERT INTO sync_versions (table_name, row_id, time, origin, position) VALUES ('items', 'due', 5, 'node-a', 8), ('items', 'acked', 5, 'node-a', 7)`,
		`INSERT INTO sync_versions (table_name, row_id, time, origin, position) VALUES ('kept', 'before', 5, 'node-a', 3), ('kept', 'held back', 5, 'node-a', 4)`,
		`CREATE TABLE kept (id VARCHAR(100) PRIMARY KEY)`,
		`INSERT INTO sync_remotes (remote, position, shown) VALUES ('node-b', 7, 7), ('node-c', 1, 1)`,
		`INSERT INTO sync_kept (remote, table_name, position) VALUES ('node-b', 'kept', 3), ('node-c', 'items', 1), ('node-b', 'other', 1)`,
	} {
		db.MustExec(q)
	}
	db.MustExec(`INSERT INTO sync_versions (table_name, row_id, time, origin) VALUES ('items', 'lately', ?, 'node-a')`, recent)
	db.MustExec(`INSERT INTO sync_versions (table_name, row_id, time, origin, deleted, label) VALUES ('items', 'vanished', 5, 'node-a', 2, 1), ('items', 'over', 5, 'node-a', 1, 1),
		('items', 'deleted', 5, 'node-a', 2, 1), ('items', 'unlabelled', 5, 'node-a', 2, 0)`)
	db.MustExec("INSERT INTO table_changes (table_name, primary_key, `date`, gone) VALUES ('items', 'deleted', NOW(6), 1), ('items', 'unlabelled', NOW(6), 1)")
	rows := []change.Row{{Table: "items", Key: stays}, {Table: "items", Key: goes}}
	tables := schema.NewTables(db)
	if err := tables.Identify(ctx, rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		db.MustExec(`INSERT INTO sync_versions (table_name, row_id, row_key, time, origin) VALUES ('items', ?, ?, 5, 'node-a')`, []byte(r.ID()), []byte(r.Key))
	}
	stream, err := version.OpenStream(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	s := New(zap.NewNop(), db, tables, nil, stream, Config{Remotes: []string{"node-b"}, Source: trigger.New(zap.NewNop(), db, trigger.Config{})})
	n, err := s.purgeTable(ctx, "items", time.Now().Add(-time.Hour))
	if err != nil || n != 6 {
		t.Fatalf("purged %d rows, want 6: %v", n, err)
	}
	if n, err := s.purgeTable(ctx, "kept", time.Now().Add(-time.Hour)); err != nil || n != 1 {
		t.Fatalf("purged %d rows of a table that is held back, want 1: %v", n, err)
	}
	var left []string
	if err := db.Select(&left, `SELECT LEFT(COALESCE(row_key, row_id), 6) FROM sync_versions ORDER BY table_name, row_id`); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(left, " "); got != "ssssss delete due lately there unlabe waits held b gone" {
		t.Fatalf("left %q", got)
	}
}
