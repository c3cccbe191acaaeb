package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// poser is an accepted client that lies about others' writes.
type poser struct {
	*forger
	name string
}

func newPoser(t *testing.T, b *testkit.Broker, name string) *poser {
	return &poser{newForger(t, b, name), name}
}

// orders sends a row of the table orders with a version to a node, and returns the answer.
func (p *poser) orders(to string, id int, name string, v change.Version, seen ...change.Version) wire.Ack {
	p.t.Helper()
	p.seq++
	c := change.Change{Row: change.Row{Table: "orders", Key: fmt.Sprint(id)}, State: change.State{Version: v, Seen: change.Vector{}.Merge(seen)},
		Columns: []string{"id", "name", "amount"}, Values: [][]byte{fmt.Append(nil, id), []byte(name), []byte("1")}}
	pieces := p.codec.Pack(&wire.Batch{Session: 1, Seq: p.seq, Sent: time.Now().UnixMilli(), Changes: []change.Change{c}}, 1<<20)
	if token := p.client.Publish(wire.Topics("").BatchOf(to, p.name), 1, false, pieces[0]); token.Wait() && token.Error() != nil {
		p.t.Fatal(token.Error())
	}
	return p.ack()
}

func in(d time.Duration, origin string) change.Version {
	return change.Version{Time: time.Now().Add(d).UnixMicro(), Origin: origin}
}

// An accepted client writes rows in others' names, with times hours away and vectors that claim everybody's
// future writes. Whatever it claims, the others' later writes arrive, as from any accepted client.
func TestNoClientSuppressesAnothersWrites(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	accept := func(others ...string) map[string]any {
		return map[string]any{"acceptFrom": append(others, "node-m"), "initialSync": "none"}
	}
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, accept("node-b"))
	v := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, accept("node-a"))
	for _, s := range []*site{a, v} {
		s.Exec(orders, `INSERT INTO orders VALUES (3, 'as it was', 1), (4, 'as it was', 1)`)
		s.start()
	}
	newPeer(t, b, "watcher").connect().greet("node-a").greet("node-b")
	v.Exec(`UPDATE orders SET name = 'by b' WHERE id > 2`)
	testkit.Alike(t, `SELECT * FROM orders`, a, v)
	rest(a, v)
	m := newPoser(t, b, "node-m")
	day := 23*time.Hour + 50*time.Minute
	all := []change.Version{in(day, "node-a"), in(day, "node-b"), in(day, "node-m")}
	m.orders("node-a", 1, "in b's name", in(day, "node-b"), all...)
	m.orders("node-a", 2, "by m", in(day+time.Minute, "node-m"), all...)
	m.orders("node-a", 3, "in b's name", in(day, "node-b"))
	m.orders("node-a", 4, "by m", in(day+time.Minute, "node-m"), all...)
	m.orders("node-a", 5, "by m, of now", in(3*time.Second, "node-m"), in(2*time.Second, "node-b"))
	a.Expect(`SELECT COUNT(*) FROM orders`, `5`)
	v.Expect("SELECT COUNT(*) FROM orders WHERE name LIKE 'by m%'", `3`)
	v.Exec(`REPLACE INTO orders VALUES (1, 'written later', 2)`, `REPLACE INTO orders VALUES (2, 'written later', 2)`, `REPLACE INTO orders VALUES (3, 'written later', 2)`,
		`REPLACE INTO orders VALUES (4, 'written later', 2)`, `REPLACE INTO orders VALUES (5, 'written later', 2)`)
	settle(t, []*site{a, v})
	for id := 1; id <= 5; id++ {
		a.Expect(fmt.Sprintf(`SELECT name FROM orders WHERE id = %d`, id), `"written later"`)
	}
	v.Expect(`SELECT COUNT(*) FROM orders WHERE name = 'written later'`, `5`)
}

// A node knows its own writes best: it accepts none that it has not made, and no claim to have seen what it has not sent.
func TestANodeBelievesNobodyAboutItsOwnWrites(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"acceptFrom": []string{"node-m"}})
	a.Exec(orders)
	a.start()
	newPeer(t, b, "watcher").connect().greet("node-a")
	m := newPoser(t, b, "node-m")
	if got := m.orders("node-a", 1, "in its name", in(20*time.Hour, "node-a")); len(got.Failed) != 1 || !strings.Contains(got.Failed[0].Message, "in the name of node-a that it never made") {
		t.Errorf("a write of tomorrow in the node's own name got %+v", got)
	}
	a.Exec(`INSERT INTO orders VALUES (2, 'ours', 2), (3, 'ours', 3)`)
	a.Expect(`SELECT COUNT(*) FROM sync_versions`, `2`)
	m.orders("node-a", 2, "by m", in(2*time.Hour, "node-m"), in(time.Hour, "node-a"))
	m.orders("node-a", 3, "in its name", in(time.Second, "node-a"))
	a.Expect(`SELECT id, name FROM orders ORDER BY id`, `2|"by m"`, `3|"in its name"`)
	a.Expect(`SELECT primary_key, loser_origin FROM sync_conflicts ORDER BY id`, `"2"|"node-a"`, `"3"|"node-a"`)
	a.Node.WaitLog("writes that this node never made.*node-m")
}

// What was written while a node was stopped may be older than what somebody claims to have seen: the node cannot tell that from
// an unknown backup. It says so, and does not say that the row has arrived.
func TestARejectedWriteIsNotASuccess(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"acceptFrom": []string{"node-b", "node-m"}, "syncTables": []string{}})
	v := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, map[string]any{"initialSync": "none"})
	for _, s := range []*site{a, v} {
		s.Exec(orders)
		s.start()
	}
	newPeer(t, b, "watcher").connect().greet("node-a").greet("node-b")
	v.Node.Stop()
	v.Exec(`INSERT INTO orders VALUES (1, 'by b', 1)`)
	m := newPoser(t, b, "node-m")
	now := in(0, "node-m")
	m.orders("node-a", 1, "by m", now, change.Version{Time: now.Time, Origin: "node-b"})
	v.start()
	v.Expect(`SELECT status, message LIKE '%node-a holds a later write of node-b%' FROM sync_status`, `"error"|1`)
	v.Run(0, "resync", "orders", "--all")
	a.Expect(`SELECT name FROM orders`, `"by b"`)
	v.Expect(`SELECT status FROM sync_status`, `"successful"`)
}
