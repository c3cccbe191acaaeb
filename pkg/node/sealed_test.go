package node_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// hostile is whoever controls the broker: it reads, keeps and publishes everything.
type hostile struct {
	t      *testing.T
	client mqtt.Client

	mu       sync.Mutex
	messages []seen
	own      map[string]int // its own messages, by topic and payload
}

type seen struct {
	topic   string
	payload []byte
}

func newHostile(t *testing.T, b *testkit.Broker) *hostile {
	t.Helper()
	h := &hostile{t: t, client: testkit.MQTTClient(t, b, "hostile"), own: map[string]int{}}
	token := h.client.Subscribe("#", 1, func(_ mqtt.Client, m mqtt.Message) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if k := m.Topic() + "\x00" + string(m.Payload()); h.own[k] > 0 {
			h.own[k]--
			return
		}
		h.messages = append(h.messages, seen{m.Topic(), bytes.Clone(m.Payload())})
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	return h
}

// all returns what the nodes have published so far on topics with a prefix.
func (h *hostile) all(prefix string) []seen {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []seen
	for _, m := range h.messages {
		if strings.HasPrefix(m.topic, prefix) {
			list = append(list, m)
		}
	}
	return list
}

func (h *hostile) publish(topic string, payload []byte) {
	h.t.Helper()
	h.mu.Lock()
	h.own[topic+"\x00"+string(payload)]++
	h.mu.Unlock()
	if token := h.client.Publish(topic, 1, false, payload); token.Wait() && token.Error() != nil {
		h.t.Fatal(token.Error())
	}
}

// replay publishes messages again: unchanged, with a flipped bit, and truncated.
func (h *hostile) replay(list []seen) {
	h.t.Helper()
	for i, m := range list {
		h.publish(m.topic, m.payload)
		if n := len(m.payload); n > 0 {
			bad := bytes.Clone(m.payload)
			bad[i*31%n] ^= 1 << (i % 8)
			h.publish(m.topic, bad)
			h.publish(m.topic, m.payload[:n/2])
		}
	}
}

// misdirect publishes messages to other recipients, and in others' names.
func (h *hostile) misdirect(list []seen) {
	h.t.Helper()
	for _, m := range list {
		topic := wire.Topics("").Parse(m.topic)
		if topic.Sender == "" {
			continue
		}
		for _, other := range []string{
			wire.Topics("").BatchOf(topic.Client, topic.Sender), wire.Topics("").AckOf(topic.Client, topic.Sender), wire.Topics("").VerifyOf(topic.Client, topic.Sender),
			wire.Topics("").BatchOf(topic.Sender, topic.Client), wire.Topics("").AckOf(topic.Sender, topic.Client), wire.Topics("").VerifyOf(topic.Sender, topic.Client),
		} {
			if other != m.topic {
				h.publish(other, m.payload)
			}
		}
	}
}

// online announces that a client is online.
func (h *hostile) online(client string) {
	h.t.Helper()
	h.publish("/info", wire.Info{Sender: client, Message: wire.Connected, Until: time.Now().Add(time.Minute)}.Encode())
}

// freshKey returns an item of encryption.keys.
func freshKey(t *testing.T, id string, clients ...string) map[string]any {
	t.Helper()
	s, err := seal.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := map[string]any{"id": id, "key": s.Reveal()}
	if len(clients) > 0 {
		k["clients"] = clients
	}
	return k
}

func encrypted(keys ...map[string]any) map[string]any { return map[string]any{"keys": keys} }

// change writes the site's configuration with another block.
func (s *site) change(key string, v any) {
	s.t.Helper()
	s.Config[key] = v
	s.Write()
}

// again restarts a site with another block of its configuration.
func (s *site) again(key string, v any) {
	s.t.Helper()
	s.change(key, v)
	s.Stop()
	s.start()
}

// sealedPair starts two nodes that share a key.
func sealedPair(t *testing.T, b *testkit.Broker) (*site, *site) {
	t.Helper()
	a, c := apart(t, b)
	a.Config["encryption"] = encrypted(freshKey(t, "2026"))
	c.Config["encryption"] = a.Config["encryption"]
	return a.start(), c.start()
}

// refusals returns the log lines about refused messages.
func (s *site) refusals() []string {
	return slices.DeleteFunc(s.Node.Log(), func(l string) bool { return !strings.Contains(l, "message refused") })
}

func TestTheBrokerCannotReadRows(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	h := newHostile(t, b)
	a, c := sealedPair(t, b)
	const marker = "MARKER-31415926"
	a.Exec(`INSERT INTO orders VALUES (1, '` + marker + `', 1)`)
	c.Expect(`SELECT name FROM orders`, `"`+marker+`"`)
	c.Exec(`UPDATE orders SET name = CONCAT(name, '-back') WHERE id = 1`)
	a.Expect(`SELECT name FROM orders`, `"`+marker+`-back"`)
	if out := a.Run(0, "verify"); !strings.Contains(out, "orders") {
		t.Errorf("verify printed %q", out)
	}
	// What a node refuses, and its reasons, travel too.
	c.Exec(`ALTER TABLE orders MODIFY name VARCHAR(40)`)
	a.Exec(`INSERT INTO orders VALUES (2, '` + marker + strings.Repeat("x", 50) + `', 1)`)
	a.Expect(`SELECT status FROM sync_status WHERE primary_key = '2'`, `"error"`)
	kinds := map[wire.Kind]int{}
	for _, m := range h.all("") {
		topic := wire.Topics("").Parse(m.topic)
		kinds[topic.Kind]++
		switch topic.Kind {
		case wire.BatchTo, wire.BatchAckFor, wire.VerifyFor:
			if !seal.IsSealed(m.payload) {
				t.Errorf("on %s there is %q", m.topic, m.payload)
			}
		case wire.Announce, wire.InfoAll, wire.HereOf:
		default:
			t.Errorf("%s has messages", m.topic)
		}
		for _, secret := range []string{marker, "orders", "msb\x02", "\x28\xb5\x2f\xfd", "amount", "failed", a.Schema} {
			if bytes.Contains(m.payload, []byte(secret)) {
				t.Errorf("%q is in a message on %s", secret, m.topic)
			}
		}
	}
	for _, k := range []wire.Kind{wire.BatchTo, wire.BatchAckFor, wire.VerifyFor, wire.Announce} {
		if kinds[k] == 0 {
			t.Errorf("no %s was seen", k)
		}
	}
	if lines := append(a.refusals(), c.refusals()...); len(lines) > 0 {
		t.Errorf("valid messages were refused:\n%s", strings.Join(lines, "\n"))
	}
}

// A row of some MiB goes in pieces, each of them sealed.
func TestLargeRowsAreSealedInPieces(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	h := newHostile(t, b)
	a, c := apart(t, b)
	for _, s := range []*site{a, c} {
		s.Exec(`ALTER TABLE orders ADD COLUMN picture LONGBLOB`)
		s.Config["encryption"] = encrypted(map[string]any{"id": "k", "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="})
		s.start()
	}
	picture := make([]byte, 2<<20)
	if _, err := rand.Read(picture); err != nil {
		t.Fatal(err)
	}
	if _, err := a.DB.Exec(`INSERT INTO orders VALUES (1, 'large', 1, ?)`, picture); err != nil {
		t.Fatal(err)
	}
	c.Expect(`SELECT LENGTH(picture) FROM orders`, `2097152`)
	testkit.Alike(t, `SELECT id, SHA2(picture, 256) FROM orders`, a, c)
	pieces := h.all("/batch/node-b/")
	if len(pieces) < 8 {
		t.Errorf("it came in %d pieces", len(pieces))
	}
	for _, m := range pieces {
		if !seal.IsSealed(m.payload) || len(m.payload) > 256<<10 || bytes.Contains(m.payload, picture[1000:1016]) {
			t.Errorf("a piece of %d bytes is not sealed, or too large", len(m.payload))
		}
	}
}

// Whoever controls the broker publishes everything that it has seen, again and altered, to
// the same and to other recipients, before and after restarts, and forgeries: none of it is
// written or taken for an ack, and the nodes carry on.
func TestNothingHostileGetsIn(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	h := newHostile(t, b)
	a, c := sealedPair(t, b)
	loads := underLoad(a, c)
	more(loads, 100)
	if _, out := a.verify(); !strings.Contains(out, "orders") { // rows in flight may differ
		t.Errorf("verify printed %q", out)
	}
	together(loads)
	before := h.all("/")
	if len(before) > 300 { // of the first and the last
		before = append(before[:150], before[len(before)-150:]...)
	}
	h.replay(before)
	h.misdirect(before)
	h.forge()
	together(loads)

	// node-b is killed; the broker claims that it is online. What node-a then sends
	// is answered only by replayed acks.
	c.Node.Kill()
	loads[0].stop()
	loads[1].stop()
	a.Recorded()
	batches := len(h.all("/batch/node-b/"))
	a.Exec(`INSERT INTO orders VALUES (7, 'for nobody yet', 1)`)
	h.online("node-b")
	testkit.Eventually(t, "a batch for who is dead", func() error {
		h.online("node-b")
		if len(h.all("/batch/node-b/")) == batches {
			return fmt.Errorf("there is none")
		}
		return nil
	})
	h.replay(h.all("/ack/node-a/"))
	h.replay(h.all("/node/node-b"))
	h.forge()
	c.start()
	c.Expect(`SELECT name FROM orders WHERE id = 7`, `"for nobody yet"`)
	h.replay(before)

	// The same after node-a has restarted.
	a.Node.Kill()
	a.start()
	h.replay(before)
	h.replay(h.all("/node/"))
	a.Exec(`INSERT INTO orders VALUES (8, 'after all', 1)`)
	c.Exec(`INSERT INTO orders VALUES (9, 'after all', 1)`)
	c.Expect(`SELECT name FROM orders WHERE id = 8`, `"after all"`)
	a.Expect(`SELECT name FROM orders WHERE id = 9`, `"after all"`)
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM orders WHERE id > 600000000`, `0`)
		s.Expect(`SELECT COUNT(*) FROM sync_conflicts`, `0`)
		// Five unreadable messages from the remote, five from others, and one for each of eight reasons.
		if lines := s.refusals(); len(lines) == 0 || len(lines) > 2*5+8 {
			t.Errorf("%s logged %d refusals:\n%s", s.Name, len(lines), strings.Join(lines, "\n"))
		}
	}
	settle(t, []*site{a, c}, loads...)
}

// forge publishes what a node without encryption would accept.
func (h *hostile) forge() {
	h.t.Helper()
	f := &forger{t: h.t}
	var err error
	if f.codec, err = wire.NewCodec(wire.MostBody); err != nil {
		h.t.Fatal(err)
	}
	topics := wire.Topics("")
	for to, from := range map[string]string{"node-a": "node-b", "node-b": "node-a"} {
		h.publish(topics.BatchOf(to, from), f.pack("orders", "666666666", time.Now(), []string{"id", "name"}, "666666666", "forged"))
		for seq := range uint64(100) {
			h.publish(topics.AckOf(to, from), wire.Ack{Seq: seq + 1}.Encode())
		}
		h.publish(topics.VerifyOf(to, from), []byte(`{"question":{"id":"1","ask":"values","table":"orders","columns":["id"],"keys":["MQ=="]}}`))
		h.publish(topics.ChangeOf(to), []byte(`{"sender":"`+from+`","table":"orders","id":"666666667","date":`+fmt.Sprint(time.Now().UnixMilli())+`,"entity":{"id":"666666667","name":"forged"}}`))
		h.publish(topics.InfoOf(to), []byte(`{"sender":"`+from+`","message":"data_received","args":{"table":"orders","id":"7","date":`+fmt.Sprint(time.Now().UnixMilli())+`}}`))
		h.publish(topics.NodeOf(from), wire.Node{Client: from, Protocol: 2, Session: 1, ReceiveTables: []string{"orders"}}.Encode())
		h.publish(topics.NodeOf(from), nil)
		h.publish(topics.NodeOf(from), wire.Node{Client: from, Protocol: 2, Seal: &wire.Seal{Nonce: make([]byte, 16), Boxes: map[string][]byte{"2026": make([]byte, 200)}}}.Encode())
	}
}

func TestKeysAreRolledUnderLoad(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	h := newHostile(t, b)
	a, c := apart(t, b)
	older, newer := freshKey(t, "old"), freshKey(t, "new")
	for _, s := range []*site{a, c} {
		s.Config["encryption"] = encrypted(older)
		s.start()
	}
	loads := underLoad(a, c)
	for _, keys := range [][]map[string]any{{older, newer}, {newer, older}, {newer}} {
		a.again("encryption", encrypted(keys...))
		more(loads, 20)
		together(loads)
		c.change("encryption", encrypted(keys...))
		c.Run(0, "reload") // as good as a restart
		more(loads, 20)
		together(loads)
	}
	last := len(h.all("/batch/"))
	more(loads, 20)
	together(loads)
	for _, m := range h.all("/batch/")[last:] {
		if !bytes.HasPrefix(m.payload, []byte("mss\x02\x03new")) {
			t.Errorf("a batch is sealed as %.12q", m.payload)
		}
	}
	settle(t, []*site{a, c}, loads...)
}

// A node with another key under the same name, and one without a key, are reported at both
// sides, and get nothing.
func TestNodesWithoutTheKeyAreExcluded(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	for name, other := range map[string]any{"another key": encrypted(freshKey(t, "2026")), "no key": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := testkit.AnyBroker(t)
			a, c := apart(t, b)
			a.Config["encryption"] = encrypted(freshKey(t, "2026"))
			if other != nil {
				c.Config["encryption"] = other
			}
			a.Exec(`INSERT INTO orders VALUES (1, 'mine', 1)`)
			c.Exec(`INSERT INTO orders VALUES (2, 'theirs', 1)`)
			a.start()
			c.start()
			a.Node.WaitLog("message refused.*announcement")
			if other != nil { // a node with the key says the same about one without
				a.Node.WaitLog("sending nothing to the remote")
				c.Node.WaitLog("sending nothing to the remote")
			} else {
				c.Node.WaitLog("client online")
			}
			a.Expect(`SELECT id FROM orders`, `1`)
			c.Expect(`SELECT id FROM orders`, `2`)
			// With the right key it carries on, without a loss.
			c.again("encryption", a.Config["encryption"])
			testkit.Alike(t, `SELECT * FROM orders ORDER BY id`, a, c)
			a.Expect(`SELECT id FROM orders ORDER BY id`, `1`, `2`)
		})
	}
}

// Messages to some clients are in the clear, if the configuration says so.
func TestVersion1PeersWorkIfTheyNeedNotSeal(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	h := newHostile(t, b)
	p := newPeer(t, b, "peer-1")
	key := freshKey(t, "2026")
	a := newSite(t, b, "node-a", []string{"node-b", "peer-1"}, []string{"orders"}, map[string]any{
		"encryption": map[string]any{"keys": []any{key}, "required": []string{"node-b"}}})
	c := newSite(t, b, "node-b", []string{"node-a"}, []string{"orders"}, map[string]any{"encryption": encrypted(key)})
	a.Exec(orders)
	c.Exec(orders)
	a.start()
	c.start()
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"one"}`)
	c.Expect(`SELECT name FROM orders`, `"one"`)
	date := p.send("node-a", "orders", "2", `{"id":"2","name":"two"}`)
	p.expectAnswer("2", date)
	c.Expect(`SELECT name FROM orders ORDER BY id`, `"one"`, `"two"`)
	// The peer's own way into node-b is closed.
	date = p.send("node-b", "orders", "3", `{"id":"3","name":"three"}`)
	c.Node.WaitLog("message refused.*version 1")
	// In node-b's name, version 1 is refused at node-a.
	h.publish("/change/node-a", []byte(`{"sender":"node-b","table":"orders","id":"4","date":`+fmt.Sprint(date)+`,"entity":{"id":"4","name":"four"}}`))
	a.Node.WaitLog("message refused.*version 1")
	for _, s := range []*site{a, c} {
		s.Expect(`SELECT COUNT(*) FROM orders`, `2`)
	}
	for _, m := range h.all("/batch/") {
		if !seal.IsSealed(m.payload) {
			t.Errorf("on %s there is %q", m.topic, m.payload)
		}
	}
}

// Two meshes share a broker, a key and the names of their clients; only the topicPrefix differs. Whoever controls the broker
// carries messages from one into the other: nobody there believes them.
func TestMeshesThatShareAKey(t *testing.T) {
	t.Parallel()
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	h := newHostile(t, b)
	key := encrypted(freshKey(t, "2026"))
	var meshes [2][2]*site
	for i, prefix := range []string{"north", "south"} {
		a, c := apart(t, b)
		for _, s := range []*site{a, c} {
			s.Config["encryption"], s.Config["topicPrefix"] = key, prefix
		}
		meshes[i] = [2]*site{a.start(), c.start()}
	}
	north, south := meshes[0], meshes[1]
	north[0].Exec(`INSERT INTO orders VALUES (1, 'of the north', 1)`)
	south[0].Exec(`INSERT INTO orders VALUES (2, 'of the south', 1)`)
	north[1].Expect(`SELECT id FROM orders`, `1`)
	south[1].Expect(`SELECT id FROM orders`, `2`)
	// The north's node-a hears the south's node-b instead of its own, and would seal for it.
	carry := func(from, to, topics string) {
		for _, m := range h.all(from + topics) {
			h.publish(to+strings.TrimPrefix(m.topic, from), m.payload)
		}
	}
	north[1].Node.Stop()
	carry("south", "north", "/node/node-b")
	h.publish("north/info", wire.Info{Sender: "node-b", Message: wire.Connected, Until: time.Now().Add(time.Minute)}.Encode())
	north[0].Node.WaitLog("message refused.*node-b.*cannot be decrypted")
	north[0].Exec(`INSERT INTO orders VALUES (3, 'of the north', 1)`)
	carry("north", "south", "/batch/node-b")
	// Nor does it believe an announcement without the part that is bound to one mesh.
	for _, m := range h.all("south/node/node-b") {
		if n, err := wire.ParseNode("node-b", m.payload); err == nil && n.Seal != nil {
			n.Seal.Second = nil
			h.publish("north/node/node-b", n.Encode())
		}
	}
	north[0].Node.WaitLog("message refused.*node-b.*someone removed the part")
	carry("north", "south", "/batch/node-b")
	south[0].Exec(`INSERT INTO orders VALUES (4, 'of the south', 1)`)
	south[1].Expect(`SELECT id FROM orders ORDER BY id`, `2`, `4`)
	north[1].start()
	north[1].Expect(`SELECT id FROM orders ORDER BY id`, `1`, `3`)
}
