package trigger

import (
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
)

func TestABatchPartsNoEntriesWithOneID(t *testing.T) {
	entries := make([]capture.Entry, batchSize+1)
	for i := range entries {
		entries[i].ID = uint64(i)
	}
	if got := len(whole(entries[:batchSize])); got != batchSize {
		t.Errorf("%d entries of a batch are left", got)
	}
	if got := len(whole(entries)); got != batchSize {
		t.Errorf("%d entries of one more than a batch are left", got)
	}
	entries[batchSize-1].ID = entries[batchSize].ID
	if got := len(whole(entries)); got != batchSize-1 {
		t.Errorf("%d entries are left where the last two have one id", got)
	}
	for i := range entries {
		entries[i].ID = 7
	}
	if got := len(whole(entries)); got != batchSize+1 {
		t.Errorf("%d entries are left where all have one id", got)
	}
}
