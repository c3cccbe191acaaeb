package lead_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func hub(tables string) *config.Config {
	return &config.Config{ClientName: "hq", RemoteClients: []string{"store-1", "store-2", "kiosk-1"}, Leads: []config.Lead{
		{Name: "kiosk", Sites: []string{"kiosk-*"}, Content: profile.Content{Keys: map[string]json.RawMessage{"syncTables": []byte(`[]`)}}},
		{Name: "store", Sites: []string{"store-*"}, Content: profile.Content{Keys: map[string]json.RawMessage{"syncTables": []byte(tables)}}},
	}}
}

func database(t *testing.T) *mysqldb.DB {
	t.Helper()
	server := testkit.Shared(t)
	db, err := mysqldb.Connect(t.Context(), config.MySQL{Host: server.Host, Port: server.Port, User: server.User, Password: server.Password, Database: server.Create(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := schema.Migrate(t.Context(), zap.NewNop(), db); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestVersionsOnlyRise(t *testing.T) {
	t.Parallel()
	db := database(t)
	now := time.Unix(1764335000, 0)
	publish := func(tables string, at time.Time) (profile.Version, profile.PublicKey) {
		t.Helper()
		list, key, err := lead.Documents(t.Context(), db, hub(tables), at)
		if err != nil || len(list) != 2 || list[1].Name != "store" {
			t.Fatalf("%+v, %v", list, err)
		}
		p, err := profile.Open(list[1].Signed, key, "hq", "store")
		if err != nil || p.Version != list[1].Version || string(p.Keys["syncTables"]) != tables {
			t.Errorf("%+v, %v", p, err)
		}
		return p.Version, key
	}
	first, key := publish(`["a"]`, now)
	for i, x := range []struct {
		tables string
		at     time.Duration
		want   profile.Version
	}{
		{`["a"]`, time.Hour, first},                    // a restart
		{`["b"]`, time.Second, first + 1},              // in the next second
		{`["c"]`, time.Second, first + 2},              // in the same
		{`["b"]`, time.Hour, first + 3600},             // back to earlier content
		{`["d"]`, -24 * 365 * time.Hour, first + 3601}, // the clock is set back
		{`["d"]`, time.Hour, first + 3601},
	} {
		if v, k := publish(x.tables, now.Add(x.at)); v != x.want || k != key {
			t.Errorf("%d: version %d, want %d", i, v-first, x.want-first)
		}
	}
	reports := lead.Profile{Sites: []lead.Report{{Version: first}, {Version: 5, Tried: first + 9_000_000}, {Version: 1<<53 - 1}}} // the clock was ahead; one lies
	for _, x := range []struct{ reported, want profile.Version }{{first, first + 7200}, {reports.Highest(), first + 9_000_001}} {
		for range 2 { // the node is stopped
			if err := lead.Renew(t.Context(), db, "store", x.reported); err != nil {
				t.Fatal(err)
			}
		}
		if v, _ := publish(`["d"]`, now.Add(2*time.Hour)); v != x.want {
			t.Errorf("renewed: %d", v-first)
		}
	}
	if err := lead.Renew(t.Context(), db, "other", 0); err == nil {
		t.Error("a profile that was never led is renewed")
	}
}

func TestASiteGetsItsProfileAlone(t *testing.T) {
	t.Parallel()
	db, now := database(t), time.Unix(1764335000, 0)
	cfg := hub(`["orders"]`)
	list, key, err := lead.Documents(t.Context(), db, cfg, now)
	if err != nil {
		t.Fatal(err)
	}
	d := lead.NewDesk(cfg, list, key, func() time.Time { return now })
	store := list[1]
	for client, wants := range map[string]string{"store-1": "store", "kiosk-1": "kiosk", "store-9": "", "spy": "", "": ""} {
		for _, name := range []string{"store", "kiosk", "other", ""} {
			document, err := d.Answer(client, wire.Led{Profile: name})
			if (err == nil) != (name == wants && wants != "") || (len(document) > 0) != (err == nil) {
				t.Errorf("%s asks for %s: %d bytes, %v", client, name, len(document), err)
			}
		}
	}
	latest := wire.Led{Profile: "store", Version: int64(store.Version), Digest: store.Digest[:]}
	if document, err := d.Answer("store-1", latest); err != nil || document != nil {
		t.Errorf("a site that has it gets it: %v", err)
	}
	if document, err := d.Answer("store-2", wire.Led{Profile: "store", Version: 5, Tried: int64(store.Version), Refused: "no table"}); err != nil || document == nil {
		t.Errorf("a site that lacks it gets nothing: %v", err)
	}
	look := d.Look()[1].Sites
	if len(look) != 2 || look[0].Site != "store-1" || look[0].Refused != "" || look[0].Newer || look[1].Refused != "no table" || look[1].Version != 5 {
		t.Errorf("%+v", look)
	}
	for name, x := range map[string]struct {
		has            wire.Led
		newer, refused bool
	}{
		"of a version that is over":  {has: wire.Led{Version: 5, Tried: 6, Refused: "x"}},
		"of one that is not trusted": {has: wire.Led{Version: 5, Refused: "forged"}, refused: true},
		"newer":                      {has: wire.Led{Version: int64(store.Version) + 1}, newer: true},
		"newer, but refused":         {has: wire.Led{Version: 5, Tried: int64(store.Version) + 1, Refused: "x"}, newer: true, refused: true},
		"another content":            {has: wire.Led{Version: int64(store.Version)}, newer: true},
	} {
		x.has.Profile = "store"
		if _, err := d.Answer("store-1", x.has); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r := d.Look()[1].Sites[0]; r.Newer != x.newer || (r.Refused != "") != x.refused {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A site that may have two profiles is shown by the one that it follows, and one that asks for a wrong one by those that it may have.
func TestASiteIsShownByTheProfileThatItFollows(t *testing.T) {
	t.Parallel()
	cfg := hub(`["orders"]`)
	cfg.Leads = append(cfg.Leads, config.Lead{Name: "trial", Sites: []string{"store-1"}})
	d := lead.NewDesk(cfg, []lead.Document{{Name: "kiosk"}, {Name: "store"}, {Name: "trial"}}, profile.PublicKey{}, time.Now)
	shown := func(want string) {
		t.Helper()
		got := ""
		for _, p := range d.Look() {
			for _, r := range p.Sites {
				got += p.Name + " " + r.Site + " " + strings.TrimSuffix(r.Refused, ", which is not for it here") + "\n"
			}
		}
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	shown("kiosk kiosk-1 \nstore store-1 \nstore store-2 \ntrial store-1 \n")
	if _, err := d.Answer("store-1", wire.Led{Profile: "trial", Refused: "no table"}); err != nil {
		t.Error(err)
	}
	for _, client := range []string{"store-2", "spy"} {
		if _, err := d.Answer(client, wire.Led{Profile: "trial", Version: 7}); err == nil {
			t.Errorf("%s gets a profile of others", client)
		}
	}
	shown("kiosk kiosk-1 \nstore store-2 it asks for the profile trial\ntrial store-1 no table\n")
}

func TestAReportIsChecked(t *testing.T) {
	t.Parallel()
	good := wire.Led{Profile: "store", Refused: strings.Repeat("x", 9000) + "\x1b[2J"}
	good.Fit()
	if err := good.Check(); err != nil || len(good.Refused) > 600 {
		t.Errorf("%v: %q", err, good.Refused)
	}
	for _, bad := range []wire.Led{
		{}, {Profile: "a/b"}, {Profile: "store", Version: -1}, {Profile: "store", Tried: 1 << 60}, {Profile: "store", Refused: strings.Repeat("x", 9000)},
		{Profile: "store", Refused: "\x1b[2J"}, {Profile: "store", Local: make([]string, 99)}, {Profile: "store", Local: []string{"\n"}}, {Profile: "store", Digest: make([]byte, 999)},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// A new version goes to the first sites; the others keep the one that was released, get that if they lack it, and the new one once it
// is released. Nothing of what a site has seen is offered again in an older form.
func TestAVersionIsTriedBeforeItIsReleased(t *testing.T) {
	t.Parallel()
	db, now := database(t), time.Unix(1764335000, 0)
	leads := func(tables string, first ...string) (d *lead.Desk, x lead.Document) {
		t.Helper()
		cfg := hub(tables)
		cfg.Leads[1].First = first
		now = now.Add(time.Minute)
		list, key, err := lead.Documents(t.Context(), db, cfg, now)
		if err != nil {
			t.Fatal(err)
		}
		return lead.NewDesk(cfg, list, key, func() time.Time { return now }), list[1]
	}
	says := func(d *lead.Desk, site string, has, tried lead.Edition, want lead.Edition, waits bool) {
		t.Helper()
		led := wire.Led{Profile: "store", Version: int64(has.Version), Digest: has.Digest[:], Tried: int64(tried.Version)}
		document, err := d.Answer(site, led)
		if err != nil || string(document) != string(want.Signed) {
			t.Errorf("%s gets %d bytes, %v", site, len(document), err)
		}
		for _, r := range d.Look()[1].Sites {
			if r.Site == site && (r.Waits != waits || r.Newer) {
				t.Errorf("%+v", r)
			}
		}
	}
	release := func(tables string) error {
		_, err := lead.Release(t.Context(), db, &hub(tables).Leads[1])
		return err
	}
	var none lead.Edition
	if err := release(`["a"]`); !errors.Is(err, lead.ErrNoProfile) {
		t.Error(err)
	}
	d, x := leads(`["a"]`, "store-1") // nothing was ever released
	a := x.Edition
	says(d, "store-1", none, none, a, false)
	says(d, "store-2", none, none, none, true)
	if err := release(`["b"]`); !errors.Is(err, lead.ErrUntried) {
		t.Error(err)
	}
	if err := release(`["a"]`); err != nil {
		t.Error(err)
	}
	if err := release(`["a"]`); !errors.Is(err, lead.ErrReleased) {
		t.Error(err)
	}
	d, x = leads(`["a"]`, "store-1")
	if x.Version != a.Version || x.Released.Version != a.Version {
		t.Errorf("%d and %d, not %d", x.Version, x.Released.Version, a.Version)
	}
	says(d, "store-2", none, none, a, false)

	d, x = leads(`["b"]`, "store-*1")
	b := x.Edition
	says(d, "store-1", a, none, b, false)
	says(d, "store-2", a, none, none, true)
	says(d, "store-2", none, none, a, true) // it comes only now
	d, x = leads(`["c"]`, "store-*1")
	c := x.Edition
	says(d, "store-2", a, none, none, true)
	d, _ = leads(`["c"]`, "store-2") // the other one is to try it, and store-1 has seen b
	says(d, "store-1", b, none, none, true)
	says(d, "store-1", a, b, none, true)
	says(d, "store-1", b, c, c, false) // it has refused it
	says(d, "store-1", c, none, none, false)
	says(d, "store-2", a, none, c, false)
	d, x = leads(`["a"]`, "store-2") // back to what all have
	if x.Version <= c.Version || x.Released.Version != x.Version {
		t.Errorf("%d and %d after %d", x.Version, x.Released.Version, c.Version)
	}
	says(d, "store-1", a, none, x.Edition, false)
	leads(`["d"]`, "store-2")
	if d, x = leads(`["d"]`); x.Released.Version != x.Version { // no stages any more
		t.Errorf("%d and %d", x.Version, x.Released.Version)
	}
	says(d, "store-1", a, none, x.Edition, false)

	// What was made before there were stages is released, unless it changes at the same time.
	for tables, old := range map[string]bool{`["e"]`: true, `["f"]`: false} {
		leads(`["e"]`)
		if _, err := db.ExecContext(t.Context(), `UPDATE sync_leads SET released = NULL, released_keys = NULL`); err != nil {
			t.Fatal(err)
		}
		if _, x = leads(tables, "store-1"); (x.Released.Version == x.Version) != old || old == (x.Released.Version == 0) {
			t.Errorf("%s: %d and %d", tables, x.Version, x.Released.Version)
		}
	}
}

// A script that changes makes a version; the others get the released scripts until the new ones are released, and none once there are none.
func TestScriptsAreVersionedAndReleased(t *testing.T) {
	t.Parallel()
	db, now := database(t), time.Unix(1764335000, 0)
	var key profile.PublicKey
	of := func(script string) *config.Config {
		cfg := hub(`["a"]`)
		cfg.Leads[1].First = []string{"store-1"}
		if script != "" {
			cfg.Leads[1].Scripts = map[string]string{"a.js": script, "lib/b.js": "1"}
		}
		return cfg
	}
	publish := func(script string) lead.Document {
		t.Helper()
		now = now.Add(time.Minute)
		list, k, err := lead.Documents(t.Context(), db, of(script), now)
		if err != nil {
			t.Fatal(err)
		}
		key = k
		p, err := profile.Open(list[1].Signed, key, "hq", "store")
		if err != nil || p.Scripts["a.js"] != script || (len(p.Scripts) > 0) != (script != "") || string(p.Keys["syncTables"]) != `["a"]` {
			t.Errorf("%+v, %v", p, err)
		}
		return list[1]
	}
	released := func(x lead.Document, script string) {
		t.Helper()
		p, err := profile.Open(x.Released.Signed, key, "hq", "store")
		if err != nil || p.Scripts["a.js"] != script || (len(p.Scripts) > 0) != (script != "") || p.Version != x.Released.Version {
			t.Errorf("%+v, %v", p, err)
		}
	}
	release := func(script string) error {
		_, err := lead.Release(t.Context(), db, &of(script).Leads[1])
		return err
	}
	none := publish("")
	if err := release(""); err != nil {
		t.Error(err)
	}
	one := publish("one")
	if released(one, ""); one.Version <= none.Version || one.Released.Version != none.Version {
		t.Errorf("%+v", one)
	}
	if again := publish("one"); again.Version != one.Version {
		t.Errorf("%d, not %d", again.Version, one.Version)
	}
	if err := release("two"); !errors.Is(err, lead.ErrUntried) {
		t.Error(err)
	}
	if err := release("one"); err != nil {
		t.Error(err)
	}
	two := publish("two")
	if released(two, "one"); two.Version <= one.Version || two.Released.Version != one.Version {
		t.Errorf("%+v", two)
	}
	if back := publish("one"); back.Released.Version != back.Version { // to what all have
		t.Errorf("%+v", back)
	}
	gone := publish("")
	if released(gone, "one"); gone.Released.Version == gone.Version {
		t.Errorf("%+v", gone)
	}
	if err := release(""); err != nil {
		t.Error(err)
	}
	if x := publish(""); x.Released.Version != x.Version {
		t.Errorf("%+v", x)
	} else {
		released(x, "")
	}
}

func TestASiteThatHasNotReportedHasNoTime(t *testing.T) {
	t.Parallel()
	if text, err := json.Marshal(lead.Report{Site: "store-1"}); err != nil || string(text) != `{"site":"store-1","version":0}` {
		t.Errorf("%s, %v", text, err)
	}
}
