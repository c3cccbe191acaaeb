package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad loads arbitrary bytes in each format: the result is a configuration
// or mistakes, never a panic.
func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(docs, "examples", "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "x")
	}
	for _, text := range []string{
		``, `null`, `[]`, `{"clientName": null}`, `{"mqttConfig": {"servers": [null, 1, {"host": "::"}]}}`,
		`{"mqttConfig": {"host": "mqtt://[::1]:x/%"}}`, `{"mysqlConfig": {"ssl": false, "timezone": "+0"}}`,
		"a: &a {<<: *a}", "1: 2\n? [a]\n: b", "checkInterval: .nan", "checkInterval: .inf", "clientName: 2001-01-01",
		"x = 2001-01-01", "checkInterval = inf", "[[broker.users]]", `{"broker": {"listen": ":1", "users": [{}]}}`,
	} {
		f.Add([]byte(text), text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte, variable string) {
		for _, name := range []string{"c.json", "c.yaml", "c.toml"} {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, environ := range [][]string{nil, {"MYSQL_SYNC_BROKER=" + variable, "MYSQL_SYNC_SYNCTABLES=" + variable, "MYSQL_SYNC_" + variable + "=x"}} {
				c, _, err := Load(path, environ)
				var mistakes Mistakes
				switch {
				case err == nil && (c == nil || len(c.MQTT.Servers) == 0):
					t.Errorf("%s: neither a configuration nor a mistake", name)
				case err != nil && (c != nil || !errors.As(err, &mistakes)):
					t.Errorf("%s: %v is not a list of mistakes", name, err)
				}
			}
		}
	})
}

// FuzzOrigin checks that an origin has only one form, and that nothing else is accepted as one.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://app.example.com", "HTTP://[::1]:80", "null", "file://", "https://a@b", "http://x:", "https://x/#", "http://a b", "http://%41"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		origin, ok := Origin(s)
		if !ok {
			return
		}
		if again, ok := Origin(origin); !ok || again != origin {
			t.Errorf("%q became %q, then %q", s, origin, again)
		}
		if rest, _ := strings.CutPrefix(strings.TrimPrefix(origin, "https://"), "http://"); strings.ContainsAny(rest, "/?#@ ") {
			t.Errorf("%q is accepted as the origin %q", s, origin)
		}
	})
}
