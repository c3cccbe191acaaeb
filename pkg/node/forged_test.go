package node_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// forger publishes batches by hand and hears their acks.
type forger struct {
	t      *testing.T
	name   string
	client mqtt.Client
	codec  *wire.Codec
	seq    uint64
	acks   chan wire.Ack
}

func newForger(t *testing.T, b *testkit.Broker, name string) *forger {
	t.Helper()
	codec, err := wire.NewCodec(wire.MostBody)
	if err != nil {
		t.Fatal(err)
	}
	// Room for every ack of a test, so that the client never blocks.
	f := &forger{t: t, name: name, client: testkit.MQTTClient(t, b, name), codec: codec, acks: make(chan wire.Ack, 1000)}
	token := f.client.Subscribe(wire.Topics("").AckOf(name, "+"), 1, func(_ mqtt.Client, m mqtt.Message) {
		if a, err := wire.ParseAck(m.Payload()); err != nil {
			t.Error(err)
		} else {
			f.acks <- a
		}
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	return f
}

// pack returns a batch of one row, the client's own write, as a message. Without columns it is a delete.
func (f *forger) pack(table, key string, at time.Time, columns []string, values ...string) []byte {
	f.seq++
	c := change.Change{Row: change.Row{Table: table, Key: key}, State: change.State{Version: change.Version{Time: at.UnixMicro(), Origin: f.name}}, Columns: columns}
	for _, v := range values {
		c.Values = append(c.Values, []byte(v))
	}
	pieces := f.codec.Pack(&wire.Batch{Session: 1, Seq: f.seq, Sent: at.UnixMilli(), Changes: []change.Change{c}}, 1<<20)
	if len(pieces) != 1 {
		f.t.Fatalf("%d pieces", len(pieces))
	}
	return pieces[0]
}

func (f *forger) publish(sender string, payload []byte) {
	f.t.Helper()
	if token := f.client.Publish(wire.Topics("").BatchOf("node-a", sender), 1, false, payload); token.Wait() && token.Error() != nil {
		f.t.Fatal(token.Error())
	}
}

// ack waits for the answer to the last batch.
func (f *forger) ack() wire.Ack {
	f.t.Helper()
	for {
		select {
		case a := <-f.acks:
			if a.Seq == f.seq {
				return a
			}
		case <-time.After(time.Minute):
			f.t.Fatal("no ack arrived")
		}
	}
}

func TestBatchWithoutRightIsNotWritten(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, nil)
	a.Exec(orders, `CREATE TABLE secrets (id INT NOT NULL PRIMARY KEY, name VARCHAR(100))`)
	a.start()
	newPeer(t, b, "watcher").connect().greet("node-a")
	f, now := newForger(t, b, "node-b"), time.Now()
	columns := []string{"id", "name"}
	for _, c := range []struct {
		rule    string
		payload func() []byte
	}{
		{"the table is not received", func() []byte { return f.pack("secrets", "1", now, columns, "1", "x") }},
		{"our own table", func() []byte { return f.pack("sync_versions", "1", now, []string{"row_id"}, "1") }},
		{"a column that is not there", func() []byte { return f.pack("orders", "1", now, []string{"id", "nme"}, "1", "x") }},
		{"the key of another row", func() []byte { return f.pack("orders", "1", now, columns, "2", "x") }},
		{"no key", func() []byte { return f.pack("orders", "1", now, []string{"name"}, "x") }},
		{"a clock days ahead", func() []byte { return f.pack("orders", "1", now.Add(72*time.Hour), columns, "1", "x") }},
		{"no time", func() []byte { return f.pack("orders", "1", time.UnixMicro(0), columns, "1", "x") }},
		{"a value that does not fit", func() []byte { return f.pack("orders", "1", now, []string{"id", "amount"}, "1", "much") }},
	} {
		f.publish("node-b", c.payload())
		if got := f.ack(); len(got.Failed) != 1 || got.Failed[0].Message == "" || got.Failed[0].Retry {
			t.Errorf("%s: the ack is %+v", c.rule, got)
		}
	}
	for _, sender := range []string{"stranger", "node-a"} {
		f.publish(sender, f.pack("orders", "1", now, columns, "1", "x"))
	}
	// Batches with bytes changed at random, the same in each run: none may end
	// the node, and whatever is written is a row that it could have sent.
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := f.pack("secrets", "1", now, columns, "1", "x")
		for range 1 + r.IntN(3) {
			p[r.IntN(len(p))] = byte(r.IntN(256))
		}
		f.publish("node-b", p[:1+r.IntN(len(p))])
	}
	f.publish("node-b", f.pack("orders", "3", now, columns, "3", "good"))
	if got := f.ack(); len(got.Failed) > 0 {
		t.Errorf("the ack for a good batch is %+v", got)
	}
	a.Expect(`SELECT id, name FROM orders`, `3|"good"`)
	a.Expect(`SELECT COUNT(*) FROM secrets`, `0`)
	a.Expect(`SELECT table_name, row_id FROM sync_versions`, `"orders"|"3"`)
}

// Only the remote that was asked can answer: question numbers can be guessed from
// a node's announcement.
func TestAnswersOfOtherClientsAreIgnored(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"acceptFrom": []string{"node-b", "node-c"}})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, nil)
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	a.state("the remote", func(s *status.State) error {
		return wanted(s.Remotes[0].Online && s.Remotes[0].Protocol == wire.Protocol)
	})
	forger := testkit.MQTTClient(t, b, "node-c")
	announced, asked := make(chan wire.Node, 10), make(chan struct{}, 100)
	topics := wire.Topics("")
	for topic, hear := range map[string]mqtt.MessageHandler{
		topics.NodeOf("node-a"): func(_ mqtt.Client, m mqtt.Message) {
			if n, err := wire.ParseNode("node-a", m.Payload()); err == nil {
				announced <- n
			}
		},
		topics.VerifyOf("node-b", "node-a"): func(mqtt.Client, mqtt.Message) { asked <- struct{}{} },
	} {
		if token := forger.Subscribe(topic, 1, hear); token.Wait() && token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	lock, err := c.DB.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(t.Context(), `LOCK TABLES orders WRITE`); err != nil { // node-b cannot answer
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		_, out := a.verify("orders")
		said <- out
	}()
	n := <-announced
	<-asked
	for i := range uint64(20) {
		payload, err := wire.Answer{ID: n.Session ^ i, Error: "forged"}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if token := forger.Publish(topics.VerifyOf("node-a", "node-c"), 1, false, payload); token.Wait() && token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	// Rows that follow the answers show that these were read.
	if token := forger.Publish(topics.VerifyOf("node-a", "node-c"), 1, false, []byte("no question")); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	a.Node.WaitLog("message refused.*node-c")
	if _, err := lock.ExecContext(t.Context(), `UNLOCK TABLES`); err != nil {
		t.Fatal(err)
	}
	if out := <-said; !strings.Contains(out, "equal") || strings.Contains(out, "forged") {
		t.Errorf("verify printed %s", out)
	}
}

func TestAnOlderWriteOfAVersion1PeerLosesAndIsAnswered(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, orders)
	a.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO orders VALUES (1, 'ours', 1)`)
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"ours"}`)
	date := p.now().Add(-time.Hour).UnixMilli()
	p.publish("/change/node-a", map[string]any{"sender": p.name, "table": "orders", "id": "1", "date": date, "entity": map[string]any{"id": "1", "name": "older"}})
	p.expectAnswer("1", date)
	// The peer has its own write: it is sent the winning one.
	p.expectChange("orders", "1", 2)
	rest(a)
	a.Expect(`SELECT name FROM orders`, `"ours"`)
}

// A change without a date counts as made on arrival. A retained one comes again at each connect: it restores a missing
// row, and overwrites nothing.
func TestARetainedChangeWithoutADateNeverWins(t *testing.T) {
	t.Parallel()
	a, p := withPeer(t, orders)
	a.start()
	p.connect().greet("node-a")
	publish := func(id, entity string, retained bool) {
		t.Helper()
		text := `{"sender":"` + p.name + `","table":"orders","id":"` + id + `","date":0,"entity":` + entity + `}`
		if token := p.client.Publish("/change/node-a", 1, retained, text); token.Wait() && token.Error() != nil {
			t.Fatal(token.Error())
		}
	}
	publish("1", `{"id":"1","name":"at first"}`, true)
	a.Expect(`SELECT name FROM orders`, `"at first"`)
	a.Exec(`UPDATE orders SET name = 'later' WHERE id = 1`)
	rest(a)
	again := func(id string, want ...string) {
		t.Helper()
		a.Stop()
		a.start()
		p.greet("node-a")
		publish(id, `{"id":"`+id+`","name":"of now"}`, false) // which comes after what is retained
		a.Expect(`SELECT name FROM orders WHERE id = `+id, `"of now"`)
		a.Expect(`SELECT name FROM orders WHERE id = 1`, want...)
	}
	again("2", `"later"`)
	a.Exec(`DELETE FROM orders WHERE id = 1`)
	rest(a)
	again("3")
}
