package sites_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/join"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// hub is the configuration of a hub that stores may join; it names report.
func hub(t *testing.T, tables ...string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hub.json")
	text := `{"clientName": "store-hq", "queueDirectory": "queue", "remoteClients": ["store-*", "store-report"], "acceptFrom": {"store-*": {"write": ["orders"]}}, "syncTables": ["` + strings.Join(append([]string{"orders", "prices"}, tables...), `", "`) + `"],
		"receiveTables": ["orders", "visits"], "conflictPolicy": {"orders": {"priority": ["store-hq"]}, "visits": "merge"},
		"mysqlConfig": {"user": "u", "database": "d"},
		"broker": {"listen": "127.0.0.1:1883", "users": [{"username": "store-admin", "password": "p"}, {"username": "u", "password": "p", "client": "store-bound"}]}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

var (
	secret = seal.Secret{1, 2, 3}
	now    = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	mine   = join.PublicKey{1}
	others = join.PublicKey{2}
)

// open is an invitation that can be used.
func open(site string) *sites.Invitation {
	return &sites.Invitation{ID: "0123456789abcdef", Site: site, SecretHash: sha256.Sum256(secret[:]), Uses: 1, Made: now.Add(-time.Hour), Until: now.Add(time.Hour)}
}

// A request gets no more than its invitation allows: no other name, no second key, nothing after it has expired.
func TestARequestCountsNoMoreThanItsInvitation(t *testing.T) {
	cfg := hub(t)
	asks := func(site string) join.Request { return join.Request{Site: site, Secret: secret} }
	spoiled := func(f func(*sites.Invitation)) *sites.Invitation { i := open("store-1"); f(i); return i }
	site := func(state string, key join.PublicKey, invitation string) *sites.Site {
		s := &sites.Site{Client: "store-1", State: state, Key: key, Invitation: invitation}
		if state == sites.Dismissed {
			s.Key, s.Dismissed = join.PublicKey{}, now.Add(-time.Minute)
		}
		return s
	}
	const id, earlier = "0123456789abcdef", "fedcba9876543210"
	for name, x := range map[string]struct {
		r    join.Request
		i    *sites.Invitation
		s    *sites.Site
		want sites.Verdict
	}{
		"a name":                       {asks("store-1"), open("store-1"), nil, sites.Verdict{New: true, State: sites.In}},
		"a pattern":                    {asks("store-1"), open("store-*"), nil, sites.Verdict{New: true, State: sites.In}},
		"a person decides":             {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Asks = true }), nil, sites.Verdict{New: true, State: sites.Asking}},
		"no invitation":                {asks("store-1"), nil, nil, sites.Verdict{Refused: join.Unknown}},
		"another secret":               {join.Request{Site: "store-1", Secret: seal.Secret{9}}, open("store-1"), nil, sites.Verdict{Refused: join.Unknown}},
		"no secret":                    {join.Request{Site: "store-1"}, open("store-1"), nil, sites.Verdict{Refused: join.Unknown}},
		"used up":                      {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Used = 1 }), nil, sites.Verdict{Refused: join.UsedUp}},
		"expired":                      {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Until = now.Add(-1) }), nil, sites.Verdict{Refused: join.Expired}},
		"withdrawn":                    {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Withdrawn = true }), nil, sites.Verdict{Refused: join.Withdrawn}},
		"another name":                 {asks("store-2"), open("store-1"), nil, sites.Verdict{Refused: join.Name}},
		"the hub's name":               {asks("store-hq"), open("store-*"), nil, sites.Verdict{Refused: join.Taken}},
		"a name of the configuration":  {asks("store-report"), open("store-*"), nil, sites.Verdict{Refused: join.Taken}},
		"a user of the broker":         {asks("store-admin"), open("store-*"), nil, sites.Verdict{Refused: join.Taken}},
		"a broker's user's client":     {asks("store-bound"), open("store-*"), nil, sites.Verdict{Refused: join.Taken}},
		"no pattern covers it":         {asks("shop-1"), open("shop-1"), nil, sites.Verdict{Refused: join.Pattern}},
		"another site has it":          {asks("store-1"), open("store-1"), site(sites.In, others, earlier), sites.Verdict{Refused: join.Taken}},
		"another asks for it":          {asks("store-1"), open("store-1"), site(sites.Asking, others, earlier), sites.Verdict{Refused: join.Taken}},
		"again":                        {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Used = 1 }), site(sites.In, mine, id), sites.Verdict{State: sites.In}},
		"again, and still asking":      {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Used = 1 }), site(sites.Asking, mine, id), sites.Verdict{State: sites.Asking}},
		"again, in, and withdrawn":     {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Withdrawn = true }), site(sites.In, mine, id), sites.Verdict{State: sites.In}},
		"again, asks, and withdrawn":   {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Withdrawn = true }), site(sites.Asking, mine, id), sites.Verdict{Refused: join.Withdrawn}},
		"the same token, another site": {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Used = 1 }), site(sites.In, others, id), sites.Verdict{Refused: join.UsedUp}},
		"dismissed":                    {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Uses = 9 }), site(sites.Dismissed, mine, id), sites.Verdict{Refused: join.Dismissed}},
		"dismissed, an older token":    {asks("store-1"), open("store-1"), site(sites.Dismissed, mine, earlier), sites.Verdict{Refused: join.Dismissed}},
		"dismissed, a new pattern":     {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Site, i.Made = "store-*", now }), site(sites.Dismissed, mine, earlier), sites.Verdict{Refused: join.Dismissed}},
		"dismissed, invited anew":      {asks("store-1"), spoiled(func(i *sites.Invitation) { i.Made = now }), site(sites.Dismissed, mine, earlier), sites.Verdict{New: true, State: sites.In}},
	} {
		if got := sites.Decide(cfg, x.r, mine, x.i, x.s, now); got != x.want {
			t.Errorf("%s: got %+v, want %+v", name, got, x.want)
		}
	}
}

// A site gets the counterpart of what the hub's configuration says about it, and no other table.
func TestTheProfileIsTheOtherSide(t *testing.T) {
	p := sites.ProfileOf(hub(t), "store-1")
	if len(p.SyncTables) != 1 || p.SyncTables[0] != "orders" || len(p.ReceiveTables) != 2 || len(p.Policies) != 1 || p.Policies["orders"].Priority[0] != "store-hq" {
		t.Errorf("%+v", p)
	}
	if got := p.Tables(); len(got) != 2 || got[0] != "orders" || got[1] != "prices" {
		t.Errorf("tables: %v", got)
	}
}
