package node_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// TestAnswersAreBounded: a remote that invents answers ends the comparison, which reports it, and costs neither memory nor
// endless time.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	b := testkit.AnyBroker(t)
	a := newSite(t, b, "node-a", []string{"node-b"}, []string{"orders"}, map[string]any{"initialSync": "none", "verifyInterval": 0})
	a.Exec(orders, `INSERT INTO orders VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`)
	a.start()
	p, topics := newPeer(t, b, "node-b").connect(), wire.Topics("")
	var mu sync.Mutex
	var answer func(wire.Question) wire.Answer
	token := p.client.Subscribe(topics.VerifyOf("node-b", "node-a"), 1, func(c mqtt.Client, m mqtt.Message) {
		q, _, err := wire.ParseVerify(m.Payload())
		if err != nil || q == nil {
			t.Errorf("node-a asked %.100s: %v", m.Payload(), err)
			return
		}
		mu.Lock()
		x := answer(*q)
		mu.Unlock()
		x.ID = q.ID
		payload, err := x.Encode()
		if err != nil {
			t.Error(err)
		}
		c.Publish(topics.VerifyOf("node-a", "node-b"), 1, false, payload)
	})
	if token.Wait(); token.Error() != nil {
		t.Fatal(token.Error())
	}
	p.client.Publish(topics.NodeOf("node-b"), 1, true, wire.Node{Client: "node-b", Protocol: wire.Protocol, Session: 1, ReceiveTables: []string{"orders"}}.Encode())
	a.state("the remote", func(s *status.State) error {
		return wanted(s.Remotes[0].Online && s.Remotes[0].Protocol == wire.Protocol)
	})
	next := 1000
	hashes := func(n int, key func(i int) string) (list []wire.Hash) {
		for i := range n {
			list = append(list, wire.Hash{Key: []byte(key(i)), Sum: strings.Repeat("0", 32)})
		}
		return list
	}
	row := func(k []byte) wire.VerifyValue {
		return wire.VerifyValue{Key: k, Values: [][]byte{k, []byte("x"), []byte("1.00")}}
	}
	values := func(q wire.Question) (list []wire.VerifyValue) {
		for _, k := range q.Keys {
			list = append(list, row(k))
		}
		return list
	}
	const unasked = "sent an answer that was not asked for"
	for _, c := range []struct {
		what, say string
		hashes    func(q wire.Question) wire.Answer
		values    func(q wire.Question) wire.Answer
	}{
		{what: "rows without end", say: "more than 100000 rows that are missing here", hashes: func(wire.Question) wire.Answer {
			next += 1000
			return wire.Answer{Hashes: hashes(1000, func(i int) string { return fmt.Sprint(next + i) })}
		}},
		{what: "large keys without end", say: "invalid keys", hashes: func(wire.Question) wire.Answer {
			next++
			return wire.Answer{Part: true, Hashes: hashes(1, func(int) string { return fmt.Sprint(next, ",", strings.Repeat("k", 1<<20)) })}
		}},
		{what: "the same rows again and again", say: "checksums twice", hashes: func(wire.Question) wire.Answer {
			return wire.Answer{Hashes: hashes(1000, func(i int) string { return fmt.Sprint(1000 + i) })}
		}},
		{what: "one row again and again", say: "checksums twice", hashes: func(wire.Question) wire.Answer {
			return wire.Answer{Part: true, Hashes: hashes(1, func(int) string { return "2" })}
		}},
		{what: "parts without values", say: unasked, values: func(wire.Question) wire.Answer { return wire.Answer{Part: true} }},
		{what: "no values", say: unasked, values: func(wire.Question) wire.Answer { return wire.Answer{} }},
		{what: "more values", say: unasked, values: func(q wire.Question) wire.Answer {
			return wire.Answer{Values: append(values(q), row([]byte("7")))}
		}},
		{what: "other keys", say: unasked, values: func(q wire.Question) wire.Answer {
			return wire.Answer{Part: true, Values: []wire.VerifyValue{row([]byte("77"))}}
		}},
		{what: "other columns", say: unasked, values: func(q wire.Question) wire.Answer {
			list := values(q)
			list[0].Values = list[0].Values[1:]
			return wire.Answer{Values: list}
		}},
		{what: "values that are not brief", say: unasked, values: func(q wire.Question) wire.Answer {
			list := values(q)
			list[0].Values[1] = make([]byte, 2<<20)
			return wire.Answer{Values: list, Form: wire.FormLarge}
		}},
		{what: "types of other columns", say: "3 rows differ", values: func(q wire.Question) wire.Answer {
			return wire.Answer{Values: values(q), Form: 99, Types: []string{"json"}}
		}},
	} {
		mu.Lock()
		answer = func(q wire.Question) wire.Answer {
			switch {
			case q.Ask == wire.AskSum:
				return wire.Answer{Count: 1 << 60, Sum: "x", Form: q.Form}
			case q.Ask == wire.AskHashes && c.hashes != nil:
				return c.hashes(q)
			case q.Ask == wire.AskValues && c.values != nil:
				return c.values(q)
			}
			return wire.Answer{}
		}
		mu.Unlock()
		if code, out := a.verify("orders"); code != 1 || !strings.Contains(out, c.say) {
			t.Errorf("%s: exit code %d\n%.1000s", c.what, code, out)
		}
	}
	if peak := a.Node.PeakMemory(); peak > 128<<20 {
		t.Errorf("the node had %d MiB in memory", peak>>20)
	}
}
