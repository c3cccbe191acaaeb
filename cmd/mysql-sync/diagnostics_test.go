package main_test

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// diagnose runs the command, and returns the files in what it wrote and what it said.
func diagnose(t *testing.T, s *testkit.Site) (files map[string]string, said string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.zip")
	code, out, said := testkit.Output(t, "diagnostics", s.File, "--output", path)
	if code != 0 || !strings.Contains(out, path) {
		t.Fatalf("%d: %s%s", code, out, said)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() > 4<<20 {
		t.Errorf("%v, %v", info, err)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files = map[string]string{}
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
	if code, _, said := testkit.Output(t, "diagnostics", s.File, "--output", path); code != 2 {
		t.Errorf("a file was overwritten: %d %s", code, said)
	}
	return files, said
}

// The diagnostics of a node, running and stopped, have the tables, the triggers, the server and what is refused, and no secret of
// the configuration, of a script or of a row.
func TestDiagnosticsHaveNoSecrets(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("planted-token-of-the-page"), 0o600); err != nil {
		t.Fatal(err)
	}
	scripts := script(t, `module.exports = ({ entity }) => { const password = "planted-in-script"; if (Number(entity.id) === 7) { throw new Error("planted-error " + entity.name); } return entity; };`)
	encryption := map[string]any{"keys": []any{map[string]any{"id": "k", "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}}
	newSite(t, b, "boston", []string{"berlin"}, map[string]any{"encryption": encryption}, orders).Start()
	s := newSite(t, b, "berlin", []string{"boston"}, map[string]any{
		"http": map[string]any{"listen": fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)), "token": map[string]any{"file": token}}, "transformerDirectory": scripts,
		"encryption": encryption,
	}, orders, `INSERT INTO orders VALUES (1, 'planted-in-row', 1)`, `CREATE TRIGGER mine BEFORE INSERT ON orders FOR EACH ROW SET NEW.name = CONCAT(NEW.name, 'planted-in-trigger')`)
	s.Start()
	s.Exec(`INSERT INTO orders VALUES (7, 'refused-planted', 1)`)
	s.Expect(`SELECT COUNT(*) FROM sync_status WHERE status = 'error'`, "1")
	running, said := diagnose(t, s)
	if said != "" {
		t.Errorf("said %s", said)
	}
	s.Node.Stop()
	stopped, said := diagnose(t, s)
	if !strings.Contains(said, "Without log") || !strings.Contains(stopped["README.txt"], "not running") || stopped["log.jsonl"] != "" {
		t.Errorf("%s\n%s", said, stopped["README.txt"])
	}
	if strings.Contains(running["README.txt"], "missing") {
		t.Errorf("%s", running["README.txt"])
	}
	has(t, running["log.jsonl"], "node started")
	has(t, running["errors.json"], `"table": "orders"`, "orders.js")
	has(t, running["metrics.txt"], "mysql_sync_")
	has(t, running["goroutines.txt"], "goroutine profile")
	for _, files := range []map[string]string{running, stopped} {
		has(t, files["configuration.txt"], `"clientName": "berlin"`, "***")
		has(t, files["status.json"], `"client": "berlin"`)
		has(t, files["tables.txt"], "CREATE TABLE `orders`", "sync_versions", "bytes")
		has(t, files["triggers.txt"], "mysqlSync", "table_changes", "mine")
		has(t, files["variables.txt"], "max_allowed_packet = ", "GRANT")
		for name, text := range files {
			for _, bad := range []string{"planted", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"} {
				if strings.Contains(text, bad) {
					t.Errorf("%s has %s", name, bad)
				}
			}
		}
	}
}
