package snapshot_test

import (
	"context"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestAChecksumReadsABoundedNumberOfRows asks for the checksum of a whole table, as anyone may.
func TestAChecksumReadsABoundedNumberOfRows(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const most = 10 * wire.VerifyRows
	digits := "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
	db := testkit.OwnSchema(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)",
		"INSERT INTO t SELECT a.d + 10*b.d + 100*c.d + 1000*d.d + 10000*e.d, 1 FROM "+digits+" a, "+digits+" b, "+digits+" c, "+digits+" d, (SELECT 0 d UNION SELECT 1) e")
	table, err := schema.NewTables(db).Table(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	for upTo, want := range map[string]int64{"999": 1000, "9999": most, "10000": most + 1, "": most + 1} {
		var r snapshot.Range
		if upTo != "" {
			r.UpTo = []byte(upTo)
		}
		count, sum, err := snapshot.Sum(ctx, db, table, table.Names(), r, wire.FormLarge)
		if err != nil {
			t.Fatal(err)
		}
		if count != want || (sum != "") != (want <= most) {
			t.Errorf("up to %q: %d rows, checksum %q; want %d", upTo, count, sum, want)
		}
	}
}
