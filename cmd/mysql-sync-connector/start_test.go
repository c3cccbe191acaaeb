package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/standin"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) {
	firstPause, minute = time.Millisecond, 100*time.Millisecond
	os.Exit(testkit.Main(m))
}

// series is a table of the numbers seq from 1 to n, for any server.
func series(n int) string {
	const digit = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	return fmt.Sprintf("(SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d + 1 AS seq FROM %[1]s a, %[1]s b, %[1]s c, %[1]s e, %[1]s f) numbers WHERE seq <= %[2]d", digit, n)
}

// start runs the command line with a configuration of Fliplet Agent.
func start(t *testing.T, keys map[string]any, more ...string) (string, error) {
	t.Helper()
	file, _, err := output(t, keys, more...)
	return file, err
}

// output is start with its output.
func output(t *testing.T, keys map[string]any, more ...string) (string, string, error) {
	t.Helper()
	var printed strings.Builder
	text, err := yaml.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sample.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := root()
	c.SetOut(&printed)
	c.SetArgs(append([]string{"start", file}, more...))
	err = c.ExecuteContext(t.Context())
	return file, printed.String(), err
}

// sample is a configuration that pushes a table with two rows.
func sample(t *testing.T) (*standin.Fliplet, map[string]any) {
	t.Helper()
	db := testkit.Schema(t, "CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(40), updatedAt DATETIME)", "INSERT INTO users VALUES (1, 'a@b.de', NOW()), (2, 'c@d.de', NOW())")
	server := testkit.Shared(t)
	service := standin.NewFliplet("eu--1", 123)
	t.Cleanup(service.Close)
	return service, map[string]any{
		"auth_token": "eu--1", "base_url": service.URL, "datasource_id": 123, "database_driver": "mysql", "database_host": server.Host, "database_port": server.Port,
		"database_username": server.User, "database_password": server.Password, "database_name": db.Name,
		"query": "SELECT id, email AS 'Email', updatedAt FROM users;", "primary_column": "id", "timestamp_column": "updatedAt",
	}
}

func TestStartPushesATable(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	for range 2 {
		file, err := start(t, keys)
		if list := service.Entries(123); err != nil || len(list) != 2 || !strings.Contains(string(list[0].Data), `"Email":"a@b.de"`) {
			t.Fatalf("%d entries, %v", len(list), err)
		}
		if _, err := os.Stat(strings.TrimSuffix(file, ".yml") + ".db"); err != nil {
			t.Errorf("the state: %v", err)
		}
	}
}

func TestF17ATestWritesNothing(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	keys["mode"] = "replace"
	service.Put(123, standin.FlipletEntry{ID: 7, Data: []byte(`{"id":"gone"}`)})
	file, printed, err := output(t, keys, "--test")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(printed, `"Email":"a@b.de"`) || !strings.Contains(printed, `"delete":[7]`) || strings.Contains(printed, "eu--1") {
		t.Errorf("it printed\n%s", printed)
	}
	for _, r := range service.Requests() {
		if r.Method != http.MethodGet {
			t.Errorf("sent %s %s", r.Method, r.Path)
		}
	}
	if list, err := os.ReadDir(filepath.Dir(file)); err != nil || len(list) != 1 {
		t.Errorf("files beside the configuration: %v, %v", list, err)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	service, keys := sample(t)
	service.Accept("eu--2")
	if _, err := start(t, keys); err == nil || command.ExitCode(err) != command.ExitFailed || strings.Contains(err.Error(), "eu--1") {
		t.Errorf("a refused token: %v", err)
	}
	if _, err := start(t, map[string]any{"auth_token": "x"}); command.ExitCode(err) != command.ExitUsage {
		t.Errorf("a wrong configuration: %v", err)
	}
	if _, err := start(t, keys, "--tset"); command.ExitCode(err) != command.ExitUsage {
		t.Errorf("an unknown flag: %v", err)
	}
	if command.ExitCode(errors.New("x")) != command.ExitFailed {
		t.Error("any other error")
	}
}

// A job that hangs at startup does not keep others from running.
func TestJobsStartConcurrently(t *testing.T) {
	t.Parallel()
	db := testkit.Schema(t, "CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)")
	server := testkit.Shared(t)
	came := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
		came <- r.URL.Path
		if r.URL.Path == "/first" {
			<-r.Context().Done()
		}
	}))
	t.Cleanup(hook.Close)
	jobs := map[string]any{}
	for _, name := range []string{"first", "second"} {
		jobs[name] = map[string]any{"from": map[string]any{"source": "shop", "table": "a", "key": "id"}, "to": map[string]any{"destination": "hook", "path": "/" + name}}
	}
	_, end := process(t, write(t, "connector.yaml", map[string]any{
		"sources":      map[string]any{"shop": map[string]any{"type": "mysql", "host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": db.Name}},
		"destinations": map[string]any{"hook": map[string]any{"type": "webhook", "url": hook.URL}},
		"http":         map[string]any{"listen": "127.0.0.1:0"},
		"jobs":         jobs,
	}))
	defer end(true)
	seen := map[string]bool{}
	sees(t, "both jobs send", func() bool {
		select {
		case path := <-came:
			seen[path] = true
		default:
		}
		return seen["/first"] && seen["/second"]
	})
}
