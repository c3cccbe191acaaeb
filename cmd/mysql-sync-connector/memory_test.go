package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// promised is the most memory that the connector takes, in MiB.
const promised = 96

// large lists columns of 5 MB: each looks different in JSON.
var large = map[string]string{
	"text":    "REPEAT('0123456789', 500000)",
	"binary":  "REPEAT(X'00FF80C0', 1250000)",                    // 18 MB as JSON
	"control": "REPEAT(CONVERT(CHAR(1) USING utf8mb4), 5000000)", // 30 MB
}

// carrying is a configuration with one job per query, reading from the shared server.
func carrying(t *testing.T, destination, to map[string]any, queries ...string) string {
	t.Helper()
	db := testkit.Schema(t)
	shop := map[string]any{"type": "mysql"}
	maps.Copy(shop, testkit.Shared(t).Keys(db.Name))
	jobs := map[string]any{}
	for i, query := range queries {
		own := map[string]any{"destination": "there"}
		maps.Copy(own, to)
		jobs[fmt.Sprintf("job%d", i)] = map[string]any{"from": map[string]any{"source": "shop", "query": query, "key": "id"}, "to": own}
	}
	return write(t, "connector.yaml", map[string]any{
		"sources": map[string]any{"shop": shop}, "destinations": map[string]any{"there": destination}, "jobs": jobs,
	})
}

// peak runs a configuration's jobs once, and returns the peak memory of the built program, in MiB.
func peak(t *testing.T, file string) int {
	t.Helper()
	exe, err := built()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "start", file, "--once")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	mib, err := peakOf(c)
	if err != nil {
		t.Fatalf("%v\n%.3000s", err, out.Bytes())
	}
	return mib
}

// peakOf runs a command, and returns its peak memory, in MiB.
func peakOf(c *exec.Cmd) (int, error) {
	if err := c.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	kib := 0
	for often := time.NewTicker(2 * time.Millisecond); ; {
		select {
		case err := <-ended:
			often.Stop()
			return kib >> 10, err
		case <-often.C:
			kib = max(kib, most(c.Process.Pid))
		}
	}
}

// most is a process's peak memory so far, in KiB; 0 if it has ended.
func most(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	figure, _, _ := strings.Cut(rest, "kB")
	kib, _ := strconv.Atoi(strings.TrimSpace(figure))
	return kib
}

// within checks a peak, in MiB.
func within(t *testing.T, limit, took int) {
	t.Helper()
	t.Logf("%d MiB", took)
	if took > limit {
		t.Errorf("took %d MiB, limit %d", took, limit)
	}
}

// accepts is a service that accepts anything, and keeps nothing. A data source of Fliplet is empty there.
func accepts(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"entries": []}`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// lite is a new SQLite database with one table.
func lite(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "to.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE a (id INTEGER PRIMARY KEY, v BLOB)"); err != nil {
		t.Fatal(err)
	}
	return path
}

// However large rows are, few are in memory.
func TestMemoryOfLargeRows(t *testing.T) { //nolint:paralleltest // it looks at what a program takes, beside nothing else
	testkit.Alone(t)
	for _, to := range []string{"sqlite", "mysql", "webhook", "fliplet"} {
		for _, kind := range []string{"text", "binary", "control"} {
			t.Run(kind+" to "+to, func(t *testing.T) {
				var destination, leg map[string]any
				switch to {
				case "sqlite":
					destination, leg = map[string]any{"type": "sqlite", "database": lite(t)}, map[string]any{"table": "a"}
				case "mysql":
					db := testkit.Schema(t, "CREATE TABLE a (id INT PRIMARY KEY, v LONGBLOB)")
					destination, leg = map[string]any{"type": "mysql"}, map[string]any{"table": "a"}
					maps.Copy(destination, testkit.Shared(t).Keys(db.Name))
				case "webhook":
					destination, leg = map[string]any{"type": "webhook", "url": accepts(t)}, map[string]any{"send": "batch"}
				case "fliplet":
					destination, leg = map[string]any{"type": "fliplet", "token": "eu--1", "baseURL": accepts(t)}, map[string]any{"dataSource": 1}
				}
				mib := peak(t, carrying(t, destination, leg, "SELECT seq AS id, "+large[kind]+" AS v FROM "+series(5)))
				within(t, promised, mib)
			})
		}
	}
}

// A script gets large rows like any other.
func TestMemoryOfALargeRowWithAScript(t *testing.T) { //nolint:paralleltest // as above
	testkit.Alone(t)
	file := carrying(t, map[string]any{"type": "webhook", "url": accepts(t)}, map[string]any{"transform": "longer.js"}, "SELECT seq AS id, "+large["text"]+" AS v FROM "+series(6))
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "longer.js"), []byte("module.exports = ({entity}) => ({...entity, n: entity.v.length})"), 0o600); err != nil {
		t.Fatal(err)
	}
	within(t, promised, peak(t, file)) // the script's process has another copy of the row
}

// What a mesh sends is stored and carried on a few rows at a time.
func TestMemoryOfLargeRowsOfAMesh(t *testing.T) { //nolint:paralleltest // as above
	testkit.Alone(t)
	m := newMeshed(t, "(id INTEGER PRIMARY KEY, v BLOB)", nil, nil)
	m.Exec("CREATE TABLE a (id INT PRIMARY KEY, v LONGBLOB)", "INSERT INTO a SELECT seq, "+large["binary"]+" FROM "+series(6))
	m.Start()
	m.start(t)
	m.has(t, "SELECT sum(length(v)) FROM a", "30000000")
	within(t, promised, most(m.proc.Process.Pid)>>10)
}

// Jobs that run concurrently share the room.
func TestMemoryOfManyJobs(t *testing.T) { //nolint:paralleltest // as above
	testkit.Alone(t)
	queries := make([]string, 20)
	for i := range queries {
		queries[i] = "SELECT seq AS id, REPEAT('0123456789', 100000) AS v FROM " + series(10)
	}
	mib := peak(t, carrying(t, map[string]any{"type": "webhook", "url": accepts(t)}, map[string]any{"send": "batch"}, queries...))
	within(t, promised, mib)
}
