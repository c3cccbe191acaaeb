package capture

import (
	"database/sql"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestOfSeveralServersNobodyKnowsWhichWasLast(t *testing.T) {
	row := change.Row{Table: "orders", Key: "1"}
	there, gone := sql.NullBool{Valid: true}, sql.NullBool{Valid: true, Bool: true}
	one, two := uint64(1)<<serverBits, uint64(2)<<serverBits
	for name, c := range map[string]struct {
		entries []Entry
		want    version.Fate
	}{
		"one server, deleted last":           {[]Entry{{ID: one + 1, Gone: there}, {ID: one + 2, Gone: gone}}, version.Deleted},
		"one server, inserted again":         {[]Entry{{ID: one + 1, Gone: gone}, {ID: one + 2, Gone: there}}, version.There},
		"two servers, of one mind":           {[]Entry{{ID: one + 1, Gone: gone}, {ID: two + 1, Gone: gone}}, version.Deleted},
		"two servers, of two":                {[]Entry{{ID: one + 1, Gone: gone}, {ID: two + 1, Gone: there}}, version.Unknown},
		"two servers, and one of them twice": {[]Entry{{ID: one + 1, Gone: gone}, {ID: two + 1, Gone: there}, {ID: two + 2, Gone: there}}, version.Unknown},
	} {
		for i := range c.entries {
			c.entries[i].Row = row
		}
		_, last := Newest(c.entries)
		if got := last[row.Identity()].fate(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestABatchPartsNoEntriesWithOneID(t *testing.T) {
	entries := make([]Entry, batchSize+1)
	for i := range entries {
		entries[i].ID = uint64(i)
	}
	if got := len(batch(entries[:batchSize])); got != batchSize {
		t.Errorf("%d entries of a batch are left", got)
	}
	if got := len(batch(entries)); got != batchSize {
		t.Errorf("%d entries of one more than a batch are left", got)
	}
	entries[batchSize-1].ID = entries[batchSize].ID
	if got := len(batch(entries)); got != batchSize-1 {
		t.Errorf("%d entries are left where the last two have one id", got)
	}
	for i := range entries {
		entries[i].ID = 7
	}
	if got := len(batch(entries)); got != batchSize+1 {
		t.Errorf("%d entries are left where all have one id", got)
	}
}
