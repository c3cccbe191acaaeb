//go:build unix

package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

// leadsScripts loads a hub whose profile has a directory with files; prepare may add others.
func leadsScripts(t *testing.T, keys string, files map[string]string, prepare func(dir string)) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, "s", name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "s", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if prepare != nil {
		prepare(filepath.Join(dir, "s"))
	}
	path := filepath.Join(dir, "hub.json")
	text := `{"clientName": "hq", "remoteClients": ["store-1"], "syncTables": ["orders"], "mqttConfig": {"host": "h"}, "mysqlConfig": {"user": "u", "database": "d"},
  "lead": {"store": {"sites": ["store-1"], "scripts": "s", "keys": {` + keys + `}}}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, nil)
	return cfg, err
}

func TestAProfileHasTheScriptsOfItsDirectory(t *testing.T) {
	t.Parallel()
	good := map[string]string{"orders.js": "\ufeff// ö", "lib/a.json": "{}", "e\u0301.js": "1", "README.md": "no", ".hidden.js": "no", ".git/a.js": "no", "node_modules/x.js": "no", "a.map": "{}"}
	cfg, err := leadsScripts(t, "", good, func(dir string) {
		if err := os.Symlink("orders.js", filepath.Join(dir, "items.js")); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if s := cfg.Leads[0].Scripts; len(s) != 4 || s["orders.js"] != "// ö" || s["items.js"] != "// ö" || s["lib/a.json"] != "{}" || s["\u00e9.js"] != "1" {
		t.Errorf("%q", s)
	}
	for name, x := range map[string]struct {
		keys    string
		files   map[string]string
		prepare func(dir string)
		want    string
	}{
		"no directory":  {want: "no such file or directory"},
		"no scripts":    {files: map[string]string{"README.md": ""}, want: "has no scripts"},
		"one too large": {files: map[string]string{"a.js": strings.Repeat("a", 24<<10+1)}, want: `"a.js": has 24577 bytes, and the scripts of a profile at most 24576 in all`},
		"many":          {files: map[string]string{"a.js": strings.Repeat("a", 20<<10), "b.js": strings.Repeat("a", 5<<10)}, want: `"b.js": has 5120 bytes`},
		"as text":       {files: map[string]string{"a.js": strings.Repeat("<", 20<<10)}, want: "bytes as its sites get it, more than 49152"},
		"with the keys": {keys: `"syncTables": ["` + strings.Repeat(strings.Repeat("a", 60)+`", "`, 500) + `b"]`, files: map[string]string{"a.js": strings.Repeat("a", 20<<10)}, want: "bytes as its sites get it, more than 49152"},
		"not text":      {files: map[string]string{"a.js": "\xff"}, want: `"a.js": is not UTF-8`},
		"twice":         {files: map[string]string{"a.js": "", "A.js": ""}, want: `"A.js" and "a.js" differ only in case`},
		"a bad name":    {files: map[string]string{"a\n.js": ""}, want: `"a\n.js" may not be the name of a script`},
		"a long name":   {files: map[string]string{strings.Repeat("a", 198) + ".js": ""}, want: `may not be the name of a script`},
		"a pipe":        {files: map[string]string{"a.js": ""}, prepare: func(dir string) { _ = syscall.Mkfifo(filepath.Join(dir, "b.js"), 0o600) }, want: `"b.js": is not a file`},
		"a link to one": {files: map[string]string{"a.js": ""}, prepare: func(dir string) {
			_ = syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)
			_ = os.Symlink("pipe", filepath.Join(dir, "b.js"))
		}, want: `"b.js": is not a file`},
		"a folder":   {files: map[string]string{"a.js": "", "lib/x.md": ""}, prepare: func(dir string) { _ = os.Symlink("lib", filepath.Join(dir, "b.js")) }, want: `"b.js": is not a file`},
		"a way out":  {files: map[string]string{"a.js": ""}, prepare: func(dir string) { _ = os.Symlink("../hub.json", filepath.Join(dir, "b.js")) }, want: `"b.js": statat b.js: path escapes from parent`},
		"an abs one": {files: map[string]string{"a.js": ""}, prepare: func(dir string) { _ = os.Symlink("/etc/passwd", filepath.Join(dir, "b.js")) }, want: `path escapes from parent`},
	} {
		if _, err := leadsScripts(t, x.keys, x.files, x.prepare); err == nil || !strings.Contains(err.Error(), "lead.store") || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %s", name, err, x.want)
		}
	}
}

func TestScriptsComeOnlyWhereTheSiteSaysSo(t *testing.T) {
	t.Parallel()
	const keys = `{"receiveTables": ["orders"], "conflictPolicy": {"orders": "script"}}`
	try := func(from, more string, version profile.Version, scripts map[string]string) (*config.Config, error) {
		t.Helper()
		path, _, k := ledFile(t, from, more)
		p := profile.Profile{Hub: "hq", Name: "store", Version: version, Content: profile.Content{Scripts: scripts}}
		if err := json.Unmarshal([]byte(keys), &p.Keys); err != nil {
			t.Fatal(err)
		}
		signed, err := k.Sign(p)
		if err != nil {
			t.Fatal(err)
		}
		cfg, _, err := config.Try(path, nil, signed)
		return cfg, err
	}
	const allowed = `, "transformers": true`
	cfg, err := try(allowed, "", 7, map[string]string{"orders.js": "x", "lib/a.json": "{}"})
	if err != nil || len(cfg.From.Files) != 2 || string(cfg.From.Files["orders.js"]) != "x" || !cfg.HasScripts() {
		t.Errorf("%v", err)
	}
	if cfg, err = try(allowed, `, "transformerDirectory": "`+t.TempDir()+`"`, 7, nil); err != nil || cfg.From.Files != nil {
		t.Errorf("%v", err)
	}
	for _, x := range []struct {
		from    string
		scripts map[string]string
		want    string
	}{
		{"", map[string]string{"orders.js": "SECRET"}, "configurationFrom.transformers: is not set, and profile store of hq, version 1970-01-01 00:00:07 has scripts: set it to true"},
		{`, "scripts": true`, map[string]string{"orders.js": "SECRET"}, "configurationFrom.transformers: is not set"},
		{allowed, nil, `"script" requires transformerDirectory`},
		{allowed, map[string]string{"orders.js": "", "../x.js": ""}, `"../x.js" may not be the name`},
		{allowed, map[string]string{"/etc/x.js": ""}, `"/etc/x.js" may not be the name`},
		{allowed, map[string]string{"a/../../x.js": ""}, `may not be the name`},
		{allowed, map[string]string{"a//x.js": ""}, `may not be the name`},
		{allowed, map[string]string{`..\x.js`: ""}, `may not be the name`},
		{allowed, map[string]string{".hub/x.js": ""}, `may not be the name`},
		{allowed, map[string]string{"a/.x.js": ""}, `may not be the name`},
		{allowed, map[string]string{"x.sh": ""}, `may not be the name`},
		{allowed, map[string]string{"": ""}, `may not be the name`},
		{allowed, map[string]string{"x\x1b[2J.js": ""}, `may not be the name`},
		{allowed, map[string]string{"e\u0301.js": ""}, `may not be the name`},
		{allowed, map[string]string{"a\u202e.js": ""}, `may not be the name`},
		{allowed, map[string]string{strings.Repeat("a", 9000) + ".js": ""}, `may not be the name`},
		{allowed, map[string]string{"Orders.js": "", "orders.js": ""}, `"Orders.js" and "orders.js" differ only in case`},
	} {
		_, err := try(x.from, "", 7, x.scripts)
		if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "SECRET") || len(err.Error()) > 2000 {
			t.Errorf("%.200q: %.300v, want %s", x.scripts, err, x.want)
		}
	}
}
