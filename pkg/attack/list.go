package attack

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// attack is something done to a node.
type attack struct {
	name string // by whom, and what
	play func(*world)
}

var attacks = []attack{
	{"a client: a batch with a key of 8 million digits", func(w *world) { w.rows(w.row1(strings.Repeat("9", 8<<20))) }},
	{"a client: 2,000 changes of one row in one batch", func(w *world) {
		list := make([]change.Change, 2000)
		for i := range list {
			list[i] = w.row1("7")
			list[i].Version.Time += int64(i)
		}
		w.rows(list...)
	}},
	{"a client: 20 batches, each with a row of 5 MB", func(w *world) {
		for range 20 {
			w.rows(w.wide(5_000_000))
		}
	}},
	{"a client: 20 batches, each with a row of 5 MB of zeros", func(w *world) {
		for range 20 {
			c := w.wide(0)
			c.Values[1] = make([]byte, 5_000_000)
			w.rows(c)
		}
	}},
	{"a client: 20 batches, each 10 MiB of small rows once unpacked", func(w *world) {
		for range 20 {
			text, list := bytes.Repeat([]byte("x"), 5200), make([]change.Change, 2000)
			for i := range list {
				list[i] = w.row1(strconv.Itoa(i))
				list[i].Values[1] = text
			}
			w.rows(list...)
		}
	}},
	{"a client: 20 batches, each 120 MiB once unpacked", func(w *world) {
		for range 20 {
			w.rows(w.wide(120 << 20))
		}
	}},
	{"a client: 200 pieces of 512 KiB, of batches that are never complete", func(w *world) {
		large := make([]byte, 1<<20)
		for i := range 200 {
			w.publish(w.topics.BatchOf(victim, mallory), wire.Messages(9, uint64(i), large, 512<<10)[0])
		}
	}},
	{"a client: 4,000 empty pieces, each one of 4,096", func(w *world) {
		for i := range 4000 {
			w.publish(w.topics.BatchOf(victim, mallory), header(uint64(i), 0, 4096))
		}
	}},
	{"a client: 100,000 rows, each for another table that does not exist", func(w *world) {
		for n := range 50 {
			list := make([]change.Change, 2000)
			for i := range list {
				list[i] = w.row1(strconv.Itoa(i))
				list[i].Table = fmt.Sprintf("t%d_%d", n, i)
			}
			w.rows(list...)
		}
	}},
	{"a client: 100,000 empty messages while the database is down", func(w *world) {
		w.database.Cut()
		for range 100_000 {
			w.sent++
			w.client.Publish(w.topics.BatchOf(victim, mallory), 0, false, []byte{0})
		}
		w.publish(w.topics.BatchOf(victim, mallory), []byte{0})
		w.database.Restore()
	}},
	{"a client: 20,000 version-1 changes that are refused, while their sender is offline", func(w *world) {
		for i := range 20_000 {
			w.publishSoon(w.topics.ChangeOf(victim), fmt.Appendf(nil, `{"sender":%q,"table":%q,"id":"%d","date":1,"entity":{"id":1}}`, mallory, strings.Repeat("t", 128), i))
		}
	}},
	{"a client: 10,000 rows that the database refuses", func(w *world) {
		for n := range 5 {
			w.parts(2000, 1_000_000_000+2000*n, 0, "x")
		}
	}},
	{"a client: 20,000 rows whose parents are missing", func(w *world) {
		for n := range 10 {
			w.parts(2000, 1+2000*n, 1_000_000, "x")
		}
	}},
	{"a client: 40 batches, each with 100 rows of 60 KB whose parents are missing", func(w *world) {
		for n := range 40 {
			w.parts(100, 100_000+100*n, 1_000_000, strings.Repeat("x", 60_000))
		}
	}},
	{"a client: 4 version-1 changes, each with 500,000 columns", func(w *world) {
		var columns strings.Builder
		for i := range 500_000 {
			fmt.Fprintf(&columns, `,"%x":1`, i)
		}
		w.changes(4, `"1"`, `1`+columns.String())
	}},
	{"a client: 4 version-1 changes, each with an id of 5 MB", func(w *world) { w.changes(4, `"`+strings.Repeat("9", 5_000_000)+`"`, `1`) }},
	{"a client: 4 version-1 changes, each with a Buffer of 2.5 million bytes", func(w *world) {
		w.changes(4, `"1"`, `1,"name":{"type":"Buffer","data":[`+strings.Repeat("1,", 2_500_000)+`1]}`)
	}},
	{"a client: 4 version-1 changes, each with a string of 5 MB", func(w *world) { w.changes(4, `"1"`, `1,"name":"`+strings.Repeat(`\u0001`, 830_000)+`"`) }},
	{"a client: 10 acks of 500 KB, and verify questions with one key 1,000 times", func(w *world) {
		for i := range 10 {
			w.publish(w.topics.AckOf(victim, honest), fmt.Appendf(nil, `{"session":"1","seq":%d,"failed":[%s{}]}`, i, strings.Repeat("{},", 160_000)))
		}
		keys := make([][]byte, 1000)
		for i := range keys {
			keys[i] = []byte("1000001")
		}
		for i := range 10 {
			q, err := wire.Question{ID: uint64(i + 1), Ask: wire.AskValues, Table: "orders", Columns: []string{"id", "name"}, Keys: keys}.Encode()
			if err != nil {
				w.tb.Fatalf("%v", err)
			}
			w.publish(w.topics.VerifyOf(victim, mallory), q)
		}
	}},
	{"a client: 200 announcements of 1 MiB", func(w *world) {
		for i := range 200 {
			w.announce(mallory, i)
		}
	}},
	{"a client: 200 acks of 500 KB, of rows and of keys", func(w *world) {
		for i := range 100 {
			w.publish(w.topics.AckOf(victim, honest), fmt.Appendf(nil, `{"session":"1","seq":%d,"failed":[%s{}]}`, i, strings.Repeat("{},", 160_000)))
			w.publish(w.topics.AckOf(victim, honest), fmt.Appendf(nil, `{"session":"1","seq":%d,"freed":[{"table":"orders","keys":[%s""]}]}`, i, strings.Repeat(`"MTIz",`, 70_000)))
		}
	}},
	{"a client: 300 questions of 900 KB", func(w *world) {
		keys := make([][]byte, 1000)
		for i := range keys {
			keys[i] = []byte(strings.Repeat("0", 650) + strconv.Itoa(i))
		}
		q, err := wire.Question{ID: 1, Ask: wire.AskValues, Table: "orders", Columns: []string{"id", "name"}, Keys: keys}.Encode()
		if err != nil {
			w.tb.Fatalf("%v", err)
		}
		for range 300 {
			w.publish(w.topics.VerifyOf(victim, mallory), q)
		}
	}},
	{"a client: 8,000 rows that are accepted, then 2,000 that the database refuses", func(w *world) {
		for n := range 8 {
			w.parts(1000, 1_000_000+1000*n, 0, "x")
			time.Sleep(50 * time.Millisecond)
		}
		w.parts(2000, 1_000_100_000, 0, "x")
	}},
	{"30 clients: 750 pieces of 512 KiB, of batches that are never complete", func(w *world) {
		large := make([]byte, 512<<10)
		for i := range 25 {
			for _, c := range friends {
				w.publish(w.topics.BatchOf(victim, c), append(header(1, i, 4096), large...))
			}
		}
	}},
	{"30 clients: 150 announcements of 1 MiB", func(w *world) {
		for i := range 5 {
			for _, c := range friends {
				w.announce(c, i)
			}
		}
	}},
	{"a stranger: 10 version-1 changes of 12 MiB", func(w *world) {
		for range 10 {
			w.publish(w.topics.ChangeOf(victim), []byte(`{"sender":"eve","table":"orders","id":"1","date":1,"entity":{"id":"1","name":[`+strings.Repeat("[],", 4<<20)+`[]]}}`))
		}
	}},
	{"a stranger: 10 version-1 changes with a key of 12 million digits", func(w *world) {
		for range 10 {
			w.publish(w.topics.ChangeOf(victim), []byte(`{"sender":"eve","table":"orders","id":`+strings.Repeat("9", 12<<20)+`,"date":1,"entity":{}}`))
		}
	}},
	{"a stranger: 20 batches, announcements and questions of 3 MiB", func(w *world) {
		large := make([]byte, 3<<20)
		for range 20 {
			for _, topic := range []string{w.topics.BatchOf(victim, eve), w.topics.NodeOf(eve), w.topics.VerifyOf(victim, eve), w.topics.AckOf(victim, eve), w.topics.Info()} {
				w.publish(topic, large)
			}
		}
	}},
	{"a stranger: 20,000 messages that another site goes and comes back", func(w *world) {
		for i := range 40_001 {
			text := `{"sender":"node-b","message":"connection_lost","args":{}}`
			if i%2 == 0 {
				text = fmt.Sprintf(`{"sender":"node-b","message":"connected","args":{"until":%d}}`, time.Now().Add(time.Hour).UnixMilli())
			}
			w.publishSoon(w.topics.Info(), []byte(text))
		}
	}},
	{"a stranger: presence under 20,000 names", func(w *world) {
		for i := range 20_000 {
			w.publishSoon(w.topics.Info(), fmt.Appendf(nil, `{"sender":"eve-%d","message":"connected","args":{"until":%d}}`, i, time.Now().Add(time.Hour).UnixMilli()))
		}
	}},
	{"a stranger: 20,000 messages that another site goes and comes back, on its own topic", func(w *world) { w.feign(honest) }},
	{"a stranger: 20,000 messages in the node's own name that it goes and comes back", func(w *world) { w.feign(victim) }},
}

// feign publishes presence in the name of a client, each time as the next connection of its run.
func (w *world) feign(client string) {
	w.tb.Helper()
	topic, kept := w.topics.HereOf(client), make(chan []byte, 1)
	token := w.client.Subscribe(topic, 1, func(_ mqtt.Client, m mqtt.Message) {
		select {
		case kept <- m.Payload():
		default:
		}
	})
	if token.Wait(); token.Error() != nil {
		w.tb.Fatalf("feign presence: %v", token.Error())
	}
	h, err := wire.ParseHere(<-kept)
	if err != nil {
		w.tb.Fatalf("feign presence: %v", err)
	}
	if token := w.client.Unsubscribe(topic); token.Wait() && token.Error() != nil {
		w.tb.Fatalf("feign presence: %v", token.Error())
	}
	for range 20_000 {
		for _, h.Gone = range []bool{true, false} {
			h.Link, h.Until = h.Link+1, time.Now().Add(time.Hour)
			w.publishSoon(topic, h.Encode())
		}
	}
}

// publishSoon publishes with QoS 0, which is quicker; the next publish follows it.
func (w *world) publishSoon(topic string, payload []byte) {
	w.sent += int64(len(payload))
	w.client.Publish(topic, 0, false, payload)
}

// announce publishes an announcement of as many tables as fit into one.
func (w *world) announce(client string, session int) {
	w.publish(w.topics.NodeOf(client), fmt.Appendf(nil, `{"client":%q,"protocol":2,"session":"%d","receiveTables":[%s""]}`, client, session, strings.Repeat(`"",`, 340_000)))
}

// changes publishes changes of version 1 in Pete's name, with an id and what an entity begins with after its key.
func (w *world) changes(many int, id, entity string) {
	for range many {
		w.publish(w.topics.ChangeOf(victim), fmt.Appendf(nil, `{"sender":%q,"table":"orders","id":%s,"date":%d,"entity":{"id":%s}}`, pete, id, time.Now().UnixMilli(), entity))
	}
}

// parts publishes a batch of that many new rows of parts, each referring to another one; 0 is none.
func (w *world) parts(many, from, to int, name string) {
	list := make([]change.Change, many)
	for i := range list {
		list[i] = w.row1(strconv.Itoa(from + i))
		list[i].Table, list[i].Values[1] = "parts", []byte(name)
		if to > 0 {
			list[i].Columns, list[i].Values = append(list[i].Columns, "part"), append(list[i].Values, []byte(strconv.Itoa(to+from+i)))
		}
	}
	w.rows(list...)
}

// row1 is a change of the row with a key.
func (w *world) row1(key string) change.Change {
	return change.Change{
		Row:     change.Row{Table: "orders", Key: key},
		State:   change.State{Version: change.Version{Time: time.Now().UnixMicro(), Origin: mallory}},
		Columns: []string{"id", "name"}, Values: [][]byte{[]byte(key), []byte("by mallory")},
	}
}

// wide is a change of a row of that many bytes.
func (w *world) wide(size int) change.Change {
	c := w.row1("8")
	c.Values = [][]byte{[]byte("8"), bytes.Repeat([]byte("x"), size)}
	return c
}

// rows publishes a batch.
func (w *world) rows(list ...change.Change) {
	w.seq++
	b := &wire.Batch{Session: 7, Seq: w.seq, Sent: time.Now().UnixMilli(), Changes: list}
	for _, m := range w.codec.Pack(b, 4<<20) {
		w.publish(w.topics.BatchOf(victim, mallory), m)
	}
}

// header is a piece without a body.
func header(seq uint64, index, of int) []byte {
	one := wire.Messages(9, seq, []byte{0}, 1<<10)[0]
	one = one[:len(one)-3]
	return append(append(one, uvarint(index)...), uvarint(of)...)
}

func uvarint(n int) []byte {
	var b []byte
	for ; n > 0x7f; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}
