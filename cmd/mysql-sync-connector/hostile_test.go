package main

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// secret is what no other host, and no reader of the log, may see.
const secret = "s3cret-of-the-service"

// answers is how a service answers one request.
type answers func(w http.ResponseWriter, r *http.Request)

// plainly answers every request alike.
func plainly(status int, contentType, text string) answers {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// endless answers with a start, and then with parts until the client has had enough.
func endless(start, part string) answers {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, start)
		for part := strings.Repeat(part, 1<<16/len(part)); err == nil; {
			_, err = io.WriteString(w, part)
		}
	}
}

// full answers with as many items as fit into an answer of n bytes.
func full(start, item, end string, n int) answers {
	return func(w http.ResponseWriter, r *http.Request) {
		plainly(http.StatusOK, "application/json", start+strings.Repeat(item+",", (n-len(start)-len(item)-len(end))/(len(item)+1))+item+end)(w, r)
	}
}

// bomb answers with a small body that is endless once it is unpacked.
func bomb(start, part string) answers {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, err := io.WriteString(z, start)
		for part := strings.Repeat(part, 1<<20/len(part)); err == nil; {
			_, err = io.WriteString(z, part)
		}
	}
}

// raw answers with bytes of its own, after the request.
func raw(write func(net.Conn)) answers {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		write(conn)
	}
}

// headers answers with headers without end.
func headers(c net.Conn) {
	_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
	for i := 0; err == nil; i++ {
		_, err = fmt.Fprintf(c, "X-Header-%d: %s\r\n", i, strings.Repeat("x", 1000))
	}
}

// echo answers with what it was sent, as services that are being debugged do.
func echo(status int) answers {
	return func(w http.ResponseWriter, r *http.Request) {
		for name, list := range r.Header {
			w.Header().Set("X-Was-"+name, strings.Join(list, ", "))
		}
		w.Header().Set("X-Request-Id", r.Header.Get("Authorization")+r.Header.Get("Auth-Token"))
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error": "you sent %q and %q"}`, r.Header.Get("Authorization"), r.Header.Get("Auth-Token"))
	}
}

// redirected answers with an address.
func redirected(status int, to string) answers {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, status) }
}

// victim is a kind of source or destination that a hostile service attacks.
type victim struct {
	destination, to map[string]any // nil: SQLite
	source, from    map[string]any // likewise
	// harmless answers the requests before the one that is attacked; "": it is that one.
	harmless func(r *http.Request) string
	list     [3]string // an answer with rows: its start, an empty row, its end
	accepts  bool      // a status of 2xx suffices
}

func always(*http.Request) string { return "" }

func victims(url string) map[string]victim {
	bearer := map[string]any{"bearer": secret}
	fliplet := map[string]any{"type": "fliplet", "token": secret, "baseURL": url}
	airtable := map[string]any{"type": "airtable", "token": secret, "base": "appX", "baseURL": url}
	except := func(attacked string, others map[string]string) func(r *http.Request) string {
		return func(r *http.Request) string {
			if what := r.Method + " " + r.URL.Path; what != attacked {
				return others[what]
			}
			return ""
		}
	}
	user := map[string]string{"GET /v1/user": `{"user": {"id": 1}}`, "GET /v1/data-sources/1/data": `{"entries": []}`}
	return map[string]victim{
		"fliplet, entries":  {destination: fliplet, to: map[string]any{"dataSource": 1}, harmless: except("GET /v1/data-sources/1/data", user), list: [3]string{`{"entries":[`, `{"id":1,"data":{}}`, `]}`}},
		"fliplet, a commit": {destination: fliplet, to: map[string]any{"dataSource": 1}, harmless: except("POST /v1/data-sources/1/commit", user), list: [3]string{`{"entries":[`, `{}`, `]}`}, accepts: true},
		"airtable, a write": {destination: airtable, to: map[string]any{"table": "Orders", "mergeOn": []string{"id"}}, harmless: func(r *http.Request) string {
			if r.Method == http.MethodGet {
				return `{"records": []}`
			}
			return ""
		}, list: [3]string{`{"records":[`, `{}`, `]}`}},
		"openfn":         {destination: map[string]any{"type": "openfn", "url": url + "/hook", "auth": bearer, "timeout": "1s", "attempts": 2}, harmless: always, list: [3]string{`[`, `{}`, `]`}, accepts: true},
		"webhook":        {destination: map[string]any{"type": "webhook", "url": url + "/hook", "auth": bearer, "timeout": "1s"}, harmless: always, list: [3]string{`[`, `{}`, `]`}, accepts: true},
		"http source":    {source: map[string]any{"type": "http", "url": url, "auth": bearer, "timeout": "1s", "attempts": 2}, from: map[string]any{"path": "/rows", "rows": "$.rows[*]", "key": "id"}, harmless: always, list: [3]string{`{"rows":[`, `{}`, `]}`}},
		"openfn source":  {source: map[string]any{"type": "openfn", "url": url, "auth": bearer, "timeout": "1s", "attempts": 2}, from: map[string]any{}, harmless: always, list: [3]string{`{"events":[`, `{}`, `]}`}},
		"fliplet source": {source: fliplet, from: map[string]any{"dataSource": 1, "key": "id"}, harmless: except("POST /v1/data-sources/1/data/query", user), list: [3]string{`{"entries":[`, `{}`, `]}`}},
	}
}

// file writes a configuration in which the victim is the source or the destination.
func (v victim) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "own.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE a (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO a VALUES (1, 'one'), (2, 'two'); CREATE TABLE b (id TEXT PRIMARY KEY, guid TEXT, v TEXT)`); err != nil {
		t.Fatal(err)
	}
	own := map[string]any{"type": "sqlite", "database": path}
	source, from, destination, to := own, map[string]any{"source": "s", "query": "SELECT * FROM a", "key": "id"}, own, map[string]any{"destination": "d", "table": "b"}
	if v.destination != nil {
		destination, to = v.destination, map[string]any{"destination": "d"}
		maps.Copy(to, v.to)
	}
	if v.source != nil {
		source, from = v.source, map[string]any{"source": "s"}
		maps.Copy(from, v.from)
	}
	return write(t, "connector.yaml", map[string]any{
		"sources": map[string]any{"s": source}, "destinations": map[string]any{"d": destination}, "jobs": map[string]any{"j": map[string]any{"from": from, "to": to}},
	})
}

// attacks are answers that cost memory, time or secrets, by what they are.
func attacks(list [3]string, other string) map[string]answers {
	return map[string]answers{
		"endless":    endless(list[0]+`{"a":"`, "xxxxxxxx"),
		"empty rows": full(list[0], list[1], list[2], 15<<20),
		"numbers":    full(list[0]+`{"id":1,"data":{"v":[`, "1", `]}}`+list[2], 15<<20),
		"bomb":       bomb(list[0]+`{"a":"`, "xxxxxxxx"),
		"headers":    raw(headers),
		"redirect":   redirected(http.StatusFound, other),
		"echo":       echo(http.StatusBadRequest),
		"deep":       plainly(http.StatusOK, "application/json", list[0]+`{"id":1,"data":`+strings.Repeat("[", 100_000)),
	}
}

// A service may answer with anything: the connector takes little memory, says what is wrong, and tells no one else its
// secrets.
func TestHostileServices(t *testing.T) {
	testkit.Alone(t)
	t.Parallel()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was reached") }))
	t.Cleanup(elsewhere.Close)
	other := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	for name, v := range victims("") {
		for what, attack := range attacks(v.list, other) {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if text := v.harmless(r); text != "" {
						_, _ = io.WriteString(w, text)
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					attack(w, r)
				}))
				t.Cleanup(s.Close)
				c := exec.Command(exe, "start", victims(s.URL)[name].file(t), "--once")
				var out bytes.Buffer
				c.Stdout, c.Stderr = &out, &out
				mib, err := peakOf(c)
				text := out.String()
				if mib > 140 {
					t.Errorf("it takes %d MiB", mib)
				}
				if strings.Contains(text, secret) || strings.Contains(text, "goroutine ") || (err != nil) != strings.Contains(text, "run failed") {
					t.Errorf("%v: it says %.3000s", err, text)
				}
				if err == nil && !v.accepts && what != "empty rows" && what != "numbers" || err != nil && v.accepts && what == "endless" {
					t.Errorf("the run ended with %v", err)
				}
			})
		}
	}
}
