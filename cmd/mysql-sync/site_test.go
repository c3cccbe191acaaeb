package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const orders = `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100), price DECIMAL(10,2))`

// site is a node of a test: its database, its configuration and the real binary.
type site struct {
	t      *testing.T
	name   string
	schema string
	db     *sqlx.DB
	config map[string]any
	file   string
	node   *testkit.NodeProcess
}

// newSite makes a schema with what the statements make, and a configuration that
// extra overrides.
func newSite(t *testing.T, b *testkit.Broker, name string, remotes []string, extra map[string]any, statements ...string) *site {
	t.Helper()
	server := testkit.Shared(t)
	s := &site{t: t, name: name, schema: server.Create(t)}
	s.db = server.Open(t, s.schema)
	s.config = map[string]any{
		"clientName": name, "remoteClients": remotes, "syncTables": []string{"orders"}, "receiveTables": []string{"orders"},
		"checkInterval": 10, "queueDirectory": t.TempDir(),
		"mqttConfig":  map[string]any{"host": b.Host, "port": b.Port, "protocol": "tcp"},
		"mysqlConfig": map[string]any{"host": server.Host, "port": server.Port, "user": server.User, "password": server.Password, "database": s.schema},
	}
	maps.Copy(s.config, extra)
	s.exec(statements...)
	s.file = testkit.ConfigFile(t, s.config)
	return s
}

// exec runs statements as the site's users would.
func (s *site) exec(statements ...string) {
	s.t.Helper()
	for _, q := range statements {
		if _, err := s.db.Exec(q); err != nil {
			s.t.Fatalf("%s: %v\n%s", s.name, err, q)
		}
	}
}

// start starts the node and waits until it replicates.
func (s *site) start() {
	s.t.Helper()
	if s.node == nil {
		s.node = testkit.Node(s.t, s.file)
	} else {
		s.node.Start()
	}
	s.node.WaitLog("node started")
}

// script writes a transformer for the table orders.
func script(t *testing.T, text string) (directory string) {
	t.Helper()
	directory = t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "orders.js"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return directory
}

// expect waits until a query gives one value, as text.
func (s *site) expect(query, want string) {
	s.t.Helper()
	testkit.Eventually(s.t, s.name+": "+query, func() error {
		var got string
		if err := s.db.Get(&got, query); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

// command runs the binary and returns its exit code and what it printed.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := testkit.Command(t, args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if failed := cmd.Run(); failed != nil && !errors.As(failed, &exit) {
		t.Fatal(failed)
	} else if exit != nil {
		code = exit.ExitCode()
	}
	return code, out.String(), err.String()
}

// run runs a command with the site's configuration, which must end with a code.
func (s *site) run(want int, name string, args ...string) string {
	s.t.Helper()
	code, out, said := command(s.t, append(append(strings.Fields(name), s.file), args...)...)
	if code != want {
		s.t.Fatalf("mysql-sync %s %v ends with %d, not %d\n%s%s", name, args, code, want, out, said)
	}
	return out + said
}

// parse reads the one JSON object, or the one object a line, that a command printed.
func parse[T any](t *testing.T, text string) (list []T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	for d.More() {
		var v T
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		list = append(list, v)
	}
	return list
}

// has fails unless a text has all parts.
func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}
