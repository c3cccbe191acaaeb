package main

import (
	"strings"
	"sync/atomic"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// oursBytes measures the payloads of a backlog's batches and of their answers.
func oursBytes(b *bench) sample {
	n := b.rows(100_000)
	p := newOurs(b)
	p.source.fill("staging", 1, n)
	var batches, answers atomic.Int64
	tap := testkit.MQTTClient(b, p.broker, "tap")
	token := tap.SubscribeMultiple(map[string]byte{"/batch/#": 1, "/ack/#": 1}, func(_ mqtt.Client, m mqtt.Message) {
		if strings.HasPrefix(m.Topic(), "/batch/") {
			batches.Add(int64(len(m.Payload())))
		} else {
			answers.Add(int64(len(m.Payload())))
		}
	})
	token.Wait()
	b.must("listen to the nodes", token.Error())
	p.start()
	p.backlog(func() { p.source.singles(1, n) }, int64(n))
	there, back := float64(batches.Load())/float64(n), float64(answers.Load())/float64(n)
	return sample{Figures: map[string]float64{"bytes": there + back, "batches": there, "answers": back}}
}

// nativeBytes measures by how much the binary log grows, which is what a replica reads.
func nativeBytes(b *bench) sample {
	n := b.rows(100_000)
	p := newNative(b)
	p.source.fill("staging", 1, n)
	position := func() float64 {
		var status struct {
			Position float64 `db:"Position"`
		}
		b.must("look at the binary log", p.source.db.Unsafe().GetContext(b.ctx, &status, "SHOW MASTER STATUS")) // it has more columns
		return status.Position
	}
	before := position()
	p.source.singles(1, n)
	return figure("bytes", (position()-before)/float64(n))
}
