package node_test

import (
	"fmt"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestMeshesShareABroker has three pairs of nodes, with the same names and the same keys of rows.
func TestMeshesShareABroker(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	prefixes := []string{"", "/acme", "acme/eu"}
	strangers := make(chan string, 1000)
	watch := func(_ mqtt.Client, m mqtt.Message) {
		in := 0
		for _, prefix := range prefixes {
			if wire.Topics(prefix).Parse(m.Topic()).Kind != wire.Unknown {
				in++
			}
		}
		if in != 1 {
			strangers <- m.Topic()
		}
	}
	if token := testkit.MQTTClient(t, b, "watcher").Subscribe("#", 0, watch); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	meshes := map[string][]*site{}
	for _, prefix := range prefixes {
		a, c := apart(t, b)
		for _, s := range []*site{a, c} {
			if prefix != "" {
				s.Config["topicPrefix"] = prefix
			}
		}
		meshes[prefix] = []*site{a, c}
		a.start()
		c.start()
	}
	for prefix, sites := range meshes {
		sites[0].Exec(fmt.Sprintf(`INSERT INTO orders VALUES (1, 'of %s', 1)`, prefix))
	}
	for prefix, sites := range meshes {
		sites[1].Expect(`SELECT name FROM orders`, fmt.Sprintf(`"of %s"`, prefix))
		sites[1].Exec(`UPDATE orders SET amount = 2`)
		sites[0].Expect(`SELECT name, amount FROM orders`, fmt.Sprintf(`"of %s"|"2.00"`, prefix))
		sites[1].Node.Kill()
		sites[0].Node.WaitLog("client offline.*node-b") // its will reaches its mesh
	}
	for prefix, sites := range meshes {
		sites[0].Expect(testkit.Waiting, `0`)
		sites[0].Expect(`SELECT (SELECT COUNT(*) FROM sync_conflicts), (SELECT COUNT(*) FROM sync_status WHERE status = 'error')`, `0|0`)
		sites[0].Expect(`SELECT name FROM orders`, fmt.Sprintf(`"of %s"`, prefix))
	}
	select {
	case topic := <-strangers:
		t.Errorf("%s does not belong to one mesh", topic)
	default:
	}
}

// TestAVersion1PeerJoinsAMeshThroughTheBroker: its topics are fixed, and a bridge adds the prefix to them.
// The peer has its own Mosquitto, which has the bridge.
func TestAVersion1PeerJoinsAMeshThroughTheBroker(t *testing.T) {
	t.Parallel()
	testkit.BrokerMatters(t)
	b := testkit.AnyBroker(t)
	old := testkit.Mosquitto(t, testkit.MosquittoOptions{Extra: []string{"connection acme", "address " + b.Addr(), "cleansession true",
		"try_private false", "remote_clientid acme", // for the embedded broker and for NATS
		`topic /info both 1 "" acme`, `topic /info/+ both 1 "" acme`, `topic /change/+ both 1 "" acme`}})
	a := newSite(t, b, "node-a", []string{"peer-1"}, []string{"orders"}, map[string]any{"topicPrefix": "acme"})
	a.Exec(orders)
	a.start()
	p := newPeer(t, old, "peer-1")
	p.connect().greet("node-a")
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	p.expectRow("orders", "1", `{"amount":"1.00","id":"1","name":"one"}`)
	date := p.send("node-a", "orders", "2", `{"id":"2","name":"two","amount":2}`)
	if got := p.expectAnswer("2", date); got.Message != "data_received" {
		t.Errorf("the answer is %+v", got)
	}
	a.Expect(`SELECT name FROM orders ORDER BY id`, `"one"`, `"two"`)
	p.crash()
	a.Node.WaitLog("client offline.*peer-1")
}
