package node_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// unannounce makes the broker forget a client's announcement, like a broker that retains nothing.
func unannounce(t *testing.T, b *testkit.Broker, client string) {
	t.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(b.Server().URL()).SetClientID("broom"))
	for _, token := range []func() mqtt.Token{c.Connect, func() mqtt.Token { return c.Publish("/node/"+client, 1, true, "") }} {
		if done := token(); !done.Wait() || done.Error() != nil {
			t.Fatal(done.Error())
		}
	}
	c.Disconnect(100)
}

// TestOnceANodeAlwaysANode: another program takes a node's name, after a restart and without an announcement. It is sent
// nothing and nothing is accepted from it until a person declares it an existing peer; the node then gets what was held back as it
// was. Promise 3.
func TestOnceANodeAlwaysANode(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a, c := pair(t, b, []string{"orders"}, orders)
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `1`)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT protocol, here FROM sync_clients`, `2|1`)
	}
	c.Node.Stop()
	a.Node.Stop()
	unannounce(t, b, "node-b")
	a.start()
	p := newPeer(t, b, "node-b")
	p.connect()
	batches := make(chan struct{}, 10)
	p.settle(p.client.Subscribe("/batch/node-b/node-a", 1, func(mqtt.Client, mqtt.Message) { batches <- struct{}{} }))
	p.greet("node-a")
	a.Exec(`UPDATE orders SET name = 'by a' WHERE id = 1`)
	testkit.Eventually(t, "a batch for who has the name of a node", func() error {
		select {
		case <-batches:
			return nil
		default:
			return errors.New("none was sent")
		}
	})
	date := p.send("node-a", "orders", "1", `{"id":1,"name":"by another program"}`)
	if got := p.expectAnswer("1", date); got.Message != "error" || !strings.Contains(got.Args.Message, "met as a node") {
		t.Errorf("the answer is %+v", got)
	}
	a.Node.WaitLog("version1Clients")
	p.expect("nothing of version 1", func() error {
		if len(p.changes) > 0 {
			return fmt.Errorf("%v arrived", p.changes)
		}
		return nil
	})
	p.leave()
	c.start()
	c.Expect(`SELECT name FROM orders`, `"by a"`)
	a.Expect(testkit.Waiting, `0`)
	testkit.Alike(t, `SELECT time, origin, seen FROM sync_versions`, a, c)

	// A person declares it.
	c.Node.Stop()
	a.rewrite(map[string]any{"version1Clients": []string{"node-b"}})
	a.Run(0, "reload")
	p.connect().greet("node-a")
	a.Exec(`UPDATE orders SET name = 'by a, again' WHERE id = 1`)
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"by a, again"}`)
	date = p.send("node-a", "orders", "2", `{"id":2,"name":"theirs","amount":2}`)
	p.expectAnswer("2", date)
	a.Expect(`SELECT name FROM orders ORDER BY id`, `"by a, again"`, `"theirs"`)
}

// TestASlowNodeIsNotMistakenForAnExistingPeer: after a restart, when only the broker's copy of its announcement exists, its
// database stalls for longer than answers may take. It is waited for, which is reported, and a later write is not
// lost. Promise 3.
func TestASlowNodeIsNotMistakenForAnExistingPeer(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	proxy := c.Through("mysqlConfig", c.Server.Addr())
	a.Exec(orders, `INSERT INTO orders VALUES (1, 'one', 1)`)
	c.Exec(orders)
	a.start()
	c.start()
	synced(a, c)
	c.Expect(`SELECT COUNT(*) FROM orders`, `1`)
	settle(t, []*site{a, c})
	a.Node.Kill()
	a.start()
	a.state("node-b to be there", func(s *status.State) error {
		if !s.Remotes[0].Online {
			return errors.New("it is away")
		}
		return nil
	})
	proxy.Blackhole(true)
	for n := range 3 { // a batch each
		a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'more', 1)`, n+10))
		a.state("the row on its way", func(s *status.State) error {
			if got := s.Remotes[0].InFlight; got != n+1 {
				return fmt.Errorf("%d are", got)
			}
			return nil
		})
	}
	a.Node.WaitLog("answers no batch although it is known as a node")
	a.state("the problem", func(s *status.State) error {
		if !slices.ContainsFunc(s.Problems, func(p string) bool { return strings.Contains(p, "version1Clients") }) || s.Remotes[0].Protocol != 2 {
			return fmt.Errorf("protocol %d; there are %q", s.Remotes[0].Protocol, s.Problems)
		}
		return nil
	})
	a.Exec(`UPDATE orders SET name = 'by a'`)
	proxy.Blackhole(false)
	proxy.CloseAll()
	c.Expect(`SELECT COUNT(*) FROM orders WHERE name = 'by a'`, `4`)
	c.Exec(`UPDATE orders SET name = 'by c, later'`)
	a.Expect(`SELECT COUNT(*) FROM orders WHERE name = 'by c, later'`, `4`)
	settle(t, []*site{a, c})
	testkit.Alike(t, `SELECT row_id, time, origin FROM sync_versions ORDER BY row_id`, a, c)
	a.state("no problem", func(s *status.State) error {
		if len(s.Problems) > 0 {
			return fmt.Errorf("there are %q", s.Problems)
		}
		return nil
	})
}

// TestARestartedNodeIsHeard: while a node is disconnected, its remote is given another table and restarts. The
// broker has retained that.
func TestARestartedNodeIsHeard(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	const others = `CREATE TABLE others (id INT PRIMARY KEY)`
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders", "others"}, nil)
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders", "others"}, map[string]any{"receiveTables": []string{"orders"}})
	proxy := a.Through("mqttConfig", b.Server().Addr())
	for _, s := range []*site{a, c} {
		s.Exec(orders, others)
		s.Start()
	}
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`, `INSERT INTO others VALUES (1)`)
	c.Expect(`SELECT COUNT(*) FROM orders`, `1`)
	proxy.Cut()
	a.Node.WaitLog("no connection to the broker")
	c.Stop()
	c.rewrite(map[string]any{"receiveTables": []string{"orders", "others"}})
	c.Start()
	c.Node.WaitLog("connected to the broker")
	proxy.Restore()
	c.Expect(`SELECT id FROM others`, `1`)
}
