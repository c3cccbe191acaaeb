package outbox_test

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestWhoNeedsARow(t *testing.T) {
	t.Parallel()
	own, later := change.Version{Time: 5, Origin: "b"}, change.Version{Time: 5, Origin: change.Origin("b", "2")}
	other := change.Version{Time: 5, Origin: "a"}
	for name, c := range map[string]struct {
		from  string
		v     change.Version
		needs bool
	}{
		"made here":                             {"", other, true},
		"made here in the remote's name":        {"", own, true}, // as after a restored backup, or a repair
		"received from the remote":              {"b", other, false},
		"written there, received via a detour":  {"c", own, false},
		"written there in a later life":         {"c", later, false},
		"received from another":                 {"c", other, true},
		"decided for the remote's row":          {"c", change.Decided(5, "b", "m"), true},
		"decided for its row, received from it": {"b", change.Decided(5, "b", "m"), false},
		"from a client with a similar name":     {"c", change.Version{Time: 5, Origin: "bb"}, true},
	} {
		if got := outbox.Needs("b", c.from, c.v); got != c.needs {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestTheServerKnowsWhoNeedsARow compares the rule in SQL with the one in Go, for a few remotes, sources and origins.
func TestTheServerKnowsWhoNeedsARow(t *testing.T) {
	t.Parallel()
	db := testkit.OwnSchema(t)
	clients := []string{"b", "B", "bb", "node_b", "nodexb", "b-2", "2"}
	origins := []string{"b@"}
	for _, c := range clients {
		origins = append(origins, c, change.Origin(c, "2"), change.Origin(c, "b"), change.Decided(1, c, "b").Origin, change.Decided(1, "", c).Origin)
	}
	type key struct{ from, origin string }
	rows := map[string]key{}
	for _, from := range append([]string{""}, clients...) {
		for _, origin := range origins {
			id := fmt.Sprint(len(rows))
			rows[id] = key{from, origin}
			written(t, db, "t", id, int64(1+len(rows)), 1, origin, from)
		}
	}
	for _, remote := range clients {
		var found []string
		if err := db.SelectContext(t.Context(), &found, `SELECT row_id FROM sync_versions WHERE `+outbox.Needed(remote)); err != nil {
			t.Fatal(err)
		}
		needed := map[string]bool{}
		for _, id := range found {
			needed[id] = true
		}
		for id, k := range rows {
			if want := outbox.Needs(remote, k.from, change.Version{Time: 1, Origin: k.origin}); needed[id] != want {
				t.Errorf("%s needs a version of %s that came from %q: %v in SQL, %v in Go", remote, k.origin, k.from, needed[id], want)
			}
		}
	}
}
