package node_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestARemoteThatInventsLaterWritesIsEventuallyIgnored: for each row that it is sent it claims to hold a later write
// of this node's. That causes no loop of writes, messages and log lines. Many rows at a time, or a slow machine might not
// get to the limit, which is for each minute.
func TestARemoteThatInventsLaterWritesIsEventuallyIgnored(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"initialSync": "none", "acceptFrom": []string{}, "receiveTables": []string{}})
	a.Exec(orders)
	a.start()
	p, topics := newPeer(t, b, "node-b").connect(), wire.Topics("")
	codec, err := wire.NewCodec(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 200
	var sent atomic.Int64
	p.client.Subscribe(topics.BatchOf("node-b", "node-a"), 1, func(c mqtt.Client, m mqtt.Message) {
		x, err := wire.ParsePiece(m.Payload())
		if err != nil {
			t.Error(err)
			return
		}
		batch, err := codec.Unpack([]wire.Piece{x})
		if err != nil {
			t.Error(err)
			return
		}
		sent.Add(int64(len(batch.Changes)))
		ack := wire.Ack{Session: x.Session, Seq: x.Seq}
		for i := range batch.Changes {
			ack.Held = append(ack.Held, wire.Held{Index: i, Origin: "node-a", Time: time.Now().UnixMicro()})
		}
		c.Publish(topics.AckOf("node-a", "node-b"), 1, false, ack.Encode())
	}).Wait()
	p.client.Publish(topics.NodeOf("node-b"), 1, true, wire.Node{Client: "node-b", Protocol: wire.Protocol, Session: 1, ReceiveTables: []string{"orders"}}.Encode())
	var values []string
	for i := range rows {
		values = append(values, fmt.Sprintf("(%d, 'one', 1)", i+1))
	}
	a.Exec(`INSERT INTO orders VALUES ` + strings.Join(values, ","))
	a.Expect(`SELECT COUNT(*) FROM sync_outbox WHERE state = 'waiting'`, strconv.Itoa(rows))
	if n := sent.Load(); n > 2000 {
		t.Errorf("%d rows were sent %d times in all", rows, n)
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
