package node_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// sites waits until the fleet, as the node's command shows it, satisfies a test.
func (s *site) sites(what string, wants func(list []*fleet.Site, of map[string]fleet.Site) error) {
	s.t.Helper()
	testkit.Eventually(s.t, what, func() error {
		code, out, said := testkit.Output(s.t, "fleet", s.File, "--json")
		if code != 0 {
			return fmt.Errorf("%s%s", out, said)
		}
		var f fleet.Fleet
		if err := json.Unmarshal([]byte(out), &f); err != nil {
			return err
		}
		of := map[string]fleet.Site{}
		for _, x := range f.Sites {
			of[x.Name] = *x
		}
		if err := wants(f.Sites, of); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// keysFor seals everything between all nodes.
func keysFor(seal bool, extra map[string]any) map[string]any {
	if seal {
		extra["encryption"] = encrypted(map[string]any{"id": "k", "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="})
	}
	return extra
}

// A node with "fleet": true sees its partners: their versions and databases, a stopped one, and first of the running ones
// the one with refused rows. Answers are sealed wherever rows are.
func TestSitesAreSeenFromOnePlace(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprintf("sealed: %v", sealed), func(t *testing.T) {
			t.Parallel()
			b := testkit.AnyBroker(t)
			hub := newSite(t, b, "hub", []string{"store-1", "store-2", "store-3"}, []string{"orders"}, keysFor(sealed, map[string]any{"fleet": true}))
			heard := make(chan string, 1000)
			token := testkit.MQTTClient(t, b.Server(), "listener").Subscribe("/verify/hub/+", 1, func(_ mqtt.Client, m mqtt.Message) { heard <- string(m.Payload()) })
			if token.Wait(); token.Error() != nil {
				t.Fatal(token.Error())
			}
			all := []*site{hub}
			for _, name := range []string{"store-1", "store-2", "store-3"} {
				all = append(all, newSite(t, b, name, []string{"hub"}, []string{"orders"}, keysFor(sealed, map[string]any{})))
			}
			for _, s := range all {
				s.Exec(orders)
			}
			// The hub refuses what store-2 sends.
			hub.Exec(`CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW BEGIN IF NEW.id = 77 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END`)
			all[2].Exec(`INSERT INTO orders VALUES (77, 'refused', 1)`)
			for _, s := range all {
				s.start()
			}
			hub.sites("all sites", func(list []*fleet.Site, of map[string]fleet.Site) error {
				return wanted(len(list) == 4 && of["hub"].Own && of["store-1"].Told != nil && of["store-3"].Told != nil && of["store-2"].Told != nil)
			})
			told := hub.fleetOf("store-3")
			if s := told.Summary; s.Version == "" || !s.Database.Online || s.Database.Server == "" || s.FreeDisk <= 0 || s.Remotes.Total != 1 || told.Clock > 30 || told.Clock < -30 {
				t.Errorf("store-3 answered %+v", told)
			}
			for len(heard) > 0 {
				if text := <-heard; strings.Contains(text, "store-") == sealed {
					t.Errorf("sealed: %v, and on the broker is %q", sealed, text)
				}
			}
			testkit.Eventually(t, "a refused row", func() error {
				out := all[2].Run(0, "status")
				return wanted(strings.Contains(out, "is refused"))
			})
			all[3].Stop()
			hub.sites("a stopped site, and one that comes back and says that rows are refused", func(list []*fleet.Site, of map[string]fleet.Site) error {
				return wanted(list[0].Name == "store-3" && list[0].Standing == fleet.Offline && list[0].Told != nil)
			})
			all[2].Stop() // so that the hub asks it again at once
			hub.sites("the other one", func(_ []*fleet.Site, of map[string]fleet.Site) error {
				return wanted(of["store-2"].Standing == fleet.Offline)
			})
			all[3].start()
			all[2].start()
			hub.sites("the site with refused rows first", func(list []*fleet.Site, of map[string]fleet.Site) error {
				return wanted(list[0].Name == "store-2" && list[0].Standing == fleet.Problems && list[0].Refused == 1 && len(list[0].Told.Summary.Problems) == 1 && of["store-3"].Standing == fleet.NoProblems)
			})
			out := hub.Run(0, "fleet", "--find", "STORE-2")
			if !strings.Contains(out, "1 site of 4") || !strings.Contains(out, "✗ store-2: 1 row for hub is refused") || strings.Contains(out, "store-1") {
				t.Errorf("fleet --find printed %s", out)
			}
			if out := all[1].Run(2, "fleet"); !strings.Contains(out, `set "fleet": true`) {
				t.Errorf("a node without a fleet says %s", out)
			}
		})
	}
}

// fleetOf returns a site's latest answer.
func (s *site) fleetOf(name string) *fleet.Told {
	s.t.Helper()
	var told *fleet.Told
	s.sites("what "+name+" tells", func(_ []*fleet.Site, of map[string]fleet.Site) error {
		told = of[name].Told
		return wanted(told != nil)
	})
	return told
}

// Only clients in the configuration that may read get a summary, and the whole of it only if they may read everything.
func TestWhoIsToldHowANodeIs(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"acceptFrom": map[string]any{
		"node-b": map[string]any{}, "node-c": map[string]any{"read": []string{"orders"}}, "node-d": map[string]any{"columns": map[string]any{"orders": []string{"id"}}},
		"node-e": map[string]any{"read": false}, "*": map[string]any{},
	}})
	a.Exec(orders)
	a.start()
	asks := map[string]func(string) string{}
	const question = `{"ask":"summary","table":""}`
	for _, c := range []struct{ who, has, not string }{
		{"node-b", `"problems":[`, `error`},
		{"node-c", `"more":`, `"problems":[`},
		{"node-d", `"more":`, `"problems":[`},
		{"stranger", "does not tell this client", "summary\":"},
	} {
		ask := olderNode(t, b, c.who)
		asks[c.who] = ask
		testkit.Eventually(t, "the problems of node-a", func() error { // node-b is away
			return wanted(strings.Contains(a.Run(0, "status"), "node-b has not been heard"))
		})
		if got := ask(question); !strings.Contains(got, c.has) || strings.Contains(got, c.not) {
			t.Errorf("%s got %s", c.who, got)
		}
	}
	// node-e asks before node-b, and is not answered.
	client := testkit.MQTTClient(t, b.Server(), "silenced")
	answers := make(chan string, 10)
	token := client.Subscribe("/verify/node-e/node-a", 1, func(_ mqtt.Client, m mqtt.Message) { answers <- string(m.Payload()) })
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	client.Publish("/verify/node-a/node-e", 1, false, `{"question":{"id":"1","ask":"summary","table":""}}`).Wait()
	asks["node-b"](question)
	if len(answers) > 0 {
		t.Errorf("node-e got %s", <-answers)
	}
}

// Partners that do not answer, or with nonsense, are shown with the reason: an older node, one that does not let the asker read,
// an existing peer of version 1, and a liar.
func TestSitesThatTellNothing(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	names := []string{"older", "closed", "liar", "huge", "peer-1", "nobody"}
	hub := newSite(t, b, "hub", names, []string{"orders"}, map[string]any{"fleet": true, "initialSync": "none", "verifyInterval": 0})
	hub.Exec(orders)
	topics := wire.Topics("")
	played := map[string]func(q wire.Question) string{
		"older": func(q wire.Question) string {
			return fmt.Sprintf(`{"answer":{"id":"%d","error":"table \"\" is not synced here"}}`, q.ID)
		},
		"closed": func(q wire.Question) string {
			return fmt.Sprintf(`{"answer":{"id":"%d","error":"closed does not tell this client how it is"}}`, q.ID)
		},
		"liar": func(q wire.Question) string {
			return fmt.Sprintf(`{"answer":{"id":"%d","summary":{"client":"older","version":"9","started":"2026-01-01T00:00:00Z","now":"2026-01-01T00:00:00Z"}}}`, q.ID)
		},
		"huge": func(q wire.Question) string {
			return fmt.Sprintf(`{"answer":{"id":"%d","error":"\u001b[2J%s"}}`, q.ID, strings.Repeat("x", 100_000))
		},
	}
	for name, answer := range played {
		p := newPeer(t, b, name).connect()
		token := p.client.Subscribe(topics.VerifyOf(name, "hub"), 1, func(c mqtt.Client, m mqtt.Message) {
			q, _, err := wire.ParseVerify(m.Payload())
			if err != nil || q == nil || q.Ask != wire.AskSummary {
				t.Errorf("hub asked %.200s: %v", m.Payload(), err)
				return
			}
			c.Publish(topics.VerifyOf("hub", name), 1, false, answer(*q))
		})
		if token.Wait(); token.Error() != nil {
			t.Fatal(token.Error())
		}
		p.client.Publish(topics.NodeOf(name), 1, true, wire.Node{Client: name, Protocol: wire.Protocol, Session: 1, ReceiveTables: []string{"orders"}}.Encode())
	}
	newPeer(t, b, "peer-1").connect()
	hub.start()
	why := map[string]string{"older": "an older version", "closed": "does not tell this node", "liar": `it is of "older"`, "huge": "?[2Jxxx", "peer-1": "an existing peer of version 1"}
	hub.sites("the reasons", func(list []*fleet.Site, of map[string]fleet.Site) error {
		for name, want := range why {
			if x := of[name]; x.Standing != fleet.Untold || x.Told != nil || !strings.Contains(x.Why, want) || len(x.Why) > 4*wire.MostSummaryText {
				return fmt.Errorf("%s is %+v", name, x)
			}
		}
		return wanted(list[0].Name == "nobody" && list[0].Standing == fleet.Offline && list[0].Heard == nil)
	})
}
