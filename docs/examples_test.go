package docs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// JSON on the pages is valid, at least as part of an object; and a node starts with whole
// configurations.
func TestExamplesAreValid(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"mysql.secret", "mqtt.secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loaded := 0
	for name, text := range pages(t) {
		for _, f := range fences(text) {
			if f.language != "json" {
				continue
			}
			whole := strings.TrimSpace(f.text)
			if !strings.HasPrefix(whole, "{") {
				whole = "{" + whole + "}"
			}
			if !json.Valid([]byte(whole)) {
				t.Errorf("%s:%d: invalid JSON", name, f.line)
				continue
			}
			if !strings.Contains(whole, `"clientName"`) || !strings.Contains(whole, `"mysqlConfig"`) {
				continue
			}
			loaded++
			file := filepath.Join(dir, "configuration.json")
			if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, warnings, err := config.Load(file, []string{"MQTT_PASSWORD=x"}); err != nil || len(warnings) > 0 {
				t.Errorf("%s:%d: %v %q", name, f.line, err, warnings)
			}
		}
	}
	if loaded < 2 {
		t.Errorf("found only %d configurations", loaded)
	}
}
