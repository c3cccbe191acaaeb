package node_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// network makes and starts a node for each name; links has each node's remotes.
func network(t *testing.T, b *testkit.Broker, links map[string][]string, tables []string, ddl ...string) map[string]*site {
	t.Helper()
	sites := map[string]*site{}
	for name, remotes := range links {
		sites[name] = newSite(t, b, name, remotes, tables, map[string]any{"initialSync": "none"})
		sites[name].Exec(ddl...)
	}
	for _, s := range sites {
		s.start()
	}
	return sites
}

func all(sites map[string]*site) []*site {
	var list []*site
	for _, s := range sites {
		list = append(list, s)
	}
	return list
}

// rest waits until no node has anything to send.
func rest(sites ...*site) {
	for range 2 { // what came to one node while the others were looked at
		for _, s := range sites {
			s.Recorded()
			s.Expect(testkit.Waiting, `0`)
		}
	}
}

func TestAWriteGoesEverywhereAndStops(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	for name, links := range map[string]map[string][]string{
		"hub":    {"node-a": {"node-h"}, "node-h": {"node-a", "node-c"}, "node-c": {"node-h"}},
		"ring 4": {"node-a": {"node-b", "node-d"}, "node-b": {"node-a", "node-c"}, "node-c": {"node-b", "node-d"}, "node-d": {"node-c", "node-a"}},
		"mesh 4": {"node-a": {"node-b", "node-c", "node-d"}, "node-b": {"node-a", "node-c", "node-d"},
			"node-c": {"node-a", "node-b", "node-d"}, "node-d": {"node-a", "node-b", "node-c"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testkit.AnyBroker(t)
			x := newTap(t, b)
			sites := network(t, b, links, []string{"orders"}, orders)
			a, nodes := sites["node-a"], all(sites)
			edges := 0
			for _, remotes := range links {
				edges += len(remotes)
			}
			a.Exec(`INSERT INTO orders VALUES (0, 'first', 0)`)
			testkit.Alike(t, `SELECT * FROM orders`, nodes...)
			rest(nodes...)
			for i := 1; i <= 3; i++ {
				before := x.count("/batch/")
				a.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'one', 1)`, i))
				for _, s := range nodes {
					s.Expect(fmt.Sprintf(`SELECT id FROM orders WHERE id = %d`, i), fmt.Sprint(i))
				}
				rest(nodes...)
				// Each node tells each remote at most once, and nobody tells the origin.
				if n, most := x.count("/batch/")-before, edges-len(links["node-a"]); n > most {
					t.Errorf("%d batches for one write, want at most %d", n, most)
				}
			}
			if n := x.count("/batch/node-a/"); n > 0 {
				t.Errorf("%d batches came back to the origin", n)
			}
			// A delete goes the same way.
			a.Exec(`DELETE FROM orders WHERE id > 0`)
			for _, s := range nodes {
				s.Expect(`SELECT id FROM orders`, `0`)
			}
			// Concurrent writes of all nodes to one row end up as one.
			for i := range 10 {
				for _, s := range nodes {
					s.Exec(fmt.Sprintf(`UPDATE orders SET name = '%s %d' WHERE id = 0`, s.Name, i))
				}
			}
			rest(nodes...)
			testkit.Alike(t, `SELECT * FROM orders`, nodes...)
			before := x.count("/batch/")
			// This overtakes whatever was still in flight.
			a.Exec(`UPDATE orders SET name = 'last' WHERE id = 0`)
			for _, s := range nodes {
				s.Expect(`SELECT name FROM orders`, `"last"`)
			}
			rest(nodes...)
			if n := x.count("/batch/") - before; n > edges {
				t.Errorf("%d batches for the last write, want at most %d", n, edges)
			}
		})
	}
}

func TestVersion1PeerBehindAHub(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	x := newTap(t, b)
	sites := network(t, b, map[string][]string{"node-a": {"node-h"}, "node-h": {"node-a", "peer-1"}}, []string{"orders"}, orders)
	a, h := sites["node-a"], sites["node-h"]
	p := newPeer(t, b, "peer-1").connect().greet("node-h")
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"one"}`)
	date := p.send("node-h", "orders", "1", `{"id":"1","name":"uno"}`)
	a.Expect(`SELECT name, amount FROM orders`, `"uno"|"1.00"`)
	p.expectAnswer("1", date)
	p.send("node-h", "orders", "2", `{"id":"2","name":"due"}`)
	a.Expect(`SELECT id, name FROM orders ORDER BY id`, `1|"uno"`, `2|"due"`)
	a.Exec(`DELETE FROM orders WHERE id = 2`)
	p.expectRow("orders", "2", `null`)
	rest(a, h)
	if n := x.count("/change/peer-1"); n != 2 {
		t.Errorf("the peer was sent %d changes, want the 2 that others made", n)
	}
}

func TestAnEchoOfAVersion1PeerDiesOut(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, kinds)
	a.start()
	p.answer = func(c v1Change) { // it sends back what it gets
		p.ack(c)
		c.Date = p.now().UnixMilli()
		p.publish("/change/"+c.Sender, v1Change{Sender: p.name, Table: c.Table, ID: c.ID, Date: c.Date, Entity: c.Entity})
	}
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO kinds VALUES (1, 1.5, 9007199254740993, b'101', '{"a": 1}', '2024-02-29', '2024-02-29 12:34:56.1', x'FF', 'one'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
	a.Exec(`UPDATE kinds SET note = 'two' WHERE id = 2`, `DELETE FROM kinds WHERE id = 1`)
	p.expectRow("kinds", "1", `null`)
	// Each echo is answered, and changes nothing.
	p.expect("answers to all echoes", func() error {
		for _, c := range p.changes {
			if !slices.ContainsFunc(p.answers, func(a v1Answer) bool { return a.Args.ID == c.ID && a.Args.Date >= c.Date }) {
				return fmt.Errorf("none for %v", c)
			}
		}
		return nil
	})
	rest(a)
	p.expect("few changes", func() error {
		if len(p.changes) > 4 {
			return fmt.Errorf("%d came", len(p.changes))
		}
		return nil
	})
	a.Expect(`SELECT id, note FROM kinds`, `2|"two"`)
}

func TestARingThroughAVersion1RelayStops(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	x := newTap(t, b)
	sites := network(t, b, map[string][]string{"node-a": {"peer-1", "node-c"}, "node-c": {"peer-1", "node-a"}}, []string{"orders"}, orders)
	a, c := sites["node-a"], sites["node-c"]
	p := newPeer(t, b, "peer-1")
	p.remotes = []string{"node-a", "node-c"}
	p.connect().greet("node-a").greet("node-c")
	for i := range 5 {
		for k, s := range []*site{a, c} {
			before := x.count("/change/node-") + x.count("/change/peer-1") + x.count("/batch/")
			id := 2*i + k
			s.Exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'new', 1)`, id))
			p.expectRow("orders", fmt.Sprint(id), fmt.Sprintf(`{"amount":"1.00","id":"%d","name":"new"}`, id))
			testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, a, c)
			rest(a, c)
			if n := x.count("/change/node-") + x.count("/change/peer-1") + x.count("/batch/") - before; n > 9 {
				t.Errorf("%d messages for one write", n)
			}
		}
	}
	date := p.send("node-a", "orders", "0", `{"id":"0","name":"from the peer"}`)
	p.send("node-c", "orders", "0", `{"id":"0","name":"from the peer"}`)
	p.expectAnswer("0", date)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT name FROM orders WHERE id = 0`, `"from the peer"`)
	}
	rest(a, c)
}

// TestASupersededPendingRowIsSettled: a row is pending for a remote, which then sends
// a later version itself. Nothing is due any more, and sync_status says so.
func TestASupersededPendingRowIsSettled(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	hub := newSite(t, b, "node-a", []string{"node-b", "node-c"}, []string{"orders"}, nil)
	one := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	two := newSite(t, b, "node-c", []string{"node-a"}, []string{"orders"}, nil)
	for _, s := range []*site{hub, one, two} {
		s.Exec(orders)
		s.start()
	}
	hub.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	for _, s := range []*site{one, two} {
		s.Expect(`SELECT name FROM orders`, `"one"`)
	}
	hub.Expect(`SELECT remote, status FROM sync_status ORDER BY remote`, `"node-b"|"successful"`, `"node-c"|"successful"`)
	one.Node.Stop()
	hub.Exec(`UPDATE orders SET name = 'of the hub'`)
	hub.Expect(`SELECT remote, status FROM sync_status ORDER BY remote`, `"node-b"|"pending"`, `"node-c"|"successful"`)
	one.Exec(`UPDATE orders SET name = 'later'`)
	one.start()
	for _, s := range []*site{hub, two} {
		s.Expect(`SELECT name FROM orders`, `"later"`)
	}
	hub.Expect(`SELECT remote, status FROM sync_status ORDER BY remote`, `"node-b"|"successful"`, `"node-c"|"successful"`)
}
