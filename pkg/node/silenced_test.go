package node_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestARemoteThatInventsLaterWritesIsEventuallyIgnored: for each row that it is sent it claims to hold a later write
// of this node's. That causes no loop of writes, messages and log lines.
func TestARemoteThatInventsLaterWritesIsEventuallyIgnored(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"initialSync": "none", "acceptFrom": []string{}, "receiveTables": []string{}})
	a.Exec(orders)
	a.start()
	p, topics := newPeer(t, b, "node-b").connect(), wire.Topics("")
	var batches atomic.Int64
	p.client.Subscribe(topics.BatchOf("node-b", "node-a"), 1, func(c mqtt.Client, m mqtt.Message) {
		x, err := wire.ParsePiece(m.Payload())
		if err != nil {
			t.Error(err)
		}
		batches.Add(1)
		ack := wire.Ack{Session: x.Session, Seq: x.Seq, Held: []wire.Held{{Origin: "node-a", Time: time.Now().UnixMicro()}}}
		c.Publish(topics.AckOf("node-a", "node-b"), 1, false, ack.Encode())
	}).Wait()
	p.client.Publish(topics.NodeOf("node-b"), 1, true, wire.Node{Client: "node-b", Protocol: wire.Protocol, Session: 1, ReceiveTables: []string{"orders"}}.Encode())
	a.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	a.Expect(`SELECT state FROM sync_outbox`, `"waiting"`)
	if n := batches.Load(); n > 1100 {
		t.Errorf("one row was sent %d times", n)
	}
	told := 0
	for _, line := range a.Node.Log() {
		if strings.Contains(line, "WARN") && strings.Contains(line, "sending them again as later writes") {
			told++
		}
	}
	if told == 0 || told > 2 {
		t.Errorf("it was logged %d times", told)
	}
}
