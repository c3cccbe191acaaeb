package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A secret in each key that may have one, in addresses, in files and in the environment is not shown, and is among those to hide.
func TestAConfigurationIsShownWithoutSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("token.secret", "planted-in-file\n")
	write("c.json", `{"clientName": "berlin", "mysqlConfig": {"user": "sync", "password": "planted-mysql", "database": "${DB}", "host": "${HOST}x"},
		"mqttConfig": {"servers": ["mqtt://u:planted-url@h?token=planted-query"], "password": "${MQTT}", "username": "visible"},
		"transformerLogin": {"user": "x", "password": "planted-login"}, "http": {"listen": "127.0.0.1:1", "token": {"file": "token.secret"}},
		"broker": {"listen": ":1", "users": [{"name": "a", "password": "planted-user"}]},
		"encryption": {"keys": [{"id": "k", "key": "planted-key"}]}, "pasword": "planted-typo"}`)
	shown, secrets, err := Shown(filepath.Join(dir, "c.json"), []string{"MQTT=planted-environ", "DB=planted-db", "HOST=planted-host", "MYSQL_SYNC_MYSQLCONFIG__PASSWORD=planted-override", "OTHER=unrelated"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "planted") {
		t.Errorf("%s", shown)
	}
	for _, want := range []string{`"clientName": "berlin"`, "visible", "${DB}", "token.secret", `"***"`} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("%s is not in %s", want, shown)
		}
	}
	for _, want := range []string{"planted-in-file", "planted-override", "planted-url", "planted-query", "planted-environ", "planted-db", "planted-host", "planted-login", "planted-user", "planted-key", "planted-typo"} {
		if !slices.Contains(secrets, want) {
			t.Errorf("%s is not among %q", want, secrets)
		}
	}
	if slices.Contains(secrets, "unrelated") || slices.Contains(secrets, "berlin") {
		t.Errorf("%q", secrets)
	}
}
