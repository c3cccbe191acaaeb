package main_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const orders = `CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(100), price DECIMAL(10,2))`

// newSite makes a schema, runs the statements in it, and writes a configuration that extra overrides.
func newSite(t *testing.T, b *testkit.Broker, name string, remotes []string, extra map[string]any, statements ...string) *testkit.Site {
	t.Helper()
	s := testkit.NewSite(t, testkit.Shared(t), b, name, remotes, []string{"orders"}, map[string]any{"queueDirectory": t.TempDir()})
	maps.Copy(s.Config, extra)
	s.Exec(statements...)
	s.Write()
	return s
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

// parse reads the JSON that a command printed: one object, or one per line.
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

// has fails unless a text contains all parts.
func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}
