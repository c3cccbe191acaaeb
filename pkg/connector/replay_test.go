package connector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap/zaptest"
	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/connector"
	"github.com/mysql-sync/mysql-sync/pkg/foreign"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// transcript is what Fliplet Agent 2.0.7 was recorded to send.
type transcript struct {
	Case      string          `json:"case"`
	Operation string          `json:"operation"`
	Config    string          `json:"config"`
	Rows      string          `json:"rows"`
	Remote    []storedEntry   `json:"remote"`
	Exit      int             `json:"exit"`
	Requests  []seen          `json:"requests"`
	_         json.RawMessage // note, args
}

type storedEntry struct {
	ID   int64           `json:"id"`
	Data json.RawMessage `json:"data"`
}

type seen struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Body   any    `json:"body"`
}

// table is the one for which the transcripts were recorded.
const table = `CREATE TABLE g (n INT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(40), name VARCHAR(40), updatedAt DATETIME(3), deletedAt DATETIME,
  price DECIMAL(10,2), big BIGINT UNSIGNED, b BLOB, f DOUBLE, bt BIT(1), tinyy TINYINT(1), d DATE, tm TIME, js JSON)`

// difference is what we deliberately do differently from the original.
type difference struct {
	why  string
	exit int
	// the requests in short: entries by name, - for an insert or else the id, and deletes
	commits []string
	reads   int // requests that read; 0 means 2
}

// answers are what the service answered in the cases that test answers.
var answers = map[string]map[string]int{
	"auth_401":   {"/v1/user": http.StatusUnauthorized},
	"commit_500": {"/v1/data-sources/123/commit": http.StatusInternalServerError},
}

var differences = map[string]difference{
	"auth_401":                       {why: "a token that is refused ends the run before anything else is asked", exit: 1, reads: 1},
	"batch_without_changes_ends_run": {why: "rows after a batch without changes are sent too", commits: []string{"N2-,N3-", "N4-"}},
	"type_strict":                    {why: `"1" and 1 are one key`, commits: []string{"A7"}},
	"no_timestamp_never_updates":     {why: "without a timestamp rows are compared by content", commits: []string{"CHANGED7"}},
	"mode_omitted_deletes":           {why: "without a mode, rows that the source does not have stay", commits: []string{"A-"}},
	"append_without_key":             {why: "without a key nothing is compared, so the entries are not read", commits: []string{"A-"}, reads: 1},
	"replace_empty_result":           {why: "deleting all rows waits for approval", exit: 1},
	"commit_500":                     {why: "a commit that failed is tried again, if the entries are not there", exit: 1, reads: 6, commits: []string{"A-", "A-", "A-", "A-", "A-"}},
}

func TestF05F06F10F15ReplaysTheOriginal(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/fliplet/*.json")
	if err != nil || len(files) < 16 {
		t.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, file := range files {
		var c transcript
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &c)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Run(c.Case, func(t *testing.T) {
			t.Parallel()
			replay(t, &c)
		})
	}
}

func replay(t *testing.T, c *transcript) {
	db := testkit.Schema(t, table)
	testkit.Exec(t, db, fmt.Sprintf("ALTER TABLE g AUTO_INCREMENT = %d", c.first()), c.Rows)
	service := standin.NewFliplet("EU--1", 123)
	t.Cleanup(service.Close)
	for _, e := range c.Remote {
		service.Put(123, standin.FlipletEntry{ID: e.ID, Data: e.Data})
	}
	service.Fail(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		status, fails := answers[c.Case][r.URL.Path]
		if fails {
			w.WriteHeader(status)
		}
		return fails
	})

	p, _, err := foreign.Fliplet("sample.yml", c.yaml(t, db, service.URL))
	if err != nil {
		t.Fatal(err)
	}
	con, err := connector.New(p, connector.Options{Log: zaptest.NewLogger(t), State: filepath.Join(t.TempDir(), "connector.db"), Pause: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = con.Run(context.Background())
	c.compare(t, service.Requests(), err)
}

// yaml is the transcript's operation as a configuration of the original.
func (c *transcript) yaml(t *testing.T, db *mysqldb.DB, url string) []byte {
	keys := map[string]any{
		"auth_token": "EU--1", "datasource_id": 123, "base_url": url, "database_driver": "mysql", "query": "SELECT * FROM g ORDER BY n",
	}
	for name, value := range testkit.Shared(t).Keys(db.Name) {
		keys[map[string]string{"host": "database_host", "port": "database_port", "user": "database_username", "password": "database_password", "database": "database_name"}[name]] = value
	}
	renamed := map[string]string{
		"primaryColumnName": "primary_column", "timestampColumnName": "timestamp_column", "deleteColumnName": "delete_column", "mode": "mode",
		"batchSize": "batch_size", "isDryRun": "is_dry_run", "runHooks": "run_hooks", "merge": "merge",
	}
	for _, m := range regexp.MustCompile(`(\w+):("[^"]*"|\w+)`).FindAllStringSubmatch(c.Operation+" "+c.Config, -1) {
		key, ok := renamed[m[1]]
		if !ok {
			t.Fatalf("the transcript has %s", m[1])
		}
		var value any
		if err := json.Unmarshal([]byte(m[2]), &value); err != nil {
			t.Fatal(err)
		}
		keys[key] = value
	}
	text, err := yaml.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// first is the number of the first row that the original read.
func (c *transcript) first() int {
	for _, s := range c.Requests {
		for _, e := range commitOf(s.Body).Entries {
			return int(e.Data["n"].(float64))
		}
	}
	return 1
}

type commit struct {
	Entries []struct {
		ID   *int64         `json:"id"`
		Data map[string]any `json:"data"`
	} `json:"entries"`
	Delete []int64 `json:"delete"`
}

func commitOf(body any) (c commit) {
	text, err := json.Marshal(body)
	if err != nil || json.Unmarshal(text, &c) != nil {
		return commit{}
	}
	return c
}

// String is a commit in short.
func (c commit) String() string {
	var parts []string
	for _, e := range c.Entries {
		at := "-"
		if e.ID != nil {
			at = fmt.Sprint(*e.ID)
		}
		parts = append(parts, fmt.Sprint(e.Data["name"])+at)
	}
	for _, id := range c.Delete {
		parts = append(parts, fmt.Sprintf("delete %d", id))
	}
	return strings.Join(parts, ",")
}

func (c *transcript) compare(t *testing.T, sent []standin.Request, ended error) {
	t.Helper()
	var got []seen
	for _, r := range sent {
		s := seen{Method: r.Method, Path: r.Path}
		if len(r.Body) > 0 {
			// MySQL writes JSON with spaces; the transcripts are from MariaDB.
			if err := json.Unmarshal(bytes.ReplaceAll(r.Body, []byte(`{\"a\": 1}`), []byte(`{\"a\":1}`)), &s.Body); err != nil {
				t.Errorf("%s %s is not JSON: %v", r.Method, r.Path, err)
			}
		}
		got = append(got, s)
		if r.Header.Get("Auth-Token") != "EU--1" {
			t.Errorf("%s %s has the token %q", r.Method, r.Path, r.Header.Get("Auth-Token"))
		}
	}
	differs, ok := differences[c.Case]
	if !ok {
		if !reflect.DeepEqual(got, c.Requests) {
			t.Errorf("sent\n%s\nwant, like the original,\n%s", show(got), show(c.Requests))
		}
		differs.exit = c.Exit
	} else {
		var commits []string
		reads := 0
		for _, s := range got {
			if s.Method == http.MethodGet {
				reads++
				continue
			}
			commits = append(commits, commitOf(s.Body).String())
		}
		if differs.reads == 0 {
			differs.reads = 2
		}
		if !reflect.DeepEqual(commits, differs.commits) || reads != differs.reads {
			t.Errorf("%s: sent %d reads and the commits %q, want %d and %q", differs.why, reads, commits, differs.reads, differs.commits)
		}
	}
	if (ended != nil) != (differs.exit != 0) {
		t.Errorf("it ended with %v, want %d as the original", ended, c.Exit)
	}
}

func show(list []seen) string {
	var lines []string
	for _, s := range list {
		text, _ := json.Marshal(s)
		lines = append(lines, string(text))
	}
	return strings.Join(lines, "\n")
}
