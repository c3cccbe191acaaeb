package node_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// foreignBytes are messages that no peer should send: some by hand, the others
// good ones with bytes changed at random, the same in each run.
func foreignBytes() [][]byte {
	good := []string{
		`{"sender":"peer-1","table":"orders","id":"1","date":1700000000000,"entity":{"id":"1","name":"x"}}`,
		`{"sender":"peer-1","message":"data_received","args":{"table":"orders","id":"1","date":1700000000000}}`,
		`{"sender":"peer-1","message":"connected","args":{"until":1700000000000}}`,
		`{"client":"x","protocol":2,"version":"1","session":"1","receiveTables":[]}`,
		`{"session":"1","seq":1,"failed":[{"i":0,"message":"x"}]}`,
		"msb\x02\x00\x00\x00\x00\x00\x00\x00\x01\x01\x00\x01\x28\xb5\x2f\xfd\x00\x00\x00",
	}
	list := [][]byte{{}, {0}, []byte("null"), []byte("[]"), []byte("{}"), []byte("1e999"), []byte(`"`), []byte("\xff\xfe"), []byte("not JSON"),
		[]byte(strings.Repeat("[", 20_000)), []byte(strings.Repeat(`{"entity":`, 20_000)), bytes.Repeat([]byte("x"), 1<<20),
		[]byte(`{"sender":"peer-1","table":"orders","id":"1","date":1,"entity":{"id":"1","name":"` + strings.Repeat("y", 1<<20) + `"}}`),
		[]byte(`{"sender":null,"table":null,"id":null,"date":null,"entity":null}`),
		[]byte(`{"sender":{},"table":[],"id":{},"date":"x","entity":1}`),
		[]byte(`{"sender":"peer-1","table":"orders","id":"1","date":-1,"entity":{"id":"1"}}`),
		[]byte(`{"sender":"peer-1","table":"orders","id":"1","date":1e300,"entity":{"id":"1"}}`),
		[]byte(`{"sender":"peer-1","table":"orders","id":"1","date":9007199254740992,"entity":{"id":"1"}}`),
		[]byte(`{"sender":"peer-1","table":"orders","id":"1","date":1700000000000,"entity":[1]}`),
		[]byte(`{"sender":"peer-1","table":"orders","id":"1","date":1700000000000,"entity":{"id":"1","name":{"type":"Buffer","data":[-1,999]}}}`),
		[]byte(`{"sender":"peer-1","table":"orders","id":"1","date":1700000000000}`),
		[]byte(`{"sender":"peer-1","table":"orders","id":"x","date":1700000000000,"entity":{"id":"x"}}`),
		[]byte(`{"sender":"peer-1","message":"drop_tables","args":{}}`),
		[]byte(`{"sender":"peer-1","message":"error","args":{}}`),
		[]byte(`{"sender":"peer-1","message":"connected","args":{"until":-1e308}}`),
		[]byte(`{"sender":"peer-1","message":"connected","args":null}`),
		[]byte(`{"sender":"` + strings.Repeat("z", 100_000) + `","message":"connected","args":{"until":1}}`),
	}
	r := rand.New(rand.NewPCG(2, 2))
	for len(list) < 200 {
		b := []byte(good[r.IntN(len(good))])
		for range 1 + r.IntN(4) {
			switch at := r.IntN(len(b)); r.IntN(4) {
			case 0:
				b[at] = byte(r.IntN(256))
			case 1:
				b = b[:max(at, 1)]
			case 2:
				b = append(b[:at:at], append([]byte(`null`), b[at:]...)...)
			default:
				b = append(b[:at:at], b[min(at+3, len(b)-1):]...)
			}
		}
		list = append(list, b)
	}
	return list
}

func TestHostileBytesAreHarmless(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, orders)
	a.start()
	fuzz := testkit.MQTTClient(t, p.broker, "fuzz")
	for _, topic := range []string{"/change/node-a", "/info", "/info/node-a", "/node/peer-9", "/node/peer-1", "/batch/node-a/peer-1",
		"/batch/node-a/peer-9", "/ack/node-a/peer-1", "/batch/node-a/", "/batch/node-a/a/b", "/ack/node-a/node-a"} {
		for _, b := range foreignBytes() {
			fuzz.Publish(topic, 1, false, b).Wait()
		}
	}
	p.connect().greet("node-a")
	date := p.send("node-a", "orders", "2", `{"id":"2","name":"good","amount":2}`)
	a.Expect(`SELECT name FROM orders WHERE id = 2`, `"good"`)
	if got := p.expectAnswer("2", date); got.Message != "data_received" {
		t.Errorf("the answer is %+v", got)
	}
	a.Exec(`INSERT INTO orders VALUES (3, 'three', 3)`)
	p.expectRow("orders", "3", `{"amount":"3.00","id":"3","name":"three"}`)
	a.Stop()
}

func TestChangeWithoutRightIsNotWritten(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"peer-1"}, []string{"orders"}, nil)
	a.Exec(orders, `CREATE TABLE secrets (id INT NOT NULL PRIMARY KEY, name VARCHAR(100))`, `INSERT INTO secrets VALUES (1, 'mine')`,
		`CREATE TABLE sent_only (id INT NOT NULL PRIMARY KEY, name VARCHAR(100))`)
	a.Config["syncTables"] = []string{"orders", "sent_only"}
	a.start()
	x, p, stranger := newTap(t, b), newPeer(t, b, "peer-1"), newPeer(t, b, "stranger")
	stranger.connect().greet("node-a")
	p.connect().greet("node-a")
	bad := 0
	for _, c := range []struct{ table, id, entity, message string }{
		{"secrets", "1", `{"id":"1","name":"yours"}`, "receiveTables"},
		{"sent_only", "1", `{"id":"1","name":"yours"}`, "receiveTables"},
		{"sync_status", "1", `{"id":"1"}`, "receiveTables"},
		{"nowhere", "1", `{"id":"1"}`, "receiveTables"},
		{"secrets", "1", `null`, "receiveTables"},
		{"orders", "1", `{"id":"1","nme":"x"}`, "nme"},
		{"orders", "1", "{\"id\":\"1\",\"name`=1,x\":\"x\"}", "no column"},
		{"orders", "1", `{"id":"2","name":"x"}`, "does not match"},
		{"orders", "one", `{"id":"one"}`, "whole number"},
		{"orders", "3", `{"id":"3","amount":"much"}`, "amount"},
		{"orders", "4", `{"id":"4","name":"` + strings.Repeat("n", 101) + `"}`, "name"},
		{"orders", "5", `{"id":"5","amount":{"a":1}}`, "amount"},
		{"orders", "6", `7`, "object"},
	} {
		bad++
		date := p.send("node-a", c.table, c.id, c.entity)
		got := p.expectAnswer(c.id, date)
		if got.Message != "error" || !strings.Contains(got.Args.Message, c.message) || got.Args.Table != c.table {
			t.Errorf("%s %s %.60s: the answer is %+v, want %q", c.table, c.id, c.entity, got, c.message)
		}
	}
	// A sender outside acceptFrom gets no answer, nor does the node itself.
	stranger.send("node-a", "orders", "10", `{"id":"10","name":"x"}`)
	stranger.publish("/change/node-a", map[string]any{"sender": "node-a", "table": "orders", "id": "11", "date": 1, "entity": map[string]any{"id": "11"}})
	stranger.send("node-a", "orders", "12", `null`)
	date := p.send("node-a", "orders", "20", `{"id":"20","name":"good"}`)
	p.expectAnswer("20", date)
	a.Expect(`SELECT id, name FROM orders`, `20|"good"`)
	a.Expect(`SELECT * FROM secrets`, `1|"mine"`)
	a.Expect(`SELECT COUNT(*) FROM sent_only`, `0`)
	a.Expect(`SELECT table_name, row_id FROM sync_versions`, `"orders"|"20"`)
	a.Expect(testkit.Waiting, `0`)
	p.expect("one answer to each change", func() error {
		if len(p.answers) != bad+1 {
			return fmt.Errorf("%d came for %d", len(p.answers), bad+1)
		}
		return nil
	})
	if n := x.count("/info/node-a"); n > 0 {
		t.Errorf("the node answered itself %d times", n)
	}
	stranger.expect("no answer", func() error {
		if len(stranger.answers) > 0 {
			return fmt.Errorf("it got %v", stranger.answers)
		}
		return nil
	})
}

func TestAcceptFromAnyoneAcceptsAnyone(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", nil, []string{"orders"}, map[string]any{"acceptFrom": []string{"*"}})
	a.Exec(orders)
	a.start()
	p := newPeer(t, b, "somebody").connect().greet("node-a")
	date := p.send("node-a", "orders", "1", `{"id":"1","name":"x"}`)
	if got := p.expectAnswer("1", date); got.Message != "data_received" {
		t.Errorf("the answer is %+v", got)
	}
	a.Expect(`SELECT name FROM orders`, `"x"`)
	date = p.send("node-a", "secrets", "1", `{"id":"1","name":"x"}`)
	if got := p.expectAnswer("1", date); got.Message != "error" {
		t.Errorf("the answer is %+v", got)
	}
}
