package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

const (
	peerName   = "peer-1"
	peerWindow = 500 // changes that the peer sends before the answers to the first come
)

// peer is a raw client that speaks version 1.
type peer struct {
	b        *bench
	client   mqtt.Client
	node     string
	acks     chan wire.Info // messages to answer
	answered chan struct{}  // one element per answer
	refused  atomic.Pointer[string]
}

// version1 measures changes to a version-1 peer that answers each of them, and changes from it that
// the node answers.
func version1(b *bench) sample {
	n := b.rows(20_000)
	broker := b.newBroker()
	s := b.newSite("node-a", b.newServer(b.s.Binlog), "bench")
	s.configure(broker, []string{peerName}, nil)
	s.fill("staging", 1, n)
	s.startNode()
	s.node.WaitLog("node started")
	s.singles(1, n)
	b.until("all changes to be captured", func(context.Context) (bool, error) {
		left, err := s.number("SELECT COUNT(*) FROM table_changes")
		return left == 0, err
	})

	p := newPeer(b, broker, s.name, n)
	began := time.Now()
	p.publish(wire.Topics("").Info(), wire.Info{Sender: peerName, Message: wire.Connected, Until: began.Add(10 * time.Minute)}.Encode())
	ended := b.until("the peer to have everything", func(context.Context) (bool, error) {
		left, err := s.number(testkit.Waiting)
		return left == 0, err
	})
	sent := float64(n) / ended.Sub(began).Seconds()

	began = time.Now()
	p.send(n+1, n)
	taken := float64(n) / time.Since(began).Seconds()
	return sample{Figures: map[string]float64{"to the peer": sent, "from the peer": taken}}
}

// newPeer connects a peer. The channels have room for everything, so that no handler blocks.
func newPeer(b *bench, broker *testkit.Broker, node string, most int) *peer {
	p := &peer{b: b, client: testkit.MQTTClient(b, broker, peerName), node: node,
		acks: make(chan wire.Info, 4*most), answered: make(chan struct{}, 4*most)}
	token := p.client.SubscribeMultiple(map[string]byte{wire.Topics("").ChangeOf(peerName): 1, wire.Topics("").InfoOf(peerName): 1}, func(_ mqtt.Client, m mqtt.Message) { p.hear(m) })
	token.Wait()
	b.must("subscribe", token.Error())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for a := range p.acks {
			p.client.Publish(wire.Topics("").InfoOf(node), 1, false, a.Encode())
		}
	}()
	b.Cleanup(func() {
		p.client.Disconnect(0) // deaf from now on
		close(p.acks)
		<-ended
	})
	return p
}

func (p *peer) hear(m mqtt.Message) {
	if m.Topic() == wire.Topics("").InfoOf(peerName) {
		if i, err := wire.ParseInfo(m.Payload()); err == nil && i.Message == wire.Failed {
			p.refused.Store(&i.Error)
		}
		p.answered <- struct{}{}
		return
	}
	var c struct {
		Table, ID string
		Date      int64
	}
	if err := json.Unmarshal(m.Payload(), &c); err == nil {
		p.acks <- wire.Info{Sender: peerName, Message: wire.DataReceived, Table: c.Table, ID: c.ID, Date: c.Date}
	}
}

func (p *peer) publish(topic string, payload []byte) {
	token := p.client.Publish(topic, 1, false, payload)
	token.Wait()
	p.b.must("publish", token.Error())
}

// send sends n rows, starting at ID first, and returns when all are answered.
func (p *peer) send(first, n int) {
	for i, open := 0, 0; i < n || open > 0; {
		if i < n && open < peerWindow {
			p.client.Publish(wire.Topics("").ChangeOf(p.node), 1, false, change(int64(first+i)))
			i, open = i+1, open+1
			continue
		}
		select {
		case <-p.answered:
			open--
		case <-time.After(30 * time.Second):
			p.b.Fatalf("%d of %d changes were not answered in time", open, n)
		case <-p.b.ctx.Done():
			p.b.Fatalf("interrupted")
		}
	}
	if e := p.refused.Load(); e != nil {
		p.b.Fatalf("the node refused a change: %s", *e)
	}
}

// change is a row as a version-1 message.
func change(id int64) []byte {
	entity := map[string]any{}
	for i, v := range row(id) {
		entity[columnNames[i]] = v
	}
	key := strconv.FormatInt(id, 10)
	entity["id"] = key
	text, err := json.Marshal(map[string]any{"sender": peerName, "table": "orders", "id": key, "date": time.Now().UnixMilli(), "entity": entity})
	if err != nil {
		panic(fmt.Sprintf("encode a change: %v", err)) // cannot happen: strings and numbers have a JSON form
	}
	return text
}
