package trigger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestConsecutiveIDsBecomeRanges(t *testing.T) {
	for want, ids := range map[string][]uint64{
		"(id IN (7))":                            {7},
		"(id IN (1,2,3))":                        {1, 2, 3},
		"(id BETWEEN 1 AND 3 OR id IN (4))":      {1, 2, 3, 4},
		"(id BETWEEN 5 AND 8 OR id IN (1,9,11))": {1, 5, 6, 7, 8, 9, 11},
		"(id BETWEEN 1 AND 3 OR id BETWEEN 6 AND 8 OR id IN (4,9,18446744073709551615))": {1, 2, 3, 4, 6, 7, 8, 9, 18446744073709551615},
	} {
		if got := deleteChanges(ids); !strings.HasSuffix(got, " AND "+want) {
			t.Errorf("condition %s, want %q", got, want)
		}
	}
}

// TestChangesAreDeletedWithoutWaitingForOpenTransactions keeps a user's transaction open whose
// entries lie between, before and after the deleted ones, in tables of several sizes.
func TestChangesAreDeletedWithoutWaitingForOpenTransactions(t *testing.T) {
	t.Parallel()
	for _, size := range []uint64{6, 40, 700} {
		db := testkit.OwnSchema(t)
		insert := func(first, last, step uint64) string {
			var list []string
			for id := first; id <= last; id += step {
				list = append(list, fmt.Sprintf("(%d, 'orders', '%d', UTC_TIMESTAMP(6))", id, id))
			}
			return `INSERT INTO table_changes (id, table_name, primary_key, date) VALUES ` + strings.Join(list, ",")
		}
		open := map[uint64]bool{1: true, size/2 + 1: true, size: true}
		var ids []uint64
		for id := uint64(1); id <= size; id++ {
			if !open[id] {
				ids = append(ids, id)
				testkit.Exec(t, db, insert(id, id, 1))
			}
		}
		var analyzed []any
		_ = db.Select(&analyzed, `ANALYZE TABLE table_changes`) // only so that the server knows the size
		user, err := db.DB.Begin()
		if err != nil {
			t.Fatal(err)
		}
		for id := range open {
			testkit.Exec(t, user, insert(id, id, 1))
		}
		if _, err := db.Exec(deleteChanges(ids)); err != nil {
			t.Errorf("%d entries: %v", size, err)
		}
		if err := user.Rollback(); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := db.Get(&left, `SELECT COUNT(*) FROM table_changes`); err != nil || left > 0 {
			t.Errorf("%d entries: %d left, %v", size, left, err)
		}
	}
}
