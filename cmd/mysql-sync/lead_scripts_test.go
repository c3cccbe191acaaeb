package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// marks is a transformer that appends a mark to the name of an order.
func marks(mark string) string {
	return `const mark = require('./lib/mark'); module.exports = c => { c.entity.name += mark + '` + mark + `'; return c.entity; };`
}

// scriptsOf writes the scripts that a hub gives its stores.
func scriptsOf(t *testing.T, h *testkit.Site, files map[string]string) {
	t.Helper()
	dir := filepath.Join(filepath.Dir(h.File), "led")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	block := h.Config["lead"].(map[string]any)["store"].(map[string]any)
	if block["scripts"] = dir; files == nil {
		delete(block, "scripts")
	}
	h.Write()
}

// The hub gives its stores a transformer: one takes it, also while the hub is away, one has its own, and one that takes none refuses.
func TestStoresTakeScriptsFromTheHub(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := leading(t, b, "store-1", "store-2", "store-3")
	h.Start()
	allowed := map[string]any{"transformers": true}
	one, two, three := led(t, b, h, "store-1", allowed, orders), led(t, b, h, "store-2", allowed, orders), led(t, b, h, "store-3", nil, orders)
	two.Config["transformerDirectory"] = script(t, `module.exports = c => { c.entity.name += ' of its own'; return c.entity; }`)
	two.Write()
	for _, s := range []*testkit.Site{one, two, three} {
		s.Start()
	}
	first := state(t, h, "all have the version without scripts", all).Leads[0].Version

	scriptsOf(t, h, map[string]string{"orders.js": "\nlet a; let a;", "lib/mark.js": ""})
	has(t, h.Run(2, "reload"), "lead.store.scripts: orders.js:2: SyntaxError", "the node carries on as before")
	has(t, h.Run(1, "check"), "lead.store.scripts", "orders.js:2: SyntaxError")
	scriptsOf(t, h, map[string]string{"orders.js": marks("!"), "lib/mark.js": `module.exports = ' by the hub'`})
	h.Run(0, "reload")
	x := state(t, h, "two have it, and one refuses", func(x *status.State) bool {
		s := sitesOf(x)
		return len(s) == 3 && s[0].Version == x.Leads[0].Version && s[1].Version == x.Leads[0].Version && s[2].Refused != ""
	})
	if r := x.Leads[0].Sites[2]; r.Version != first || !strings.Contains(r.Refused, "configurationFrom.transformers: is not set") {
		t.Errorf("%+v", r)
	}
	one.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	two.Exec(`INSERT INTO orders VALUES (2, 'two', 1)`)
	three.Exec(`INSERT INTO orders VALUES (3, 'three', 1)`)
	h.Expect(`SELECT name FROM orders ORDER BY id`, `"one by the hub!"`, `"two of its own"`, `"three"`)
	has(t, one.Run(0, "check"), "orders", "has a transformer from profile store of hq, version ", ".hub/orders.js")
	has(t, two.Run(0, "check"), "has a transformer: orders.js")

	// The copy counts while the hub is away, and nothing runs without what the hub meant to change once it is forbidden.
	h.Stop()
	one.Stop()
	one.Start()
	one.Exec(`INSERT INTO orders VALUES (4, 'four', 1)`)
	one.Expect(`SELECT COUNT(*) FROM sync_status`, `1`)
	h.Start()
	h.Expect(`SELECT name FROM orders WHERE id = 4`, `"four by the hub!"`)
	block := one.Block("configurationFrom")
	block["transformers"] = false
	one.Write()
	has(t, one.Run(2, "reload"), "configurationFrom.transformers: is not set")
	block["transformers"] = true
	one.Write()

	// A change of a script alone makes a version. One that fails at a store is refused there, and the one before goes on.
	scriptsOf(t, h, map[string]string{"orders.js": marks("?"), "lib/mark.js": `module.exports = ' again'`})
	h.Run(0, "reload")
	last := state(t, h, "the new script", func(x *status.State) bool {
		s := sitesOf(x)
		return len(s) == 3 && x.Leads[0].Version > first && s[0].Version == x.Leads[0].Version
	}).Leads[0].Version
	if last <= x.Leads[0].Version {
		t.Errorf("%s after %s", last, x.Leads[0].Version)
	}
	one.Exec(`INSERT INTO orders VALUES (5, 'five', 1)`)
	h.Expect(`SELECT name FROM orders WHERE id = 5`, `"five again?"`)

	// Without scripts at the hub there are none at the stores, and the one that takes none is content.
	scriptsOf(t, h, nil)
	h.Run(0, "reload")
	state(t, h, "all have the version without scripts", all)
	one.Exec(`INSERT INTO orders VALUES (6, 'six', 1)`)
	h.Expect(`SELECT name FROM orders WHERE id = 6`, `"six"`)
}

// A hub that checks nothing gives a store scripts that do not work there: each is refused, and the one before goes on, also after a restart.
func TestAStoreRefusesScriptsThatDoNotWork(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := playHub(t, b)
	s := follower(t, b, h)
	s.Block("configurationFrom")["transformers"] = true
	s.Write()
	s.Run(0, "reload")
	sign := func(version profile.Version, scripts map[string]string) []byte {
		t.Helper()
		signed, err := h.key.Sign(profile.Profile{Hub: "hq", Name: "store", Version: version, Content: profile.Content{
			Keys: map[string]json.RawMessage{"syncTables": []byte(`["orders"]`), "receiveTables": []byte(`[]`)}, Scripts: scripts,
		}})
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	tested := func(mark string) {
		t.Helper()
		_, out, said := testkit.Output(t, "transform", "test", s.File, "orders", "1", "--to", "hq")
		has(t, out+said, mark)
	}
	s.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	good := map[string]string{"orders.js": "module.exports = c => { c.entity.name = `${c.entity.name} of the ${'hub'}`; return c.entity; }"}
	h.gives("scripts", sign(100, good), uses(100))
	tested("one of the hub")
	for i, x := range []struct{ name, text, why string }{
		{"orders.js", "\nlet a; let a;", ".hub/orders.js:2: SyntaxError"},
		{"orders.js", "\n\nthrow new Error('no')", ".hub/orders.js:3: Error: no"},
		{"../orders.js", "", `"../orders.js" may not be the name of a script`},
	} {
		h.gives(x.why, sign(profile.Version(101+i), map[string]string{x.name: x.text}), refuses(100, x.why))
	}
	tested("one of the hub")
	s.Stop()
	s.Start()
	tested("one of the hub")
	h.gives("none", sign(110, nil), uses(110))
	tested("no transformer")
}
