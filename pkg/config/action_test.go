package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

const (
	keyOfPair = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	keyOfAll  = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

func pairedWith(clients ...string) block {
	return block{"keys": []block{{"id": "all", "key": keyOfAll}, {"id": "pair", "key": keyOfPair, "clients": clients}}}
}

// TestActionsFromAfar: nobody may do anything unless the file says so; a key of the pair is one that names just the other.
func TestActionsFromAfar(t *testing.T) {
	t.Parallel()
	base := block{"clientName": "store-1", "remoteClients": []string{"hq", "report"}, "syncTables": []string{"orders"}, "encryption": pairedWith("hq", "store-1")}
	cfg := load(t, write(t, least(base)))
	if cfg.ActionsOf("hq") != nil || cfg.MayAct("hq", Look) {
		t.Error("something is allowed by default")
	}
	base["actionsFrom"] = block{"hq": []string{"look", "retry"}, "report": []string{"look"}}
	cfg = load(t, write(t, least(base)))
	if !cfg.MayAct("hq", Look) || !cfg.MayAct("hq", Retry) || cfg.MayAct("hq", Resync) || cfg.MayAct("report", Retry) || cfg.MayAct("stranger", Look) || cfg.MayAct("store-1", Look) {
		t.Errorf("%v", cfg.Actions)
	}
	for client, key := range map[string]string{"hq": "all", "report": "pair", "store-1": "pair", "": ""} {
		if cfg.Paired(client, key) {
			t.Errorf("%s is the pair's key of %s", key, client)
		}
	}
	if !cfg.Paired("hq", "pair") {
		t.Error("the pair's key is not recognized")
	}
}

func TestActionsFromAfarMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		actions, encryption, accept any
		want                        string
	}{
		"unknown":   {block{"hq": []string{"restart"}}, pairedWith("hq"), nil, `actionsFrom.hq[0]: "restart" is not one of look, retry, pause, verify, resync`},
		"nothing":   {block{"hq": []string{}}, pairedWith("hq"), nil, "actionsFrom.hq: "},
		"anyone":    {block{"*": []string{"look"}}, pairedWith("hq"), nil, "actionsFrom.*: lets anyone act here"},
		"itself":    {block{"store-1": []string{"look"}}, pairedWith("hq"), nil, "actionsFrom.store-1: is this node's own name"},
		"stranger":  {block{"hg": []string{"look"}}, pairedWith("hq"), nil, "actionsFrom.hg: is in neither remoteClients nor acceptFrom"},
		"pattern":   {block{"h*": []string{"look"}}, pairedWith("hq"), nil, "actionsFrom.h*: is a pattern in neither remoteClients nor acceptFrom"},
		"no key":    {block{"hq": []string{"retry"}}, nil, nil, "actionsFrom.hq: needs a key that only the two nodes have"},
		"shared":    {block{"hq": []string{"pause"}}, block{"keys": []block{{"id": "all", "key": keyOfAll}}}, nil, "actionsFrom.hq: needs a key that only the two nodes have"},
		"of three":  {block{"hq": []string{"verify"}}, pairedWith("hq", "report"), nil, "actionsFrom.hq: needs a key that only the two nodes have"},
		"unread":    {block{"hq": []string{"look"}}, pairedWith("hq"), block{"hq": block{"read": false}}, `actionsFrom.hq: may not ask anything: remove "read": false from acceptFrom.hq`},
		"look":      {block{"hq": []string{"look"}}, nil, nil, ""},
		"with keys": {block{"hq": []string{"look", "resync"}}, pairedWith("hq"), nil, ""},
	} {
		k := block{"clientName": "store-1", "remoteClients": []string{"hq", "report"}, "syncTables": []string{"orders"}, "receiveTables": []string{"orders"}}
		maps.Copy(k, block{"actionsFrom": c.actions})
		if c.encryption != nil {
			k["encryption"] = c.encryption
		}
		if c.accept != nil {
			k["acceptFrom"] = c.accept
		}
		_, _, err := Load(write(t, least(k)), nil)
		mistakes, _ := err.(keys.Mistakes) //nolint:errorlint // Load returns it as it is
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (len(mistakes) != 1 || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A pattern covers sites that were let in, whose keys are their own, and no others. A dismissed one may do nothing.
func TestActionsOfPatterns(t *testing.T) {
	cfg := hubOf(t, embedded+`, "remoteClients": ["store-*"], "actionsFrom": {"store-*": ["look", "retry"]}`)
	if cfg.ActionsOf("store-1") != nil {
		t.Error("a site may act that was not let in")
	}
	cfg = cfg.With(Joined{Sites: []Site{site("store-1")}, Dismissed: []string{"store-2"}})
	if !cfg.MayAct("store-1", Retry) || cfg.MayAct("store-1", Resync) || cfg.ActionsOf("store-2") != nil || cfg.ActionsOf("hq") != nil {
		t.Errorf("%v", cfg.ActionsOf("store-1"))
	}
	if !cfg.Paired("store-1", PairKey("store-1", site("store-1").Key).ID) {
		t.Error("the key of a site that joined is not the pair's")
	}
}

// Of two patterns of the same length that cover a client, it is always the same one that counts.
func TestEqualPatternsAreNotAMatterOfChance(t *testing.T) {
	cfg := hubOf(t, embedded+`, "remoteClients": ["store-*7", "store-1*"], "acceptFrom": {"store-*7": {"write": false}, "store-1*": {}}, "actionsFrom": {"store-*7": ["look"], "store-1*": ["resync"]}`)
	cfg = cfg.With(Joined{Sites: []Site{site("store-17")}})
	for range 100 {
		if !cfg.MayAct("store-17", Look) || cfg.MayAct("store-17", Resync) || cfg.MayWrite("store-17", "orders") {
			t.Fatalf("%v", cfg.ActionsOf("store-17"))
		}
	}
}

// Nothing that comes from afar says what may come from afar.
func TestActionsAreNotLed(t *testing.T) {
	if slices.Contains(Leadable, "actionsFrom") {
		t.Error("actionsFrom may be led")
	}
	_, _, err := Load(writeText(t, "c.json", `{"clientName": "hq", "remoteClients": ["store-1"], "syncTables": ["orders"], "mysqlConfig": {"user": "u", "database": "d"}, "mqttConfig": {"host": "h"},
		"lead": {"store": {"sites": ["store-1"], "keys": {"actionsFrom": {"hq": ["resync"]}}}}}`), nil)
	if err == nil || !strings.Contains(err.Error(), "lead.store.keys.actionsFrom: may not be led") {
		t.Errorf("%v", err)
	}
}
