package capture

import (
	"database/sql"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

func TestWithSeveralServersTheLastWriteIsUnknown(t *testing.T) {
	row := change.Row{Table: "orders", Key: "1"}
	there, gone := sql.NullBool{Valid: true}, sql.NullBool{Valid: true, Bool: true}
	const one, two = 1, 2
	for name, c := range map[string]struct {
		entries []Entry
		want    version.Fate
	}{
		"one server, deleted last":           {[]Entry{{Server: one, ID: 1, Gone: there}, {Server: one, ID: 2, Gone: gone}}, version.Deleted},
		"one server, inserted again":         {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: one, ID: 2, Gone: there}}, version.There},
		"two servers, of one mind":           {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: two, ID: 1, Gone: gone}}, version.Deleted},
		"two servers, of two":                {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: two, ID: 1, Gone: there}}, version.Unknown},
		"two servers, and one of them twice": {[]Entry{{Server: one, ID: 1, Gone: gone}, {Server: two, ID: 1, Gone: there}, {Server: two, ID: 2, Gone: there}}, version.Unknown},
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
