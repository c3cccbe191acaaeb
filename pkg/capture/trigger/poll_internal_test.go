package trigger

import (
	"errors"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestABatchDoesNotSplitEntriesWithOneID(t *testing.T) {
	entries := make([]capture.Entry, batchSize+1)
	for i := range entries {
		entries[i].ID = uint64(i)
	}
	if got := len(whole(entries[:batchSize])); got != batchSize {
		t.Errorf("%d entries of a batch left", got)
	}
	if got := len(whole(entries)); got != batchSize {
		t.Errorf("%d entries left of a batch and one more", got)
	}
	entries[batchSize-1].ID = entries[batchSize].ID
	if got := len(whole(entries)); got != batchSize-1 {
		t.Errorf("%d entries left when the last two share an ID", got)
	}
	for i := range entries {
		entries[i].ID = 7
	}
	if got := len(whole(entries)); got != batchSize+1 {
		t.Errorf("%d entries left when all share an ID", got)
	}
}

// A server was killed after a poll, lost what was not on disk, and gave the IDs to other changes.
func TestABatchConsumesNoEntriesThatReuseItsIDs(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	const insert = `INSERT INTO table_changes (id, table_name, primary_key, date, gone) VALUES `
	testkit.Exec(t, db, insert+`(7, 't', '1', UTC_TIMESTAMP(6), 0), (8, 't', '2', UTC_TIMESTAMP(6), 0)`)
	s := New(zap.NewNop(), db, Config{Syncs: func(string) bool { return true }})
	b, err := s.Next(t.Context())
	if err != nil || len(b.Entries()) != 2 {
		t.Fatal(b, err)
	}
	testkit.Exec(t, db, `DELETE FROM table_changes`)
	testkit.Exec(t, db, insert+`(7, 't', '3', UTC_TIMESTAMP(6) + INTERVAL 1 SECOND, 1), (8, 't', '4', UTC_TIMESTAMP(6) + INTERVAL 1 SECOND, 1)`)
	err = mysqldb.InTx(t.Context(), db, func(tx mysqldb.Tx) error { return b.Consume(t.Context(), tx, &version.Writing{}) })
	if !errors.Is(err, capture.ErrConsumed) {
		t.Errorf("consuming others' entries: %v", err)
	}
	if n, err := s.Count(t.Context(), 10); err != nil || n != 2 {
		t.Errorf("%d entries left, %v", n, err)
	}
}
