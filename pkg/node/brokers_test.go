package node_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// knows lists brokers in a site's mqttConfig.servers, in the order to try. Call it before start.
func (s *site) knows(brokers ...*testkit.Broker) {
	m := s.Block("mqttConfig")
	delete(m, "host")
	delete(m, "port")
	var servers []map[string]any
	for _, b := range brokers {
		servers = append(servers, map[string]any{"host": b.Host, "port": b.Port, "protocol": "tcp"})
	}
	m["servers"] = servers
}

// goesOn is together with the patience that a cluster needs to elect new leaders.
func goesOn(t *testing.T, loads []*load) {
	t.Helper()
	for i, w := range loads {
		w.more(1)
		last, at := w.last.Load(), loads[1-i].s
		testkit.Within(t, 2*time.Minute, fmt.Sprintf("row %d at %s", last, at.Name), func() error {
			got, err := at.Rows(fmt.Sprintf(`SELECT MAX(id) >= %d FROM orders WHERE id < %d`, last, w.first+loadIDs))
			if err == nil && got != "1\n" {
				err = errors.New("it is not there")
			}
			return err
		})
	}
}

// TestAnnouncementIsKept: latecomers learn from the broker what a node speaks, and each node from its own start.
func TestAnnouncementIsKept(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a, _ := apart(t, b)
	a.start().Node.WaitLog("connected to the broker")
	kept := make(chan string, 10)
	testkit.Eventually(t, "the announcement", func() error {
		token := testkit.MQTTClient(t, b, "late").Subscribe("/node/+", 1, func(_ mqtt.Client, m mqtt.Message) {
			if m.Retained() {
				kept <- m.Topic()
			}
		})
		if token.Wait(); token.Error() != nil {
			return token.Error()
		}
		select {
		case topic := <-kept:
			if topic != "/node/node-a" {
				return fmt.Errorf("%s arrived", topic)
			}
			return nil
		default:
			return errors.New("nothing is kept yet")
		}
	})
}

// TestMissingAnnouncementsAreRequested: an existing peer has none, as if it had been lost. Mosquitto's log
// shows the request.
func TestMissingAnnouncementsAreRequested(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"log_type all"}})
	a := newSite(t, b, "node-a", []string{"peer-1"}, []string{"orders"}, nil)
	a.Exec(orders)
	a.start().Node.WaitLog("connected to the broker")
	newPeer(t, b, "peer-1").connect()
	testkit.Eventually(t, "a second subscription", func() error {
		got := 0
		for _, line := range b.Log() {
			if strings.HasSuffix(line, "mysql-sync-node-a 0 /node/peer-1") {
				got++
			}
		}
		if got < 2 {
			return fmt.Errorf("there are %d", got)
		}
		return nil
	})
}

// TestNothingIsLostWhenServersOfAClusterAreKilled kills each of three NATS servers in turn, under load.
func TestNothingIsLostWhenServersOfAClusterAreKilled(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t, testkit.NATSOptions{})
	one, two, three := b.Cluster[0], b.Cluster[1], b.Cluster[2]
	a, c := apart(t, b)
	a.knows(one, two, three)
	c.knows(two, three, one)
	loads := underLoad(a.start(), c.start())
	for _, s := range b.Cluster {
		s.Kill()
		more(loads, 50)
		goesOn(t, loads)
		s.Start()
		goesOn(t, loads)
	}
	settle(t, []*site{a, c}, loads...)
}

// TestNodesGoToTheOtherBroker has two Mosquitto brokers with a bridge. The first dies under load and comes
// back, then the second.
func TestNodesGoToTheOtherBroker(t *testing.T) {
	t.Parallel()
	one := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	two := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: testkit.Bridge(one)})
	a, c := apart(t, one)
	a.knows(one, two)
	c.knows(two, one)
	loads := underLoad(a.start(), c.start())
	for _, b := range []*testkit.Broker{one, two} {
		b.Kill()
		more(loads, 50)
		together(loads)
		b.Start()
		together(loads)
	}
	settle(t, []*site{a, c}, loads...)
}

// TestNodesOverNATSWithPermissions uses deploy/nats/acl.conf.
func TestNodesOverNATSWithPermissions(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t, testkit.NATSOptions{ACL: true})
	a, c := apart(t, b)
	login(a, c)
	a.start()
	c.start()
	exchange(t, a, c)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM sync_status WHERE status <> 'successful'`, `0`)
		s.Expect(`SELECT here FROM sync_clients`, `1`) // they may use their own topics
	}
}

// TestANodeJoinsAClusterWithADeadServer is a first start: the cluster refuses subscriptions until it has
// assigned servers to them.
func TestANodeJoinsAClusterWithADeadServer(t *testing.T) {
	t.Parallel()
	b := testkit.NATS(t, testkit.NATSOptions{})
	one, two, three := b.Cluster[0], b.Cluster[1], b.Cluster[2]
	a, c := apart(t, b)
	a.knows(one, two, three)
	c.knows(three, one, two)
	two.Kill()
	a.start()
	c.start()
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	testkit.Within(t, 5*time.Minute, "the row", func() error {
		got, err := c.Rows(`SELECT name FROM orders`)
		if err == nil && got != "\"one\"\n" {
			err = errors.New("it is not there")
		}
		return err
	})
	for _, s := range []*site{a, c} {
		s.Stop()
	}
}

// TestTheACLIsFixedWhileTheNodeRuns: each mistake is reported, and the same process carries on once it is fixed.
// With its ACL file Mosquitto hides what it denies; with its plugin it refuses the subscription.
func TestTheACLIsFixedWhileTheNodeRuns(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile(filepath.Join("..", "..", "mosquitto", "acl.txt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("writing", func(t *testing.T) {
		t.Parallel()
		acl := filepath.Join(t.TempDir(), "acl.txt")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(acl, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(strings.NewReplacer("pattern readwrite /info\n", "pattern read /info\n", "pattern write /here/%u\n", "").Replace(string(rules)))
		b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: users, Extra: []string{"acl_file " + acl}})
		a, c := apart(t, b)
		login(a, c)
		mended(t, a, c, "did not deliver it back to us: an ACL denies", "others may not hear this node", func() { write(string(rules)); b.HangUp() })
	})
	t.Run("subscribing", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "security.json")
		write := func(subscribe bool) {
			t.Helper()
			text := fmt.Sprintf(`{"defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": %v, "unsubscribe": true},
				"roles": [{"rolename": "some", "acls": [{"acltype": "subscribeLiteral", "topic": "/info", "allow": true}]}],
				"groups": [{"groupname": "all", "roles": [{"rolename": "some"}]}], "anonymousGroup": "all"}`, subscribe)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(false)
		b := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"plugin " + testkit.MosquittoPlugin(t, "mosquitto_dynamic_security.so"), "plugin_opt_config_file " + file}})
		a, c := apart(t, b)
		mended(t, a, c, "the broker's ACL does not let this client read it", "has refused this node since", func() { b.Stop(); write(true); b.Start() })
	})
}

// mended starts nodes that a broker's ACL blocks, sees the report, fixes the ACL, and sees everything work.
func mended(t *testing.T, a, c *site, told, problem string, mend func()) {
	t.Helper()
	a.start()
	c.start()
	a.Node.WaitLog("ERROR.*" + told)
	s := a.state("a problem", func(s *status.State) error {
		for _, p := range s.Problems {
			if strings.Contains(p, problem) && strings.Contains(p, "ACL") {
				return nil
			}
		}
		return fmt.Errorf("the problems are %q", s.Problems)
	})
	a.told(503, problem, "GET", "/readyz", nil)
	if r := runBinary(t, "check", a.File); !strings.Contains(r.output, "ACL") {
		t.Errorf("check does not report it:\n%s", r.output)
	}
	mend()
	testkit.Within(t, 2*time.Minute, "readiness", func() error {
		for _, s := range []*site{a, c} {
			if code, text, err := s.said("GET", "/readyz", nil); err != nil || code != 200 {
				return fmt.Errorf("%s: %d %s %v", s.Name, code, text, err)
			}
		}
		return nil
	})
	exchange(t, a, c)
	a.state("no problem, in the same run", func(now *status.State) error {
		return wanted(len(now.Problems) == 0 && now.Started.Equal(s.Started))
	})
}
