package backup

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

var acme = ledger.Identity{Connector: "c-7", Org: "acme", Hub: "h-1"}

func TestB02TheKeyOfACopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, template, file string
		who                  ledger.Identity
		want, wrong          string
	}{
		{"the default", "", "/var/lib/connector.db", acme, "acme/datahub/h-1/connector/c-7/connector.db", ""},
		{"letters of any script", "{org}/Köln/{id}", "a.db", ledger.Identity{Connector: "北京", Org: "é"}, "é/Köln/北京", ""},
		{"dots in a name", "{id}/..a/{file}", "..x.db", acme, "c-7/..a/..x.db", ""},
		{"no org", "", "a.db", ledger.Identity{Connector: "c-7", Hub: "h-1"}, "", "connector.org"},
		{"no id", "{org}/state.db", "a.db", acme, "", "lacks {id}"},
		{"an unknown name", "{id}/{region}", "a.db", acme, "", "{region}"},
		{"open", "{id}/{file", "a.db", acme, "", "without a }"},
		{"closed", "{id}/file}", "a.db", acme, "", "without a {"},
		{"leading slash", "/{id}", "a.db", acme, "", "begins with a slash"},
		{"parent", "{id}/../x", "a.db", acme, "", `".."`},
		{"an id that is ..", "{org}/{id}/x", "a.db", ledger.Identity{Connector: "..", Org: "acme"}, "", `".."`},
		{"an id with a slash", "{id}", "a.db", ledger.Identity{Connector: "a/b"}, "", "slash"},
		{"an id with a backslash", "{id}", "a.db", ledger.Identity{Connector: `a\b`}, "", "slash"},
		{"empty part", "{id}//x", "a.db", acme, "", `""`},
		{"trailing slash", "{id}/", "a.db", acme, "", `""`},
		{"not UTF-8", "{id}/\xff", "a.db", acme, "", "UTF-8"},
		{"control character", "{id}/a\nb", "a.db", acme, "", "control"},
		{"too long", "{id}/" + strings.Repeat("x", longestKey), "a.db", acme, "", "bytes"},
		{"braces in a value", "{id}", "a.db", ledger.Identity{Connector: "{org}"}, "{org}", ""}, // expanded once
	} {
		got, err := expand(c.template, c.who, c.file)
		if c.wrong == "" && (err != nil || got != c.want) || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: got %q, %v", c.what, got, err)
		}
	}
}

func TestB02OnlyOurOwnOlderCopiesCountAsSuch(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 14, 0, 1, 0, time.FixedZone("", 3600))
	if got, ok := shelvedAt("a/state.db", shelved("a/state.db", at)); !ok || !got.Equal(at) {
		t.Errorf("%v %v", got, ok)
	}
	for _, other := range []string{"a/state.db", "a/state.db.lease", "a/state.db.20261127", "a/state.dbx.20261127T130001Z", "b/state.db.20261127T130001Z", "a/state.db.20261127T130001Z.lease"} {
		if _, ok := shelvedAt("a/state.db", other); ok {
			t.Errorf("%s counts as a copy and may be removed", other)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add(defaultKey, "acme", "h-1", "c-7", "connector.db")
	f.Add("{id}/..", "", "", "..", ".")
	f.Fuzz(func(t *testing.T, template, org, hub, id, file string) {
		key, err := expand(template, ledger.Identity{Connector: id, Org: org, Hub: hub}, file)
		if err != nil {
			return
		}
		if !utf8.ValidString(key) || len(key) > longestKey || strings.HasPrefix(key, "/") || strings.Contains("/"+key+"/", "/../") || key == "" {
			t.Errorf("%q", key)
		}
	})
}

func TestB03ACopyIsDueWhenItIsMissingOrOlder(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, c := range []struct {
		what string
		found
		want bool
		left time.Duration
	}{
		{"missing", found{presence: missing, now: now}, true, 0},
		{"just made", found{presence: there, at: now, now: now}, false, day + time.Second},
		{"a second short of a day", found{presence: there, at: now.Add(time.Second - day), now: now}, false, 2 * time.Second},
		{"a day old", found{presence: there, at: now.Add(-day), now: now}, false, time.Second},
		{"a second more", found{presence: there, at: now.Add(-day - time.Second), now: now}, true, 0},
		{"a few seconds ahead", found{presence: there, at: now.Add(farAhead), now: now}, false, day + farAhead + time.Second},
		{"from the future", found{presence: there, at: now.Add(farAhead + time.Second), now: now}, true, 0},
		{"from before the state was restored", found{presence: there, at: now, now: now, older: true}, true, 0},
		{"hidden, never uploaded", found{presence: hidden, now: now}, true, 0},
		{"hidden, uploaded an hour ago", found{presence: hidden, at: now.Add(-time.Hour), now: now}, false, 23*time.Hour + time.Second},
		{"hidden, uploaded two days ago", found{presence: hidden, at: now.Add(-2 * day), now: now}, true, 0},
	} {
		if is, left := due(c.found, day); is != c.want || left != c.left {
			t.Errorf("%s: %v, %v", c.what, is, left)
		}
	}
	if again(1) != time.Minute || again(2) != 2*time.Minute || again(7) != time.Hour || again(1000) != time.Hour {
		t.Error("pauses do not double up to an hour")
	}
}
