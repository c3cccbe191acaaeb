package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

// ledFile writes the configuration of a site with a queueDirectory and more keys, and returns a hub that signs for it.
func ledFile(t *testing.T, from, more string) (path string, sign func(keys string) []byte, k profile.PrivateKey) {
	t.Helper()
	k, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path = filepath.Join(dir, "store.json")
	text := `{"clientName": "store-1", "remoteClients": ["hq"], "mqttConfig": {"host": "h"}, "queueDirectory": "` + dir + `", "mysqlConfig": {"user": "u", "database": "d"},
  "configurationFrom": {"client": "hq", "profile": "store", "key": "` + k.Public().String() + `"` + from + `}` + more + `}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, func(keys string) []byte {
		p := profile.Profile{Hub: "hq", Name: "store", Version: 1764335000}
		if err := json.Unmarshal([]byte(keys), &p.Keys); err != nil {
			t.Fatal(err)
		}
		b, err := k.Sign(p)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, k
}

func TestTheHubsKeysCountUnlessTheSiteSaysOtherwise(t *testing.T) {
	t.Parallel()
	path, sign, _ := ledFile(t, `, "local": ["checkInterval"]`, `, "checkInterval": 70, "verifyInterval": 1000, "syncTables": ["old"]`)
	cfg, _, err := config.Load(path, nil)
	if err != nil || cfg.From.Version != 0 || !slices.Equal(cfg.SyncTables, []string{"old"}) {
		t.Fatalf("%+v, %v", cfg, err)
	}
	document := sign(`{"syncTables": ["orders", "items"], "receiveTables": ["orders"], "checkInterval": 500, "verifyInterval": 9000, "initialSync": "all",
		"conflictPolicy": {"orders": {"priority": ["hq"]}}, "routes": {"orders": {"column": "store", "remote": "{value}"}}}`)
	if cfg, _, err = config.Try(path, []string{"MYSQL_SYNC_VERIFYINTERVAL=5000"}, document); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(cfg.SyncTables, []string{"orders", "items"}) || cfg.CheckInterval.Milliseconds() != 70 || cfg.VerifyInterval.Milliseconds() != 5000 || cfg.InitialSync != "all" ||
		cfg.ConflictPolicy["orders"].Priority[0] != "hq" || cfg.Routes["orders"].Rules[0].Column != "store" {
		t.Errorf("%+v", cfg)
	}
	if !slices.Equal(cfg.From.Keys, []string{"conflictPolicy", "initialSync", "receiveTables", "routes", "syncTables"}) || !slices.Equal(cfg.From.Ours, []string{"checkInterval", "verifyInterval"}) {
		t.Errorf("%+v", cfg.From)
	}
	if again, _, err := config.Load(path, nil); err != nil || again.From.Version != 0 {
		t.Errorf("a document that was only tried counts: %+v, %v", again.From, err)
	}
	if err := cfg.From.File.Accept(cfg.From.Version, document); err != nil {
		t.Fatal(err)
	}
	if again, _, err := config.Load(path, nil); err != nil || again.From.Version != 1764335000 || again.VerifyInterval.Milliseconds() != 9000 {
		t.Errorf("the accepted document does not count: %v", err)
	}
}

// A site that gets another profile, hub or key keeps what it has until that gives something, if it fits the file: without its
// tables meanwhile, deletes would go unseen.
func TestWhatAnotherHubGaveCountsMeanwhile(t *testing.T) {
	t.Parallel()
	path, sign, k := ledFile(t, "", "")
	document := sign(`{"syncTables": ["orders"], "routes": {"orders": {"column": "store", "remote": "{value}"}}, "routeOptions": {"also": ["hq"]}}`)
	load := func(change ...string) *config.Config {
		t.Helper()
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, []byte(strings.NewReplacer(change...).Replace(string(text))), 0o600)
		}
		var cfg *config.Config
		if err == nil {
			cfg, _, err = config.Load(path, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg := load()
	must(cfg.From.File.Accept(1764335000, document))
	other, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][]string{{`"profile": "store"`, `"profile": "trial"`}, {k.Public().String(), other.Public().String()}} {
		cfg = load(change...)
		if x := cfg.From; x.Version != 0 || x.Digest != nil || x.Before != "profile store of hq, version 2025-11-28 13:03:20" || !slices.Equal(cfg.SyncTables, []string{"orders"}) {
			t.Errorf("%+v, %v", x, cfg.SyncTables)
		}
		must(cfg.From.File.Tries(5, profile.Digest{}, time.Now())) // what is refused changes nothing
	}
	if cfg = load("remoteClients\": [\"hq", "remoteClients\": [\"hq2", `"client": "hq"`, `"client": "hq2"`); cfg.From.Before != "" || len(cfg.SyncTables) > 0 { // it has a route to hq
		t.Errorf("%+v, %v", cfg.From, cfg.SyncTables)
	}
	if cfg = load("hq2", "hq", "trial", "store", other.Public().String(), k.Public().String()); cfg.From.Version != 1764335000 || cfg.From.Before != "" {
		t.Errorf("it is back: %+v", cfg.From)
	}
	cfg = load("store\", \"key", "trial\", \"key")
	signed, err := k.Sign(profile.Profile{Hub: "hq", Name: "trial", Version: 9, Content: profile.Content{Keys: map[string]json.RawMessage{"receiveTables": []byte(`["prices"]`)}}})
	must(errors.Join(err, cfg.From.File.Accept(9, signed)))
	if cfg = load(); cfg.From.Version != 9 || cfg.From.Before != "" || len(cfg.SyncTables) > 0 {
		t.Errorf("%+v, %v", cfg.From, cfg.SyncTables)
	}
}

// Who may write which rows at a site is its own to say, also where its hub says everything else about its routes.
func TestAHubDoesNotSayWhoMayWrite(t *testing.T) {
	t.Parallel()
	path, sign, _ := ledFile(t, "", `, "routeOptions": {"also": ["nobody"], "write": "own"}`)
	cfg, _, err := config.Try(path, nil, sign(`{"syncTables": ["orders"], "routes": {"orders": {"column": "store", "remote": "{value}"}}, "routeOptions": {"also": ["hq"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.RouteWrite != "own" || !slices.Equal(cfg.RouteAlso, []string{"hq"}) {
		t.Errorf("%s, %v", cfg.RouteWrite, cfg.RouteAlso)
	}
}

func TestWhatAHubMayNotSay(t *testing.T) {
	t.Setenv("SECRET", "hunter2")
	path, sign, k := ledFile(t, "", "")
	tables := `"receiveTables": ["orders"]`
	schema := map[string]any{}
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for name := range schema["properties"].(map[string]any) {
		if slices.Contains(config.Leadable, name) {
			continue
		}
		for _, value := range []string{`"x"`, `{}`, `["x"]`, `{"file": "/etc/passwd"}`} {
			if _, _, err := config.Try(path, nil, sign(`{`+tables+`, "`+name+`": `+value+`}`)); err == nil || !strings.Contains(err.Error(), name+": may not be led: only these may be: ") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for keys, want := range map[string]string{
		`{"syncTables": ["${SECRET}"]}`:                                                                             "syncTables: has a reference",
		`{` + tables + `, "conflictPolicy": {"${SECRET}": "merge"}}`:                                                "conflictPolicy: has a reference",
		`{` + tables + `, "routes": {"orders": {"column": "$${x}", "remote": "a"}}}`:                                "routes: has a reference",
		`{` + tables + `, "conflictPolicy": {"orders": "script"}}`:                                                  "set configurationFrom.scripts to allow it",
		`{` + tables + `, "checkInterval": "often"}`:                                                                "profile store of hq, version 2025-11-28 13:03:20: checkInterval: ",
		`{` + tables + `, "checkInterval": 0}`:                                                                      "checkInterval: 0 is less than 1",
		`{` + tables + `, "checkInterval": null}`:                                                                   "checkInterval: is empty",
		`{` + tables + `, "syncTable": ["orders"]}`:                                                                 `did you mean "syncTables"?`,
		`{` + tables + `, "SyncTables": ["orders"]}`:                                                                "SyncTables: may not be led",
		`{` + tables + `, "mysqlConfig.password": "x"}`:                                                             "may not be led",
		`{` + tables + `, "syncTables.0": "x"}`:                                                                     "may not be led",
		`{"syncTables": {"file": "/etc/passwd"}}`:                                                                   "syncTables: ",
		`{"checkInterval": 5, "syncTables": []}`:                                                                    "syncTables: is empty, and so is receiveTables",
		`{` + tables + `, "conflictPolicy": {"items": "merge"}}`:                                                    "conflictPolicy.items: is not in syncTables or receiveTables",
		`{` + tables + `, "routeOptions": {"write": "any"}}`:                                                        "routeOptions.write: may not be led",
		`{` + tables + `, "routeOptions": {"also": ["hq"], "write": "give"}}`:                                       "routeOptions.write: may not be led",
		`{` + tables + `, "routeOptions": {"also": ["spy"]}}`:                                                       `"spy" is not in remoteClients`,
		`{` + tables + `, "allowLossy": {"orders": ` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}}`: "allowLossy",
	} {
		_, _, err := config.Try(path, os.Environ(), sign(keys))
		if said := located(err); !strings.Contains(said, want) || strings.Contains(said, "hunter2") {
			t.Errorf("%.60s: %.300s, want %q", keys, said, want)
		}
	}
	document := sign(`{` + tables + `}`)
	document[70] ^= 1
	if _, _, err := config.Try(path, nil, document); err == nil || !strings.Contains(err.Error(), "not signed by the key in configurationFrom.key") {
		t.Errorf("%v", err)
	}
	other, err := k.Sign(profile.Profile{Hub: "hq", Name: "kiosk", Version: 1, Content: profile.Content{Keys: map[string]json.RawMessage{}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := config.Try(path, nil, other); err == nil || !strings.Contains(err.Error(), "another hub or profile") {
		t.Errorf("%v", err)
	}
	allowed, signs, _ := ledFile(t, `, "scripts": true`, `, "transformerDirectory": "`+t.TempDir()+`"`)
	if _, _, err := config.Try(allowed, nil, signs(`{`+tables+`, "conflictPolicy": {"orders": "script"}}`)); err != nil {
		t.Error(err)
	}
}

// located returns the mistakes with their places.
func located(err error) string {
	m, ok := errors.AsType[config.Mistakes](err)
	if !ok {
		return fmt.Sprint(err)
	}
	return m.Located()
}

func TestMistakesAboutTheHub(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"configurationFrom": {"client": "hq", "profile": "store"}`:                                                                        "configurationFrom.key: is missing",
		`"configurationFrom": {"client": "hq", "profile": "store", "key": "abc"}`:                                                          "mysql-sync lead prints it",
		`"configurationFrom": {"client": "spy", "profile": "store", "key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`:                 `"spy" is in neither remoteClients nor acceptFrom`,
		`"configurationFrom": {"client": "me", "profile": "store", "key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`:                  "this node's own name",
		`"configurationFrom": {"client": "hq", "profile": "s", "key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "local": ["broker"]}`: `"broker" is not one of`,
		`"lead": {"store": {"sites": ["hq"], "keys": {"mqttConfig": {}}}}`:                                                                 "lead.store.keys.mqttConfig: may not be led",
		`"lead": {"store": {"sites": ["hq"], "keys": {"syncTables": ["${HOME}"]}}}`:                                                        "lead.store.keys.syncTables: has a reference",
		`"lead": {"store": {"sites": ["hq"], "keys": {"routeOptions": {"write": "any"}}}}`:                                                 "lead.store.keys.routeOptions.write: may not be led",
		`"lead": {"store": {"sites": ["hq"], "keys": {"checkInterval": 0}}}`:                                                               "lead.store.keys.checkInterval: 0 is less than 1",
		`"lead": {"store": {"sites": ["other"], "keys": {}}}`:                                                                              `"other" is in neither remoteClients nor acceptFrom`,
		`"lead": {"store": {"sites": ["me"], "keys": {}}}`:                                                                                 "this node's own name",
		`"lead": {"store": {"sites": [], "keys": {}}}`:                                                                                     "lead.store.sites: lists 0",
		`"lead": {"store": {"sites": ["hq"], "first": ["store-1"], "keys": {}}}`:                                                           `lead.store.first: "store-1" is not one of sites`,
		`"lead": {"a b": {"sites": ["hq"], "keys": {}}}`:                                                                                   "is not a name of 2 to 32",
		`"lead": {"store": {"sites": ["hq"]}}`:                                                                                             "lead.store.keys: is missing",
	} {
		path := filepath.Join(t.TempDir(), "me.json")
		if err := os.WriteFile(path, []byte("{\n\"clientName\": \"me\", \"remoteClients\": [\"hq\"], \"mqttConfig\": {\"host\": \"h\"}, \"syncTables\": [\"t\"], \"mysqlConfig\": {\"user\": \"u\", \"database\": \"d\"},\n"+text+"}"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := config.Load(path, nil)
		if said := located(err); !strings.Contains(said, want) || !strings.Contains(said, "me.json:3: ") {
			t.Errorf("%s: %s, want %q", text, said, want)
		}
	}
}
