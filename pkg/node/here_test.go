package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Nodes that have met tell their presence only to each other, from the first moment of their next run: one sees the other die, and
// both find each other again at a broker that has forgotten everything.
func TestNodesTellTheirPresenceOnlyToEachOther(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	a, c := pair(t, b, []string{"orders"}, orders)
	exchange(t, a, c)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT here FROM sync_clients`, `1`)
		s.Stop()
	}
	x := newTap(t, b)
	a.start()
	c.start()
	found := func() {
		t.Helper()
		c.Exec(`UPDATE orders SET amount = amount + 1`)
		testkit.Alike(t, `SELECT * FROM orders`, a, c)
	}
	found()
	c.Node.Kill()
	a.Node.WaitLog("client offline.*node-b.*it said so")
	c.start()
	found()
	if n := x.count("/info"); n > 0 {
		t.Errorf("%d messages to all", n)
	}
	b.Kill()
	b.Start()
	found()
	x = newTap(t, b)
	found()
	if n := x.count("/info"); n > 0 {
		t.Errorf("%d messages to all after a restart of the broker", n)
	}
}

// An existing peer among a node's remotes hears from it on /info as ever, also that it has died; so does the node's other remote,
// which is a node.
func TestAnExistingPeerHearsOnInfo(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b", "peer-1"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	for _, s := range []*site{a, c} {
		s.Exec(orders)
		s.start()
	}
	p := newPeer(t, b, "peer-1")
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"one"}`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	p.send("node-a", "orders", "2", `{"id":"2","name":"two","amount":2}`)
	c.Expect(`SELECT name FROM orders WHERE id = 2`, `"two"`)
	c.Expect(`SELECT client, here FROM sync_clients`, `"node-a"|1`)
	a.Node.Kill()
	p.expectLost("node-a")
	c.Node.WaitLog("client offline.*node-a.*it said so")
	a.start()
	a.Exec(`UPDATE orders SET name = 'uno' WHERE id = 1`)
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"uno"}`)
	c.Expect(`SELECT name FROM orders WHERE id = 1`, `"uno"`)
}

// An ACL made before nodes had topics of their own: they work over /info, and say why.
func TestNodesWorkUnderAnOlderACL(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile(filepath.Join("..", "..", "mosquitto", "acl.txt"))
	if err != nil {
		t.Fatal(err)
	}
	old := strings.NewReplacer("pattern write /here/%u\n", "", "pattern read /here/+\n", "").Replace(string(rules))
	if strings.Contains(old, "/here") {
		t.Fatal("the rules have changed")
	}
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{Users: users, ACLText: old})
	a, c := apart(t, b)
	login(a, c)
	a.start()
	c.start()
	exchange(t, a, c)
	for i, s := range []*site{a, c} {
		s.Node.WaitLog("presence on its own topic does not come back.*" + fmt.Sprintf("/here/%s", s.Name))
		s.Expect(`SELECT here FROM sync_clients`, `0`)
		if out := s.checked(); i == 0 && !strings.Contains(out, "over /info instead") {
			t.Errorf("check printed\n%s", out)
		}
	}
	c.Node.Kill()
	a.Node.WaitLog("client offline.*node-b.*it said so")
}
