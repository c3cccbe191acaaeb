package diagnostics

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

type node struct{ state *status.State }

func (n node) State(context.Context) (*status.State, error) { return n.state, nil }

// unpack returns the files of a ZIP.
func unpack(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

const secret = `plan"ted/secret+1`

func load(t *testing.T) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.json")
	text := `{"clientName": "berlin", "remoteClients": ["boston"], "syncTables": ["orders"], "mysqlConfig": {"user": "sync", "password": "${SECRET}", "database": "shop", "host": "127.0.0.1", "port": 1},
		"mqttConfig": {"host": "127.0.0.1"}, "http": {"listen": "127.0.0.1:1"}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, environ)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

var environ = []string{"SECRET=" + secret}

// Secrets in the log, the state, the metrics and messages are not in any file, nor are keys and values of rows.
func TestNoSecretAndNoRowIsPacked(t *testing.T) {
	t.Parallel()
	fields, err := json.Marshal(map[string]any{"error": "Error 1062 (23000): Duplicate entry 'ada@example.com' for key 'orders.mail' " + secret, "id": "4711-ada", "rows": 12, "url": "mqtt://u:other-secret@h", "auth": "Bearer abcdefghi", "nested": map[string]any{"key": "4711-ada"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &status.State{Client: "berlin", Problems: []string{"the password=hush-hush of 'ada@example.com' and " + url.QueryEscape(secret)},
		Transformers: []status.Transformer{{File: "orders.js", Last: "cannot read 'ada@example.com'", LastRow: "4711-ada"}},
		Verified:     []status.Comparison{{Table: "orders", Differ: []status.Difference{{ID: "4711-ada"}}}}}
	before, _ := json.Marshal(s)
	n := Node{
		Config: load(t), Environ: environ, Version: "1.2.3", State: node{s}, Running: true,
		Errors: func(context.Context, status.Rows, int) ([]status.RowError, error) {
			return []status.RowError{{Remote: "boston", Table: "orders", ID: "4711-ada", Message: `Error 1406 (22001): Data too long for column 'name' at row 1: "ada@example.com", 123456`, Attempts: 3, At: time.Now()}}, nil
		},
		Lines: []logging.Line{{Message: "a row was refused", Level: "warn", Fields: fields}, {Message: "join msync1_eyJhbGciOi and " + base64.StdEncoding.EncodeToString([]byte(secret))}},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "mysql_sync_up{reason=%q} 1\n", secret)
		}),
	}
	var b bytes.Buffer
	if err := Write(t.Context(), &b, n); err != nil {
		t.Fatal(err)
	}
	files := unpack(t, b.Bytes())
	for name, text := range files {
		for _, bad := range []string{secret, `plan\"ted`, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), "ada", "4711", "123456", "other-secret", "abcdefghi", "hush-hush", "msync1_"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s:\n%s", name, bad, text)
			}
		}
	}
	for name, want := range map[string]string{
		"configuration.txt": "${SECRET}", "version.txt": "mysql-sync 1.2.3", "status.json": "orders.js", "errors.json": "Error 1406 (22001): Data too long for column 'name'",
		"log.jsonl": "Error 1062 (23000): Duplicate entry '***' for key 'orders.mail'", "metrics.txt": "mysql_sync_up", "goroutines.txt": "goroutine", "README.txt": "tables.txt",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %s:\n%s", name, want, files[name])
		}
	}
	if !strings.Contains(files["README.txt"], "missing, or incomplete: ") { // there is no database
		t.Error(files["README.txt"])
	}
	if after, _ := json.Marshal(s); string(after) != string(before) {
		t.Error("the state of the node was changed")
	}
}

// Of a node that is not running, the README says what is missing.
func TestOfAStoppedNodeTheReadmeSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Write(t.Context(), &b, Node{Config: load(t), Environ: environ, Version: "1.2.3"}); err != nil {
		t.Fatal(err)
	}
	files := unpack(t, b.Bytes())
	if n := strings.Count(files["README.txt"], "missing, or incomplete: the node is not running"); n != 5 {
		t.Errorf("%d are missing:\n%s", n, files["README.txt"])
	}
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
}

// What is too large is cut, and the README says so.
func TestAPartIsBounded(t *testing.T) {
	t.Parallel()
	n := Node{Config: load(t), Environ: environ, Running: true}
	for range 500 {
		n.Lines = append(n.Lines, logging.Line{Message: strings.Repeat("x", 10<<10)})
	}
	var b bytes.Buffer
	if err := Write(t.Context(), &b, n); err != nil {
		t.Fatal(err)
	}
	files := unpack(t, b.Bytes())
	if len(files["log.jsonl"]) != partMost || !strings.Contains(files["README.txt"], "only the first") {
		t.Errorf("%d bytes\n%s", len(files["log.jsonl"]), files["README.txt"])
	}
}
