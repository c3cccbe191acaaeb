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
		entries []entry
		want    version.Fate
	}{
		"one server, deleted last":           {[]entry{{id: one + 1, gone: there}, {id: one + 2, gone: gone}}, version.Deleted},
		"one server, inserted again":         {[]entry{{id: one + 1, gone: gone}, {id: one + 2, gone: there}}, version.There},
		"two servers, of one mind":           {[]entry{{id: one + 1, gone: gone}, {id: two + 1, gone: gone}}, version.Deleted},
		"two servers, of two":                {[]entry{{id: one + 1, gone: gone}, {id: two + 1, gone: there}}, version.Unknown},
		"two servers, and one of them twice": {[]entry{{id: one + 1, gone: gone}, {id: two + 1, gone: there}, {id: two + 2, gone: there}}, version.Unknown},
	} {
		for i := range c.entries {
			c.entries[i].row = row
		}
		_, last := newest(c.entries)
		if got := last[row.Identity()].fate(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestABatchPartsNoEntriesWithOneID(t *testing.T) {
	entries := make([]entry, batchSize+1)
	for i := range entries {
		entries[i].id = uint64(i)
	}
	if got := len(batch(entries[:batchSize])); got != batchSize {
		t.Errorf("%d entries of a batch are left", got)
	}
	if got := len(batch(entries)); got != batchSize {
		t.Errorf("%d entries of one more than a batch are left", got)
	}
	entries[batchSize-1].id = entries[batchSize].id
	if got := len(batch(entries)); got != batchSize-1 {
		t.Errorf("%d entries are left where the last two have one id", got)
	}
	for i := range entries {
		entries[i].id = 7
	}
	if got := len(batch(entries)); got != batchSize+1 {
		t.Errorf("%d entries are left where all have one id", got)
	}
}
