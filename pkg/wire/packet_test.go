package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

var ack = wire.Ack{Session: 1<<64 - 1, Seq: 42, Failed: []wire.Reject{
	{Index: 3, Message: "a foreign key refuses the row", Retry: true}, {Index: 7, Message: "table t has no column c"}}}

var freed = wire.Ack{Freed: []wire.Freed{{Table: "items", Keys: [][]byte{[]byte("1"), []byte("2,a\x00")}}}}

var node = wire.Node{Client: "node-a", Protocol: wire.Protocol, Version: "1.0.0", Session: 1<<64 - 1, ReceiveTables: []string{"items"}}

// Like those of version 1, the golden files of protocol 2 are never regenerated.
func TestAcksAndAnnouncementsMatchProtocol2(t *testing.T) {
	changed := node
	changed.Definitions = 3
	for name, got := range map[string][]byte{
		"ack.json": ack.Encode(), "ack_all.json": wire.Ack{Session: 7, Seq: 1}.Encode(), "node.json": node.Encode(),
		"node_definitions.json": changed.Encode(), "ack_freed.json": freed.Encode(),
		"ack_held.json": wire.Ack{Session: 7, Seq: 2, Held: []wire.Held{{Index: 4, Origin: "berlin", Time: 1795746000000000}}}.Encode(),
	} {
		if want := golden(t, "batch", name); string(got) != string(want) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
	if got, err := wire.ParseAck(golden(t, "batch", "ack.json")); err != nil || !reflect.DeepEqual(got, ack) {
		t.Errorf("the ack reads as %+v, %v", got, err)
	}
	if got, err := wire.ParseAck(golden(t, "batch", "ack_freed.json")); err != nil || !reflect.DeepEqual(got, freed) {
		t.Errorf("an ack without waiting rows reads as %+v, %v", got, err)
	}
	if got, err := wire.ParseNode("node-a", golden(t, "batch", "node.json")); err != nil || !reflect.DeepEqual(got, node) {
		t.Errorf("the announcement reads as %+v, %v", got, err)
	}
}

func TestAnAnnouncementMustBeOnItsOwnTopic(t *testing.T) {
	if got, err := wire.ParseNode("node-b", node.Encode()); err == nil {
		t.Errorf("node-a announces itself on the topic of node-b: %+v", got)
	}
	if got, err := wire.ParseNode("a b", []byte(`{"client":"a b"}`)); err == nil {
		t.Errorf("an invalid client announces itself: %+v", got)
	}
}

func TestWrongAcksAndAnnouncementsAreRefused(t *testing.T) {
	for _, text := range []string{``, `[]`, `"x"`, `{"session":"-1"}`, `{"session":5}`, `{"seq":-1}`, `{"seq":1.5}`, `{"failed":{}}`,
		`{"seq":1}` + strings.Repeat(" ", wire.MaxAck)} {
		if got, err := wire.ParseAck([]byte(text)); err == nil {
			t.Errorf("ParseAck(%.40s) = %+v, want an error", text, got)
		}
	}
	for _, text := range []string{``, `[]`, `{}`, `{"client":"node-a","protocol":"2"}`, `{"client":"node-a","receiveTables":5}`,
		`{"client":"node-a"}` + strings.Repeat(" ", 1<<20)} {
		if got, err := wire.ParseNode("node-a", []byte(text)); err == nil {
			t.Errorf("ParseNode(%.40s) = %+v, want an error", text, got)
		}
	}
}

func TestRejectReasonsAreShortenedOnBothSides(t *testing.T) {
	long := strings.Repeat("ü", 1000)
	if b := (wire.Ack{Failed: []wire.Reject{{Message: long}}}).Encode(); len(b) > 1000 {
		t.Errorf("an ack has %d bytes", len(b))
	}
	got, err := wire.ParseAck(fmt.Appendf(nil, `{"failed":[{"message":%q}]}`, long))
	if err != nil || len([]rune(got.Failed[0].Message)) != 255 {
		t.Errorf("ParseAck = %+v, %v, want a message of 255 characters", got, err)
	}
}

// FuzzParseAck checks that an accepted ack keeps its meaning when encoded again.
func FuzzParseAck(f *testing.F) {
	f.Add(golden(f, "batch", "ack.json"))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		a, err := wire.ParseAck(payload)
		if err != nil {
			return
		}
		again, err := wire.ParseAck(a.Encode())
		if len(a.Failed) == 0 {
			a.Failed = nil
		}
		if err != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("%q reads as %+v, and is forwarded as %+v, %v", payload, a, again, err)
		}
	})
}

// FuzzParseNode checks that an accepted announcement keeps its meaning when
// encoded again.
func FuzzParseNode(f *testing.F) {
	f.Add("node-a", golden(f, "batch", "node.json"))
	f.Add("node-a", []byte(`{"client":"node-a","receiveTables":null}`))
	f.Add("node-a", []byte(`{"client":"node-a","seal":{"nonce":"AAECAwQFBgcICQoLDA0ODw==","boxes":{"2026":"AA==","":null}}}`))
	f.Fuzz(func(t *testing.T, client string, payload []byte) {
		n, err := wire.ParseNode(client, payload)
		if err != nil {
			return
		}
		if b := n.Encode(); !json.Valid(b) {
			t.Fatalf("%q is forwarded as %q", payload, b)
		}
		again, err := wire.ParseNode(client, n.Encode())
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Errorf("%q reads as %+v, and is forwarded as %+v, %v", payload, n, again, err)
		}
	})
}

// FuzzParseVerify checks that an accepted question or answer is within its bounds and
// keeps its meaning when encoded again.
func FuzzParseVerify(f *testing.F) {
	f.Add([]byte(`{"question":{"id":"18446744073709551615","ask":"values","table":"items","columns":["id"],"keys":["MQ==",null]}}`))
	f.Add([]byte(`{"answer":{"id":"1","count":-1,"sum":"0-0","hashes":[{"k":"MQ==","s":"x"}],"values":[{"k":"","v":[null,""],"p":true,"t":1,"o":"a"}]}}`))
	f.Add([]byte(`{"question":{},"answer":{}}`))
	f.Add([]byte(`{"answer":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		q, a, err := wire.ParseVerify(payload)
		if err != nil {
			return
		}
		var sent []byte
		switch {
		case (q == nil) == (a == nil):
			t.Fatalf("%q reads as %+v and %+v", payload, q, a)
		case q != nil:
			if len(q.Keys) > wire.VerifyRows {
				t.Fatalf("a question has %d keys", len(q.Keys))
			}
			sent, err = q.Encode()
		default:
			sent, err = a.Encode()
		}
		if err != nil {
			t.Fatal(err)
		}
		q2, a2, err := wire.ParseVerify(sent)
		if err != nil || (q2 == nil) != (q == nil) || (a2 == nil) != (a == nil) {
			t.Errorf("%q is sent on as %q, %v", payload, sent, err)
		}
	})
}

// FuzzTopic checks that a topic that names two clients can be rebuilt from its parts,
// and that a topic with a wildcard, or of another mesh, is not mistaken for one.
func FuzzTopic(f *testing.F) {
	f.Add("", "/batch/node-a/node-b")
	f.Add("acme/eu", "acme/eu/verify/node-a/node-b")
	f.Add("/acme", "/acme/info")
	f.Add("", "/ack/+/#")
	f.Fuzz(func(t *testing.T, prefix, topic string) {
		mesh := wire.Topics(prefix)
		got := mesh.Parse(topic)
		again := map[wire.Kind]string{wire.InfoAll: mesh.Info(), wire.InfoMe: mesh.InfoOf(got.Client), wire.ChangeTo: mesh.ChangeOf(got.Client), wire.Announce: mesh.NodeOf(got.Client),
			wire.BatchTo: mesh.BatchOf(got.Client, got.Sender), wire.BatchAckFor: mesh.AckOf(got.Client, got.Sender), wire.VerifyFor: mesh.VerifyOf(got.Client, got.Sender)}
		if got.Kind != wire.Unknown && again[got.Kind] != topic {
			t.Errorf("Topics(%q).Parse(%q) = %+v, which is %q", prefix, topic, got, again[got.Kind])
		}
		if got.Sender != "" && (!wire.ValidClient(got.Sender) || !wire.ValidClient(got.Client)) {
			t.Errorf("%q names no clients: %+v", topic, got)
		}
	})
}

// TestMessagesStaySmall: brokers that accept 128 KiB accept all messages between nodes.
func TestMessagesStaySmall(t *testing.T) {
	full := wire.Ack{Session: math.MaxUint64, Seq: math.MaxUint64}
	for i := range 500 {
		full.Failed = append(full.Failed, wire.Reject{Index: i, Message: strings.Repeat("ö\"", 200), Retry: true})
	}
	payload := full.Encode()
	again, err := wire.ParseAck(payload)
	if err != nil || len(payload) > wire.MessageBytes || len(again.Failed) != 500 || len(again.Failed[499].Message) < 50 || !again.Failed[499].Retry {
		t.Errorf("an ack of %d bytes, with %d rows: %v", len(payload), len(again.Failed), err)
	}
	if len(full.Failed[0].Message) < 500 {
		t.Error("encoding an ack changed it")
	}

	var keys [][]byte
	for i := range 1000 {
		keys = append(keys, bytes.Repeat([]byte{byte(i)}, i))
	}
	var answer wire.Answer
	for _, k := range keys {
		answer.Hashes = append(answer.Hashes, wire.Hash{Key: k, Sum: strings.Repeat("0", 32)})
	}
	if answer.Fit(); !answer.Part || len(answer.Hashes) < 100 {
		t.Errorf("of 1000 checksums %d fit", len(answer.Hashes))
	}
	answer = wire.Answer{Values: []wire.VerifyValue{{Key: keys[1], Values: [][]byte{make([]byte, 1<<20)}}, {Key: keys[2]}}}
	if answer.Fit(); !answer.Part || len(answer.Values) != 1 {
		t.Errorf("answered %d of two rows, one of them large", len(answer.Values))
	}
	answer = wire.Answer{Values: []wire.VerifyValue{{Key: keys[1]}, {Key: keys[2]}}}
	if answer.Fit(); answer.Part || len(answer.Values) != 2 {
		t.Errorf("answered %d of two small rows", len(answer.Values))
	}

	asked := 0
	for rest := keys; len(rest) > 0; {
		some := rest[:wire.Within(len(rest), 100, func(i int) int { return len(rest[i]) })]
		rest = rest[len(some):]
		payload, err := wire.Question{ID: math.MaxUint64, Ask: wire.AskValues, Table: "orders", Keys: some}.Encode()
		if err != nil || len(payload) > wire.MessageBytes || len(some) > 100 {
			t.Fatalf("a question of %d bytes, with %d keys: %v", len(payload), len(some), err)
		}
		asked += len(some)
	}
	if large := wire.Within(2, 100, func(int) int { return 1 << 20 }); asked != 1000 || large != 1 {
		t.Errorf("asked for %d keys, and for %d that are too large", asked, large)
	}
}
