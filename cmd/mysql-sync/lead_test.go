package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const prices = `CREATE TABLE prices (id INT PRIMARY KEY, price DECIMAL(10,2))`

// leading is a hub with a profile for all stores, and keysOf changes what it says.
func leading(t *testing.T, b *testkit.Broker, stores ...string) *testkit.Site {
	t.Helper()
	h := newSite(t, b, "hq", stores, map[string]any{"fleet": true}, orders, prices)
	leads(h, map[string]any{"syncTables": []string{"orders"}, "receiveTables": []string{"orders"}})
	return h
}

// leads writes what the hub's profile has.
func leads(h *testkit.Site, keys map[string]any) {
	h.Config["lead"] = map[string]any{"store": map[string]any{"sites": h.Config["remoteClients"], "keys": keys}}
	h.Write()
}

// led is a store that takes its configuration from a running hub; extra goes into configurationFrom.
func led(t *testing.T, b *testkit.Broker, h *testkit.Site, name string, extra map[string]any, statements ...string) *testkit.Site {
	t.Helper()
	from := map[string]any{"client": "hq", "profile": "store", "key": strings.TrimSpace(h.Run(0, "lead", "--key"))}
	maps.Copy(from, extra)
	s := newSite(t, b, name, []string{"hq"}, map[string]any{"configurationFrom": from}, statements...)
	delete(s.Config, "syncTables")
	delete(s.Config, "receiveTables")
	s.Write()
	return s
}

// state waits until a node's state satisfies a test.
func state(t *testing.T, s *testkit.Site, what string, wants func(x *status.State) bool) (last status.State) {
	t.Helper()
	testkit.Eventually(t, what, func() error {
		code, out, said := testkit.Output(t, "status", s.File, "--json")
		if code != 0 {
			return fmt.Errorf("%s%s", out, said)
		}
		last = status.State{}
		if err := json.Unmarshal([]byte(out), &last); err != nil {
			return err
		}
		if !wants(&last) {
			return fmt.Errorf("%+v %+v %v", last.Led, last.Leads, last.Problems)
		}
		return nil
	})
	return last
}

// all reports whether all sites of a hub's only profile have its latest version.
func all(x *status.State) bool {
	for i := range sitesOf(x) {
		if x.Leads[0].Sites[i].Version != x.Leads[0].Version {
			return false
		}
	}
	return len(sitesOf(x)) > 0
}

// sitesOf returns what the sites of a hub's only profile have said; none while it starts.
func sitesOf(x *status.State) []lead.Report {
	if len(x.Leads) == 0 {
		return nil
	}
	return x.Leads[0].Sites
}

// A new table is added at the hub; one store takes it without a restart, the other lacks the table, refuses and goes on.
func TestStoresTakeTheirTablesFromTheHub(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := leading(t, b, "store-1", "store-2")
	h.Start()
	one := led(t, b, h, "store-1", nil, orders, prices)
	two := led(t, b, h, "store-2", nil, orders)
	one.Start()
	two.Start()
	h.Exec(`INSERT INTO orders VALUES (1, 'from the hub', 1)`)
	one.Expect(`SELECT name FROM orders`, `"from the hub"`)
	two.Expect(`SELECT name FROM orders`, `"from the hub"`)
	first := state(t, h, "both stores have it", all).Leads[0].Version
	has(t, h.Run(0, "status"), "profile store, version "+first.String()+": 2 of 2 sites have it")
	pid := one.Node.Pid()

	h.Config["syncTables"] = []string{"orders", "prices"}
	leads(h, map[string]any{"syncTables": []string{"orders"}, "receiveTables": []string{"orders", "prices"}, "checkInterval": 30})
	h.Run(0, "reload")
	h.Exec(`INSERT INTO prices VALUES (7, 9.99)`)
	one.Expect(`SELECT * FROM prices`, `7|"9.99"`)
	if one.Node.Pid() != pid {
		t.Error("the process was restarted")
	}
	x := state(t, h, "one store has it, the other refuses", func(x *status.State) bool {
		s := sitesOf(x)
		return len(s) == 2 && s[0].Version == x.Leads[0].Version && s[1].Refused != ""
	})
	if p := x.Leads[0]; p.Version <= first || p.Sites[1].Version != first || p.Sites[1].Tried != p.Version || !strings.Contains(p.Sites[1].Refused, "prices") {
		t.Errorf("%+v", p)
	}
	has(t, strings.Join(x.Problems, "\n"), "store-2 refuses version "+x.Leads[0].Version.String()+" of the profile store, and keeps version "+first.String(), "prices")
	has(t, h.Run(0, "fleet"), "refused", "latest", "✗ store-2: refuses version", "prices")
	has(t, h.Run(0, "lead"), "store-1", "(latest)", "store-2 refuses the latest", "prices")
	var f fleet.Fleet
	if err := json.Unmarshal([]byte(h.Run(0, "fleet", "--json")), &f); err != nil || f.Sites[0].Name != "store-2" || f.Sites[0].Standing != fleet.Problems || f.Sites[0].Led == nil {
		t.Errorf("%v: %+v", err, f.Sites[0])
	}
	two.Exec(`INSERT INTO orders VALUES (2, 'from the store', 1)`)
	h.Expect(`SELECT name FROM orders WHERE id = 2`, `"from the store"`)
	has(t, two.Run(0, "status"), "refuses version", "keeps version "+first.String())

	two.Exec(prices)
	two.Run(0, "reload")
	two.Expect(`SELECT * FROM prices`, `7|"9.99"`)
	state(t, h, "both stores have it", all)
	if problems := state(t, h, "no problem is left", func(x *status.State) bool { return len(x.Problems) == 0 }).Problems; len(problems) > 0 {
		t.Error(problems)
	}
	has(t, one.Run(2, "lead"), "this node leads no configurations: set lead in")
	var shown struct {
		Key      string
		Profiles []lead.Profile
	}
	if err := json.Unmarshal([]byte(h.Run(0, "lead", "--json")), &shown); err != nil || len(shown.Profiles) != 1 || shown.Key != strings.TrimSpace(h.Run(0, "lead", "--key")) {
		t.Errorf("%v: %+v", err, shown)
	}
	has(t, one.Run(0, "check"), "receiveTables", "comes from profile store of hq, version ")

	file := filepath.Join(one.Config["queueDirectory"].(string), "store-1.led")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A hub whose database and configuration are of a backup does not set its stores back, and says so.
func TestARestoredHubSetsNoStoreBack(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := leading(t, b, "store-1")
	h.Start()
	s := led(t, b, h, "store-1", map[string]any{"local": []string{"checkInterval"}}, orders, prices)
	s.Start()
	older := map[string]any{"syncTables": []string{"orders"}, "receiveTables": []string{"orders"}}
	newer := map[string]any{"syncTables": []string{"orders"}, "receiveTables": []string{"orders", "prices"}, "checkInterval": 9000}
	state(t, h, "the first version", all)
	h.Exec(`CREATE TABLE backup AS SELECT * FROM sync_leads`)
	h.Config["syncTables"] = []string{"orders", "prices"}
	leads(h, newer)
	h.Run(0, "reload")
	second := state(t, h, "the second one", all).Leads[0]
	if r := second.Sites[0]; len(r.Local) != 1 || r.Local[0] != "checkInterval" {
		t.Errorf("%+v", r)
	}
	has(t, s.Run(0, "status"), "kept here: checkInterval")
	has(t, s.Run(0, "check"), "checkInterval", "is determined here (configurationFrom.local, or the environment)")

	h.Stop()
	h.Exec(`DELETE FROM sync_leads`, `INSERT INTO sync_leads SELECT * FROM backup`)
	leads(h, older)
	h.Start()
	x := state(t, h, "the store's report", func(x *status.State) bool { return len(sitesOf(x)) > 0 && sitesOf(x)[0].Newer })
	if r := x.Leads[0].Sites[0]; r.Version != second.Version || x.Leads[0].Version >= second.Version {
		t.Errorf("%+v", x.Leads)
	}
	has(t, h.Run(0, "status"), "store-1 has version "+second.Version.String()+" of the profile store, which is newer than this node's", "mysql-sync lead --renew store")
	if now := state(t, s, "what the store says", func(x *status.State) bool { return x.Led != nil && x.Led.Refused != "" }); now.Led.Version != second.Version {
		t.Errorf("%+v", now.Led)
	}
	h.Exec(`INSERT INTO prices VALUES (3, 4)`)
	s.Expect(`SELECT * FROM prices`, `3|"4.00"`)

	has(t, h.Run(0, "lead", "--renew", "store"), "store has a new version; the sites get it now")
	third := state(t, h, "the renewed one", all).Leads[0]
	if third.Version <= second.Version {
		t.Errorf("version %s after %s", third.Version, second.Version)
	}
	state(t, s, "the tables of the backup", func(x *status.State) bool { return len(x.Tables) == 1 })
	has(t, h.Run(2, "lead", "--renew", "other"), `there is no profile "other"`)

	// A hub with another key, as with a new database, is not believed.
	h.Exec(`DELETE FROM sync_node WHERE name = 'leadKey'`)
	leads(h, newer)
	h.Run(0, "reload")
	x = state(t, h, "the store's report", func(x *status.State) bool { return len(sitesOf(x)) > 0 && sitesOf(x)[0].Refused != "" })
	has(t, x.Leads[0].Sites[0].Refused, "not signed by the key in configurationFrom.key")
}

// A new version goes to one store first. The other one, which starts only now, gets what was released, and the new one once a person
// releases that.
func TestAVersionGoesToOneStoreFirst(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := leading(t, b, "store-1", "store-2")
	h.Config["syncTables"] = []string{"orders", "prices"}
	h.Write()
	h.Start()
	one, two := led(t, b, h, "store-1", nil, orders, prices), led(t, b, h, "store-2", nil, orders, prices)
	one.Start()
	released := state(t, h, "store-1 has it", func(x *status.State) bool { s := sitesOf(x); return len(s) == 2 && s[0].Version == x.Leads[0].Version }).Leads[0].Version
	has(t, h.Run(1, "lead", "--release", "store"), "its latest version is released already")
	try := func(receive ...string) {
		leads(h, map[string]any{"syncTables": []string{"orders"}, "receiveTables": receive})
		h.Config["lead"].(map[string]any)["store"].(map[string]any)["first"] = []string{"store-1"}
		h.Write()
	}
	try("orders", "absent")
	has(t, h.Run(1, "lead", "--release", "store"), "reload the node, and let them try it")
	h.Run(0, "reload")
	state(t, h, "store-1 refuses it", func(x *status.State) bool { s := sitesOf(x); return len(s) == 2 && s[0].Refused != "" })
	has(t, h.Run(1, "lead", "--release", "store"), "store: store-1, which is to try it, refuses the latest version", "absent", "--force")
	try("orders", "prices")
	h.Run(0, "reload")
	two.Start()
	x := state(t, h, "each store has its version", func(x *status.State) bool {
		s := sitesOf(x)
		return len(s) == 2 && s[0].Version == x.Leads[0].Version && s[1].Version == released
	})
	if p := x.Leads[0]; p.Version <= released || p.Released != released || p.Sites[0].Waits || !p.Sites[1].Waits || len(x.Problems) > 0 {
		t.Errorf("%+v, %v", p, x.Problems)
	}
	has(t, h.Run(0, "lead"), "Only store-1: the others have version "+released.String(), "(latest)", "(released)")
	has(t, h.Run(0, "status"), "1 of 2 sites have it, 1 waits for its release")
	has(t, h.Run(0, "fleet"), "latest", "waits")
	has(t, h.Run(0, "lead", "--release", "store"), "is released; the sites get it now")
	state(t, h, "both stores have it", all)
	h.Exec(`INSERT INTO prices VALUES (7, 9.99)`)
	two.Expect(`SELECT * FROM prices`, `7|"9.99"`)
}

// A store that follows the hub and leads a kiosk goes on leading it when it gets a version itself, and each hears of its own hub alone.
func TestAStoreThatFollowsLeadsOthers(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := leading(t, b, "store-1")
	h.Start()
	s := led(t, b, h, "store-1", nil, orders, prices)
	s.Config["remoteClients"] = []string{"hq", "kiosk-1"}
	s.Config["lead"] = map[string]any{"kiosk": map[string]any{"sites": []string{"kiosk-1"}, "keys": map[string]any{"syncTables": []string{}, "receiveTables": []string{"orders"}}}}
	s.Write()
	s.Start()
	key := strings.TrimSpace(s.Run(0, "lead", "--key"))
	k := newSite(t, b, "kiosk-1", []string{"store-1"}, map[string]any{"configurationFrom": map[string]any{"client": "store-1", "profile": "kiosk", "key": key}}, orders, prices)
	k.Start()
	state(t, h, "the store has it", all)
	first := state(t, s, "the kiosk has its own", all).Leads[0].Version

	leads(h, map[string]any{"syncTables": []string{"orders", "prices"}, "receiveTables": []string{"orders"}})
	h.Run(0, "reload")
	state(t, h, "the store has the next", all)
	if again := state(t, s, "the kiosk has told the store's next run", all).Leads[0].Version; again != first {
		t.Errorf("%s, not %s", again, first)
	}
	s.Block("lead")["kiosk"].(map[string]any)["keys"] = map[string]any{"syncTables": []string{}, "receiveTables": []string{"orders", "prices"}}
	s.Write()
	s.Run(0, "reload")
	state(t, s, "the kiosk has the next", all)
	s.Exec(`INSERT INTO prices VALUES (7, 9.99)`)
	k.Expect(`SELECT * FROM prices`, `7|"9.99"`)
	if x := state(t, h, "the hub has one site", all); len(sitesOf(&x)) != 1 || len(x.Problems) > 0 {
		t.Errorf("%+v, %v", x.Leads, x.Problems)
	}
}

// A store that joins gets the hub's key with its token, and is led from then on.
func TestAStoreThatJoinsIsLed(t *testing.T) {
	t.Parallel()
	h := joinable(t, map[string]any{"lead": map[string]any{"store": map[string]any{"sites": []string{"store-*"}, "keys": map[string]any{
		"syncTables": []string{"orders"}, "receiveTables": []string{"orders", "prices"}, "verifyInterval": 7_200_000}}}})
	h.Start()
	s, args := store(t)
	has(t, joins(t, 0, invited(t, h, "store-17"), args, "--yes"), "hq leads a part of this configuration from now on, by its profile store")
	begins(t, s)
	state(t, h, "the store has it", all)
	has(t, s.Run(0, "check"), "verifyInterval", "comes from profile store of hq, version ")
	h.Config["lead"].(map[string]any)["store"].(map[string]any)["keys"].(map[string]any)["receiveTables"] = []string{"prices"}
	h.Write()
	h.Run(0, "reload")
	state(t, h, "the store has the next one", all)
	h.Exec(`INSERT INTO prices VALUES (8, 8)`)
	s.Expect(`SELECT id FROM prices WHERE id = 8`, "8")
	has(t, h.Run(0, "sites", "--dismiss", "store-17"), "store-17 is dismissed")
	state(t, h, "nobody is led", func(x *status.State) bool { return len(x.Leads) == 1 && len(sitesOf(x)) == 0 })
}
