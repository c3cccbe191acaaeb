package capture

import (
	"database/sql"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestTheLastWriteIsUnknownIfIDsDoNotGiveTheOrder(t *testing.T) {
	row := change.Row{Table: "orders", Key: "1"}
	there, gone := sql.NullBool{Valid: true}, sql.NullBool{Valid: true, Bool: true}
	const one, two = 1, 2
	for name, c := range map[string]struct {
		entries []Entry
		want    version.Fate
	}{
		"one server, deleted last":       {[]Entry{{Server: one, ID: 1, Gone: there}, {Server: one, ID: 2, Gone: gone}}, version.Deleted},
		"one server, inserted again":     {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: one, ID: 2, Gone: there}}, version.There},
		"two servers that agree":         {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: two, ID: 1, Gone: gone}}, version.Deleted},
		"two servers that disagree":      {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: two, ID: 1, Gone: there}}, version.Unknown},
		"two servers, one of them twice": {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: two, ID: 1, Gone: there}, {Server: two, ID: 2, Gone: there}}, version.Unknown},
		"deleted last, at the same time": {[]Entry{{ID: 1, Written: 5, Gone: there}, {ID: 2, Written: 5, Gone: gone}}, version.Deleted},
		"renumbered, deleted last":       {[]Entry{{ID: 1, Written: 9, Gone: gone}, {ID: 2, Written: 5, Gone: there}}, version.Unknown},
		"renumbered, in between":         {[]Entry{{ID: 1, Written: 4, Gone: there}, {ID: 2, Written: 9, Gone: gone}, {ID: 3, Written: 5, Gone: there}}, version.Unknown},
		"renumbered, all agree":          {[]Entry{{ID: 1, Written: 9, Gone: there}, {ID: 2, Written: 5, Gone: there}}, version.There},
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
