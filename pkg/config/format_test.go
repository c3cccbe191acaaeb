package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// What init writes means the same in all formats, whatever a password looks like.
func TestAConfigurationIsTheSameInAllFormats(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"x", "true", "12", "0x1F", "null", "~", "a: b #c", `"'\`, "- x", "{a}", "*a", "&a", "!x", "1e3", " x ", "2026-01-01", "ä\n€", "yes"} {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(password)
		text := []byte(`{"$schema": "https://example.com/s.json", "clientName": "berlin", "remoteClients": ["boston", "paris"], "syncTables": ["orders"], "receiveTables": [],
			"mqttConfig": {"host": "mqtts://b.example.com", "username": "berlin", "password": "` + quoted + `"},
			"mysqlConfig": {"host": "localhost", "port": 3306, "user": "u", "database": "shop"}}`)
		dir := t.TempDir()
		var first *config.Config
		for _, ext := range keys.Extensions {
			file := filepath.Join(dir, "c"+ext)
			out, err := keys.Format(file, text)
			if err == nil {
				err = os.WriteFile(file, out, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			cfg, warnings, err := config.Load(file, nil)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("%q in %s: %v, %v\n%s", password, ext, err, warnings, out)
			}
			if cfg.MQTT.Password != password {
				t.Errorf("%q is %q in\n%s", password, cfg.MQTT.Password, out)
			}
			cfg.Path = ""
			if first == nil {
				first = cfg
			} else if !reflect.DeepEqual(cfg, first) {
				t.Errorf("%s: %+v\nJSON: %+v", ext, cfg, first)
			}
			if ext == ".yaml" && !strings.Contains(string(out), "\nremoteClients:\n  - boston\n  - paris\nsyncTables:\n") {
				t.Errorf("not in blocks, or not in order:\n%s", out)
			}
		}
	}
}
