package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// played is a hub that gives a store any document, by raw messages.
type played struct {
	t    *testing.T
	c    mqtt.Client
	key  profile.PrivateKey
	node wire.Node

	mu       sync.Mutex
	document []byte
	reports  []wire.Led
}

func playHub(t *testing.T, b *testkit.Broker) *played {
	t.Helper()
	key, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	h := &played{t: t, key: key, node: wire.Node{Client: "hq", Protocol: wire.Protocol, Session: 1, ReceiveTables: []string{}}}
	h.connect(b, "played-hq")
	return h
}

// connect has it answer at a broker.
func (h *played) connect(b *testkit.Broker, id string) {
	h.t.Helper()
	h.c = testkit.MQTTClient(h.t, b, id)
	token := h.c.Subscribe("/verify/hq/+", 1, func(_ mqtt.Client, m mqtt.Message) {
		q, _, err := wire.ParseVerify(m.Payload())
		if err != nil || q == nil || q.Ask != wire.AskLead {
			return
		}
		h.mu.Lock()
		a := wire.Answer{ID: q.ID, Lead: h.document}
		h.reports = append(h.reports, *q.Led)
		h.mu.Unlock()
		if text, err := a.Encode(); err == nil {
			h.c.Publish(strings.Replace(m.Topic(), "/verify/hq/", "/verify/", 1)+"/hq", 1, false, text)
		}
	})
	if token.Wait(); token.Error() != nil {
		h.t.Fatal(token.Error())
	}
}

// here announces the hub, which makes the store ask.
func (h *played) here() {
	h.t.Helper()
	h.node.Definitions++
	h.c.Publish("/info", 1, false, wire.Info{Sender: "hq", Message: wire.Connected, Until: time.Now().Add(time.Hour)}.Encode())
	if token := h.c.Publish("/node/hq", 1, true, h.node.Encode()); !token.WaitTimeout(time.Minute) || token.Error() != nil {
		h.t.Fatal("no answer of the broker")
	}
}

// sign returns a document.
func (h *played) sign(version profile.Version, keys string) []byte {
	h.t.Helper()
	p := profile.Profile{Hub: "hq", Name: "store", Version: version, Content: profile.Content{Keys: map[string]json.RawMessage{}}}
	if err := json.Unmarshal([]byte(keys), &p.Keys); err != nil {
		h.t.Fatal(err)
	}
	signed, err := h.key.Sign(p)
	if err != nil {
		h.t.Fatal(err)
	}
	return signed
}

// gives has the hub give a document, and waits until the store says what satisfies a test.
func (h *played) gives(what string, document []byte, wants func(r wire.Led) bool) {
	h.t.Helper()
	h.mu.Lock()
	h.document, h.reports = document, nil
	h.mu.Unlock()
	last := time.Time{}
	testkit.Eventually(h.t, what, func() error {
		h.mu.Lock()
		reports := h.reports
		h.mu.Unlock()
		if n := len(reports); n > 0 && wants(reports[n-1]) {
			return nil
		}
		if time.Since(last) > time.Second { // a store that starts again has not heard of the hub
			h.here()
			last = time.Now()
		}
		return fmt.Errorf("%+v", reports)
	})
}

func uses(version int64) func(wire.Led) bool {
	return func(r wire.Led) bool { return r.Version == version && r.Refused == "" }
}

func refuses(using int64, why string) func(wire.Led) bool {
	return func(r wire.Led) bool { return r.Version == using && strings.Contains(r.Refused, why) }
}

// follower is a store of a played hub, with the table orders from its own file.
func follower(t *testing.T, b *testkit.Broker, h *played) *testkit.Site {
	t.Helper()
	s := newSite(t, b, "store-1", []string{"hq"}, map[string]any{"configurationFrom": map[string]any{"client": "hq", "profile": "store", "key": h.key.Public().String()}}, orders, prices)
	s.Start()
	return s
}

// A store takes only what its hub signed, never what is older, and goes on with what it has.
func TestForgedAndOldConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := playHub(t, b)
	s := follower(t, b, h)
	const tables = `"syncTables": ["orders"], "receiveTables": ["orders"]`
	good := h.sign(100, `{`+tables+`, "checkInterval": 31}`)
	h.gives("the first version", good, uses(100))

	thief, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	forged := (&played{t: t, key: thief}).sign(101, `{`+tables+`}`)
	flipped := bytes.Clone(good)
	flipped[len(flipped)-3] ^= 1
	for _, x := range []struct {
		name     string
		document []byte
		why      string
	}{
		{"another key", forged, "not signed by the key"},
		{"one bit", flipped, "not signed by the key"},
		{"cut", good[:40], "not signed by the key"},
		{"too large", make([]byte, profile.MostBytes+1), "more than 49152 bytes"},
		{"older", h.sign(99, `{`+tables+`}`), "an older version than it gave before"},
		{"other content", h.sign(100, `{`+tables+`}`), "another content under a version"},
		{"a broker", h.sign(101, `{`+tables+`, "mqttConfig": {"host": "evil"}}`), "mqttConfig: may not be led"},
		{"a login", h.sign(102, `{`+tables+`, "mysqlConfig": {"password": "x"}}`), "mysqlConfig: may not be led"},
		{"rights", h.sign(103, `{`+tables+`, "acceptFrom": ["*"]}`), "acceptFrom: may not be led"},
		{"its own hub", h.sign(104, `{`+tables+`, "configurationFrom": {"client": "evil"}}`), "configurationFrom: may not be led"},
		{"the environment", h.sign(105, `{`+tables+`, "routes": {"orders": {"column": "${HOME}", "remote": "hq"}}}`), "has a reference"},
		{"the node's own table", h.sign(106, `{"syncTables": ["orders", "Sync_Sites"]}`), "mysql-sync's own"},
		{"a table that is absent", h.sign(107, `{"syncTables": ["orders", "secrets"]}`), "secrets"},
		{"scripts", h.sign(108, `{`+tables+`, "conflictPolicy": {"orders": "script"}}`), "configurationFrom.scripts"},
		{"a route by no column", h.sign(109, `{`+tables+`, "routes": {"orders": {"column": "nope", "remote": "{value}"}}}`), "routes.orders: the table has no column nope"},
		{"who has which rows by the node's own table", h.sign(110, `{`+tables+`, "routes": {"orders": {"column": "id", "lookup": {"table": "sync_Sites", "key": "site", "remote": "site"}}}}`), "routes.orders: table sync_Sites: it is mysql-sync's own"},
	} {
		h.gives(x.name, x.document, refuses(100, x.why))
	}
	// An answer that is too large to be read is no answer, and leaves the store as it is.
	h.mu.Lock()
	h.document = make([]byte, wire.MostLed+1)
	h.mu.Unlock()
	h.here()
	h.gives("what follows", h.sign(111, `{"syncTables": ["orders"], "receiveTables": ["orders", "prices"]}`), uses(111))
	for _, older := range [][]byte{good, h.sign(109, `{`+tables+`}`)} {
		h.gives("a replay", older, refuses(111, "an older version"))
	}
	s.Stop()
	s.Start() // the memory is on disk
	h.gives("a replay after a restart", good, refuses(111, "an older version"))
	has(t, s.Run(0, "check"), "receiveTables", "comes from profile store of hq")
	has(t, s.Run(0, "status"), "refuses version", "an older version")
	if _, err := s.Rows(`SELECT * FROM sync_status`); err != nil {
		t.Error(err)
	}
}

// A kill at any moment leaves one of two versions in use, and the newest once it is asked for again.
func TestAKillWhileAConfigurationComes(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := playHub(t, b)
	s := follower(t, b, h)
	keys := []string{`{"syncTables": ["orders"], "receiveTables": ["orders"]}`, `{"syncTables": ["orders", "prices"], "receiveTables": ["orders"]}`}
	h.gives("the first version", h.sign(100, keys[0]), uses(100))
	for i, moment := range []string{"trying the hub's configuration", "reloading", "node stopped", "the hub's configuration is in use", "reloading", "node stopped"} {
		version := profile.Version(101 + i)
		h.mu.Lock()
		h.document, h.reports = h.sign(version, keys[(i+1)%2]), nil
		h.mu.Unlock()
		h.here()
		s.Node.WaitLog(moment)
		s.Node.Kill()
		s.Start()
		h.gives("the newest version", h.document, uses(int64(version)))
		if list, err := filepath.Glob(filepath.Join(s.Config["queueDirectory"].(string), ".led-*")); err != nil || len(list) > 1 {
			t.Errorf("%v, %v", list, err)
		}
	}
}

// Without the broker, a store runs with what it has accepted; once it is back, only the newest version counts.
func TestTheLastConfigurationCountsWhileNobodyAnswers(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := playHub(t, b)
	s := follower(t, b, h)
	h.gives("the first version", h.sign(100, `{"syncTables": ["orders", "prices"], "receiveTables": []}`), uses(100))
	s.Stop()
	b.Stop()
	s.Start()
	s.Exec(`INSERT INTO prices VALUES (1, 2)`)
	s.Expect(`SELECT table_name FROM sync_status`, `"prices"`)
	b.Start()
	h.connect(b, "played-hq-again")
	h.gives("the newest one", h.sign(105, `{"syncTables": ["orders", "prices"], "receiveTables": ["orders"]}`), uses(105))

	// A table that is dropped while the store is off does not keep it from starting, and from asking for a version without that.
	s.Stop()
	s.Exec(`DROP TABLE prices`)
	s.Start()
	has(t, s.Run(2, "reload"), "table prices: the table does not exist")
	h.gives("one without the table", h.sign(106, `{"syncTables": ["orders"], "receiveTables": []}`), uses(106))
}

// Whoever has another login at a broker with an ACL can neither read what a hub says nor say it in its name; with sealed
// messages, the broker itself reads nothing.
func TestLedStoresBehindAnACL(t *testing.T) {
	t.Parallel()
	acl := wire.MosquittoACL([]wire.Account{{Client: "hq", Login: "hq"}, {Client: "store-1", Login: "store-1"}, {Client: "spy", Login: "spy"}}, true)
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: map[string]string{"hq": "a", "store-1": "b", "spy": "c", "watch": "d"}, ACLText: acl + "\nuser watch\ntopic read #\n"})
	sealed := func(s *testkit.Site) {
		s.Block("mqttConfig")["username"], s.Block("mqttConfig")["password"] = s.Name, map[string]string{"hq": "a", "store-1": "b"}[s.Name]
		s.Config["encryption"] = map[string]any{"keys": []any{map[string]any{"id": "k", "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}}, "required": []string{"*"}}
		s.Write()
	}
	h := leading(t, b, "store-1")
	sealed(h)
	var mu sync.Mutex
	heard := map[string]int{}
	spy := testkit.MQTTClient(t, b, "spy")
	for name, c := range map[string]mqtt.Client{"watch": testkit.MQTTClient(t, b, "watch"), "spy": spy} {
		token := c.Subscribe("#", 1, func(_ mqtt.Client, m mqtt.Message) {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(m.Topic(), "/verify/") {
				heard[name]++
			}
			if bytes.Contains(m.Payload(), []byte("orders")) || bytes.Contains(m.Payload(), []byte("checkInterval")) {
				heard[name+" reads"]++
			}
		})
		if token.Wait(); token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	h.Start()
	s := led(t, b, h, "store-1", nil, orders, prices)
	sealed(s)
	s.Start()
	first := state(t, h, "the first version", all).Leads[0].Version
	for i := range 50 { // in the name of the hub, and of itself
		a, err := wire.Answer{ID: uint64(i), Lead: make([]byte, 100)}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		spy.Publish("/verify/store-1/hq", 1, false, a)
		spy.Publish("/verify/store-1/spy", 1, false, a)
		q, err := wire.Question{ID: uint64(i), Ask: wire.AskLead, Errand: wire.Errand{Led: &wire.Led{Profile: "store", Refused: "spy"}}}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		spy.Publish("/verify/hq/store-1", 1, false, q)
		spy.Publish("/verify/hq/spy", 1, false, q)
	}
	leads(h, map[string]any{"syncTables": []string{"orders"}, "receiveTables": []string{"prices"}, "checkInterval": 33})
	h.Run(0, "reload")
	x := state(t, h, "the second version", func(x *status.State) bool { return all(x) && x.Leads[0].Version > first })
	if r := x.Leads[0].Sites[0]; r.Refused != "" || len(x.Problems) > 0 {
		t.Errorf("%+v, %q", r, x.Problems)
	}
	mu.Lock()
	defer mu.Unlock()
	if heard["watch"] == 0 || heard["watch reads"]+heard["spy"]+heard["spy reads"] > 0 {
		t.Errorf("%v", heard)
	}
}
