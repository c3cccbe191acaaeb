package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// guest is a site without a database: it connects, tells its presence and announces itself as a node does, with the same
// packages, and acks each batch at once.
type guest struct {
	name string
	line mesh.Line
	rows atomic.Int64 // that were in its batches
	got  atomic.Int64 // messages
}

// nobody is a mesh.Memory of a guest that has met its hub.
type nobody struct{}

func (nobody) Met(context.Context, []string, int) ([]mesh.Met, error) {
	return []mesh.Met{{Client: hubName, Here: true}}, nil
}
func (nobody) Note(context.Context, []mesh.Met, time.Time) error { return nil }

const hubName = "node-a"

// newGuest starts a guest, which ends with the measure.
func (b *bench) newGuest(broker *testkit.Broker, name string) *guest {
	cfg := &config.Config{ClientName: name, RemoteClients: []string{hubName}, AcceptFrom: []string{hubName}, ReceiveTables: []string{"orders"},
		CheckInterval: time.Second, TombstoneRetention: 30 * 24 * time.Hour, MaxRowBytes: 1 << 20,
		MQTT: config.MQTT{Servers: []string{broker.Server().URL()}, ClientID: "mysql-sync-" + name, Clean: b.s.Broker != "nats", KeepAlive: time.Minute, ConnectTimeout: 30 * time.Second, ReconnectPeriod: time.Second}}
	g := &guest{name: name}
	var err error
	g.line, err = mesh.NewLine(cfg, zap.NewNop(), "bench", true, time.Now)
	b.must("make a site", err)
	b.must("make a site", g.line.Mesh.Recall(b.ctx, nobody{}))
	ctx, stop := context.WithCancel(b.ctx)
	ended := make(chan struct{}, 2)
	go func() { _ = g.line.Mesh.Run(ctx, nobody{}); ended <- struct{}{} }()
	go func() {
		_ = g.line.Transport.Run(ctx, transport.Handlers{Deliver: g.deliver, OnDown: g.line.Mesh.Down, OnUp: g.line.Mesh.Announce})
		ended <- struct{}{}
	}()
	b.Cleanup(func() { stop(); <-ended; <-ended })
	return g
}

func (g *guest) deliver(d transport.Delivery) {
	g.got.Add(1)
	switch topic := g.line.Topics.Parse(d.Topic); topic.Kind {
	case wire.InfoAll:
		g.line.Mesh.HearInfo(d.Payload)
	case wire.HereOf:
		g.line.Mesh.HearHere(topic.Client, d.Payload, d.Retained)
	case wire.Announce:
		g.line.Mesh.HearNode(topic.Client, d.Payload, d.Retained)
	case wire.BatchTo:
		go g.answer(d.Payload)
	}
	go d.Ack()
}

// answer acks a batch. Those of these measurements are of one piece.
func (g *guest) answer(payload []byte) {
	p, err := wire.ParsePiece(payload)
	if err != nil {
		return
	}
	batch, err := g.line.Codec.Unpack([]wire.Piece{p})
	if err != nil {
		return
	}
	_, err = g.line.Transport.PublishAsync(context.Background(), transport.Message{Topic: g.line.Topics.AckOf(hubName, g.name), Payload: wire.Ack{Session: p.Session, Seq: p.Seq}.Encode(), QoS: 1})
	if err == nil {
		g.rows.Add(int64(len(batch.Changes)))
	}
}

// traffic counts the messages that a Mosquitto took in and gave out, by what it says of itself. Other brokers say nothing there.
type traffic struct{ in, out atomic.Int64 }

func (b *bench) traffic(broker *testkit.Broker) *traffic {
	t := &traffic{}
	if b.s.Broker != "mosquitto" {
		return t
	}
	token := testkit.MQTTClient(b, broker, "tap").Subscribe("$SYS/broker/publish/messages/#", 0, func(_ mqtt.Client, m mqtt.Message) {
		n, err := strconv.ParseInt(string(m.Payload()), 10, 64)
		switch {
		case err != nil:
		case strings.HasSuffix(m.Topic(), "/received"):
			t.in.Store(n)
		case strings.HasSuffix(m.Topic(), "/sent"):
			t.out.Store(n)
		}
	})
	token.Wait()
	b.must("listen to the broker", token.Error())
	return t
}

// fleet measures one real node, a hub, with many guests.
func fleet(b *bench, n int) sample {
	broker := b.newBroker()
	hub := b.newSite(hubName, b.newServer(b.s.Binlog), "bench")
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("site-%04d", i+1)
	}
	hub.configure(broker, names, nil)
	hub.startNode()
	hub.node.WaitLog("node started")
	began := time.Now()
	guests := make([]*guest, n)
	for i, name := range names {
		if b.s.Pace > 0 {
			b.pause(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(b.s.Pace))))
		}
		guests[i] = b.newGuest(broker, name)
	}
	due := int64(0)
	all := func(what string, rows int64) float64 { // seconds until all have so many more rows
		due += rows
		return b.until(what, func(context.Context) (bool, error) {
			for _, g := range guests {
				if g.rows.Load() < due {
					return false, nil
				}
			}
			left, err := hub.number("SELECT COUNT(*) FROM sync_remotes r WHERE r.position < (SELECT MAX(v.position) FROM sync_versions v)")
			return left == 0, err
		}).Sub(began).Seconds()
	}
	used := func() time.Duration { return b.used(hub.node.Pid()) }
	brokers := func() time.Duration { return b.used(broker.Pids()...) }
	hub.exec("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row(0)...)
	f := map[string]float64{"s to come": all("all sites to be there", 1), "broker CPU s to come": brokers().Seconds()}

	t := b.traffic(broker)
	b.pause(15 * time.Second) // the broker tells every ten
	got := func() (n int64) {
		for _, g := range guests {
			n += g.got.Load()
		}
		return n
	}
	cpu, servers, in, out, sites, rested := used(), brokers(), t.in.Load(), t.out.Load(), got(), time.Now()
	b.pause(60 * time.Second)
	took := time.Since(rested).Seconds()
	if f["to sites/s"] = float64(got()-sites) / took; b.s.Broker == "mosquitto" {
		f["in/s"], f["out/s"] = float64(t.in.Load()-in)/took, float64(t.out.Load()-out)/took
	}
	f["hub CPU %"], f["broker CPU %"] = 100*(used()-cpu).Seconds()/took, 100*(brokers()-servers).Seconds()/took
	f["MiB broker"] = b.memory(broker.Pids()...)

	began = time.Now()
	hub.exec("UPDATE orders SET revision = revision + 1")
	f["s, 1 row"] = all("one row to be everywhere", 1)
	hub.fill("staging", 1, 999)
	cpu, began = used(), time.Now()
	hub.exec("INSERT INTO orders SELECT * FROM staging")
	f["s, 999 rows"] = all("a price list to be everywhere", 999)
	f["CPU µs/row and site"] = float64((used() - cpu).Microseconds()) / 999 / float64(n)

	broker.Kill()
	hub.exec("UPDATE orders SET revision = revision + 1 LIMIT 1")
	cpu = used()
	broker.Start()
	began = time.Now()
	f["s after a restart"] = all("all to be in step after a restart of the broker", 1)
	f["hub CPU s"] = (used() - cpu).Seconds()
	f["MiB hub"] = hub.memory()
	return sample{Figures: f}
}

// crowds are hubs with ever more sites.
func crowds(s settings) (list []point) {
	for _, n := range s.sizes([]int{10, 100, 300}, 1000) {
		list = append(list, point{label: commas(strconv.Itoa(n)), size: float64(n), ours: func(b *bench) sample { return fleet(b, n) }})
	}
	return list
}
