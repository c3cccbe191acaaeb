package connector_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// recorded is what DataCollect's server was recorded to send.
type recorded struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// recordedTo returns what was sent to one of the two kinds of servers.
func recordedTo(t *testing.T, kind string) (list []recorded) {
	t.Helper()
	text, err := os.ReadFile("testdata/datacollect/requests.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if u, err := url.Parse(r.Path); err == nil && u.Path == "/"+kind {
			list = append(list, r)
		}
	}
	return list
}

const eventsTable = `CREATE TABLE events (guid CHAR(36) PRIMARY KEY, entityGuid CHAR(36), type VARCHAR(40), data JSON, timestamp DATETIME(3), userId VARCHAR(40), syncLevel INT)`

// collected is a database with the events that the recorded server had, and how a
// configuration names it.
func collected(t *testing.T, pushed ...recorded) (*mysqldb.DB, block) {
	t.Helper()
	db := testkit.Schema(t, eventsTable)
	for _, r := range pushed {
		var lists map[string][]standin.SyncEvent
		if err := json.Unmarshal(r.Body, &lists); err != nil {
			t.Fatal(err)
		}
		for _, list := range lists {
			for _, e := range list {
				testkit.Exec(t, db, fmt.Sprintf(`INSERT INTO events VALUES ('%s', '%s', '%s', '%s', REPLACE(REPLACE('%s', 'T', ' '), 'Z', ''), '%s', %d)`, e.GUID, e.EntityGUID, e.Type, e.Data, e.Timestamp, e.UserID, *e.SyncLevel))
			}
		}
	}
	source := block{"type": "mysql"}
	maps.Copy(source, testkit.Shared(t).Keys(db.Name))
	return db, source
}

// same compares a request with a recorded one: method, path, body, and the headers that
// a service looks at.
func same(t *testing.T, got standin.Request, want recorded) {
	t.Helper()
	var ours, theirs any
	if len(got.Body)+len(want.Body) > 0 && (json.Unmarshal(got.Body, &ours) != nil || json.Unmarshal(want.Body, &theirs) != nil || !reflect.DeepEqual(ours, theirs)) {
		t.Errorf("sent\n%s\nwant, like the original,\n%s", got.Body, want.Body)
	}
	if got.Method != want.Method || got.Path != want.Path {
		t.Errorf("got %s %s, want %s %s as the original", got.Method, got.Path, want.Method, want.Path)
	}
	for _, name := range []string{"content-type", "x-api-key", "x-callback-token"} {
		if got.Header.Get(name) != want.Headers[name] {
			t.Errorf("%s is %q, want %q as the original", name, got.Header.Get(name), want.Headers[name])
		}
	}
}

// D10: events that share a timestamp are not lost when a batch fails between them, as with
// the original, which lost 100 of 150.
func TestD10EventsWithOneTimestampAllArrive(t *testing.T) {
	t.Parallel()
	db, source := collected(t)
	for i := range 150 {
		testkit.Exec(t, db, fmt.Sprintf(`INSERT INTO events VALUES ('g-%03d', 'e', 'create', '{}', '2024-01-01 00:00:00', 'u', 1)`, i))
	}
	s := standin.NewSync("entities", "sk_1")
	t.Cleanup(s.Close)
	s.Fail(func(w http.ResponseWriter, _ *http.Request, n int) bool {
		if n == 2 {
			w.WriteHeader(http.StatusForbidden) // which ends the run
		}
		return n == 2
	})
	c := block{
		"sources":      block{"dc": source},
		"destinations": block{"flow": block{"type": "openfn", "url": s.URL, "auth": block{"apiKey": "sk_1"}}},
		"jobs": block{"survey": block{
			"from": block{"source": "dc", "table": "events", "key": "guid", "watermark": "timestamp", "overlap": "0s"},
			"to":   block{"destination": "flow"},
		}},
	}
	state := filepath.Join(t.TempDir(), "connector.db")
	if err := runs(t, state, c); err == nil || len(s.Events()) != 100 {
		t.Fatalf("got %d events, %v", len(s.Events()), err)
	}
	if err := runs(t, state, c); err != nil || len(s.Events()) != 150 || len(s.Requests()) != 3 {
		t.Errorf("got %d events in %d requests, %v", len(s.Events()), len(s.Requests()), err)
	}
	if err := runs(t, state, c); err != nil || len(s.Requests()) != 3 {
		t.Errorf("%d requests although nothing has changed, %v", len(s.Requests()), err)
	}
}

func TestD04D06PushesReplayTheOriginal(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct {
		list        string
		destination block
		pushes      int // of the first events; the original also pushed what it had pulled
		batch       int
	}{
		"mock-sync-server": {"data", block{"type": "mock-sync-server"}, 1, 100},
		"openfn-adapter":   {"entities", block{"type": "openfn", "auth": block{"apiKey": "sk_1"}}, 2, 2},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			all := recordedTo(t, kind)
			_, source := collected(t, all[:c.pushes]...)
			s := standin.NewSync(c.list, "")
			t.Cleanup(s.Close)
			c.destination["url"] = s.URL + "/" + kind
			err := runs(t, filepath.Join(t.TempDir(), "connector.db"), block{
				"sources": block{"dc": source}, "destinations": block{"there": c.destination},
				"jobs": block{"survey": block{
					"from": block{"source": "dc", "table": "events", "key": "guid", "watermark": "timestamp"},
					"to":   block{"destination": "there", "batch": c.batch},
				}},
			})
			if err != nil || len(s.Requests()) != c.pushes {
				t.Fatalf("%d requests, %v", len(s.Requests()), err)
			}
			for i, r := range s.Requests() {
				same(t, r, all[i])
			}
		})
	}
}

// block of DataCollect's manual, but for its address.
func externalSync(t *testing.T, address, fields string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.json")
	text := fmt.Sprintf(`{"externalSync": {"type": "openfn-adapter", "url": %q, "extraFields": [%s]}}`, address, fields)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What is pulled into a pushed table is not pushed back (promise 9), unlike with the
// original, whose last recorded push is a pulled event.
func TestD12D13D14AnEventGoesAroundOnce(t *testing.T) {
	t.Parallel()
	all := recordedTo(t, "openfn-adapter")
	for _, order := range []string{"pull,push", "push,pull"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			db, source := collected(t, all[0], all[1])
			s := standin.NewSync("entities", "sk_1")
			t.Cleanup(s.Close)
			s.Give(`{"id":"ext-1","name":"From outside","timestamp":"2024-05-01T00:00:00.000Z"}`)
			file := externalSync(t, s.URL+"/openfn-adapter", `{"name": "apiKey", "value": "sk_1"}, {"name": "batchSize", "value": "2"}, {"name": "callbackToken", "value": "cb"}`)
			c := block{
				"sources": block{"dc": source}, "destinations": block{"dc": source},
				"jobs": block{"survey": block{
					"externalSyncFile": file, "events": block{"source": "dc", "table": "events"}, "pullTo": block{"destination": "dc", "table": "events"},
					"order": strings.Split(order, ","),
				}},
			}
			state := filepath.Join(t.TempDir(), "connector.db")
			for range 3 {
				if err := runs(t, state, c); err != nil {
					t.Fatal(err)
				}
			}
			var n int
			if err := db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM events`); err != nil || n != 4 {
				t.Errorf("the table has %d events, %v", n, err)
			}
			places(t, state, map[string]string{"survey": "2024-05-01 00:00:00.000", "survey-pull": "2024-05-01T00:00:00.000Z"})
			var methods []string
			var pushed []standin.Request
			for _, r := range s.Requests() {
				methods = append(methods, r.Method)
				if r.Method == "POST" {
					pushed = append(pushed, r)
				}
			}
			want := map[string]string{"pull,push": "GET,POST,POST,GET,GET", "push,pull": "POST,POST,GET,GET,GET"}[order]
			if got := strings.Join(methods, ","); got != want {
				t.Fatalf("the requests were %s, want %s", got, want)
			}
			for i, r := range pushed {
				same(t, r, all[i])
			}
			same(t, s.Requests()[strings.Index(strings.ReplaceAll(want, "POST,", "P"), "G")], all[2])
		})
	}
}

func TestD14AJobDoesNotRunIfTheOneBeforeItFails(t *testing.T) {
	t.Parallel()
	_, source := collected(t, recordedTo(t, "openfn-adapter")[0])
	s, r := standin.NewSync("entities", "sk_1"), standin.NewReceiver("")
	t.Cleanup(s.Close)
	t.Cleanup(r.Close)
	c := block{
		"sources":      block{"dc": source, "flow": block{"type": "openfn", "url": s.URL, "auth": block{"apiKey": "another"}, "attempts": 1}},
		"destinations": block{"dc": source, "hook": block{"type": "webhook", "url": r.URL}},
		"jobs": block{
			"in":  block{"from": block{"source": "flow", "key": "guid"}, "to": block{"destination": "dc", "table": "events"}},
			"out": block{"after": "in", "from": block{"source": "dc", "table": "events", "key": "guid"}, "to": block{"destination": "hook"}},
		},
	}
	state := filepath.Join(t.TempDir(), "connector.db")
	if err := runs(t, state, c); err == nil || !strings.Contains(err.Error(), "404") || r.Events() != 0 || len(s.Requests()) != 1 {
		t.Errorf("%v; %d events, %d requests", err, r.Events(), len(s.Requests()))
	}
	c["sources"].(block)["flow"].(block)["auth"] = block{"apiKey": "sk_1"}
	if err := runs(t, state, c); err != nil || r.Events() != 2 || len(s.Requests()) != 2 {
		t.Errorf("%v; %d events, %d requests", err, r.Events(), len(s.Requests()))
	}
}

// places compares how far each job has read.
func places(t *testing.T, state string, want map[string]string) {
	t.Helper()
	l, err := ledger.Open(t.Context(), state, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for job, place := range want {
		w, err := l.Watermark(t.Context(), job, ledger.Push)
		if err != nil || w.Read.Value != place || w.Settled.Value != place {
			t.Errorf("%s has read up to %+v, %v; want %s", job, w, err, place)
		}
	}
}

// A refused row neither holds up the others nor is resent for nothing; what is served again is not written
// again.
func TestD11RepeatingAPullDoesNoHarm(t *testing.T) {
	t.Parallel()
	db, source := collected(t)
	s := standin.NewSync("data", "")
	t.Cleanup(s.Close)
	s.Give(`{"id":"a","timestamp":"2024-05-01T00:00:00Z"}`, fmt.Sprintf(`{"guid":"g","type":%q,"data":{},"timestamp":"2024-05-01T00:00:00Z"}`, strings.Repeat("x", 41)), `{"id":"c","timestamp":"2024-05-01T00:00:00Z"}`)
	c := block{
		"sources": block{"mock": block{"type": "mock-sync-server", "url": s.URL}}, "destinations": block{"dc": source},
		"jobs": block{"in": block{"from": block{"source": "mock", "key": "guid", "watermark": "timestamp"}, "to": block{"destination": "dc", "table": "events"}}},
	}
	state := filepath.Join(t.TempDir(), "connector.db")
	count := func() (n int) {
		t.Helper()
		if err := db.GetContext(t.Context(), &n, `SELECT COUNT(*) FROM events`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 {
		if err := runs(t, state, c); err == nil || count() != 2 {
			t.Errorf("%d events, %v", count(), err)
		}
	}
	testkit.Exec(t, db, `ALTER TABLE events MODIFY type VARCHAR(80)`)
	for range 2 {
		if err := runs(t, state, c); err != nil || count() != 3 {
			t.Errorf("with room for it: %d events, %v", count(), err)
		}
	}
}
