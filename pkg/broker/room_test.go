package broker_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// sites is a broker whose users are bound to clients, as those of sites that joined are.
func sites(t *testing.T) (addr string) {
	t.Helper()
	c := config.Broker{Listen: "127.0.0.1:0", Node: "hq", ClientID: "mysql-sync-hq"}
	for _, name := range []string{"hq", "store-1", "store-2"} {
		c.Users = append(c.Users, config.BrokerUser{Username: name, Password: "x", Client: name})
	}
	addr, _, _ = run(t, c)
	return addr
}

// as connects a site, by the identifier of its node or another.
func as(t *testing.T, addr, name, id string, adapt func(*mqtt.ClientOptions)) mqtt.Client {
	t.Helper()
	c, err := connect(t, "tcp://"+addr, func(o *mqtt.ClientOptions) {
		o.SetUsername(name).SetPassword("x").SetClientID(id)
		if adapt != nil {
			adapt(o)
		}
	})
	if err != nil {
		t.Fatalf("%s as %s: %v", name, id, err)
	}
	return c
}

// heard subscribes to a filter and returns what arrives.
func heard(t *testing.T, c mqtt.Client, filter string, qos byte) <-chan mqtt.Message {
	t.Helper()
	got := make(chan mqtt.Message, 4096)
	if err := wait(c.Subscribe(filter, qos, func(_ mqtt.Client, m mqtt.Message) { got <- m })); err != nil {
		t.Fatal(err)
	}
	return got
}

// next returns the next message.
func next(t *testing.T, got <-chan mqtt.Message) mqtt.Message {
	t.Helper()
	select {
	case m := <-got:
		return m
	case <-time.After(time.Minute):
		t.Fatal("nothing came in a minute")
		return nil
	}
}

func publish(t *testing.T, c mqtt.Client, topic string, qos byte, retain bool, size int) {
	t.Helper()
	if err := wait(c.Publish(topic, qos, retain, make([]byte, size))); err != nil {
		t.Fatalf("publish on %s: %v", topic, err)
	}
}

// A site has the broker keep its announcement and its presence, and nothing else, also by its wills.
func TestASiteKeepsOnlyWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	addr := sites(t)
	store := as(t, addr, "store-1", "mysql-sync-store-1", nil)
	publish(t, store, "/node/store-1", 1, true, 100)
	publish(t, store, "/here/store-1", 1, true, 100)
	publish(t, store, "/verify/store-1/store-1", 1, true, 100) // check asks whether the broker keeps messages
	for i := range 5 {
		publish(t, store, fmt.Sprintf("/batch/invented-%d/store-1", i), 1, true, 100)
		publish(t, store, fmt.Sprintf("/change/hq-%d", i), 1, true, 100)
	}
	publish(t, store, "/info", 1, true, 100)
	will, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, will, connect5("store-1", "other", "/change/hq", true, 0))
	_ = will.Close()
	seen := as(t, addr, "hq", "mysql-sync-hq", nil)
	all := heard(t, seen, "/change/hq", 1)
	publish(t, store, "/change/hq", 1, false, 7)
	for m := next(t, all); len(m.Payload()) != 7; m = next(t, all) {
		if m.Retained() {
			t.Error("a will is retained on the topic of another")
		}
	}
	kept := map[string]bool{}
	any := as(t, addr, "hq", "counts", nil)
	for _, filter := range []string{"/node/+", "/here/+", "/info"} {
		for m := range drained(t, any, store, filter) {
			kept[m] = true
		}
	}
	own := as(t, addr, "store-1", "reads", nil)
	for _, filter := range []string{"/verify/store-1/+"} {
		for m := range drained(t, own, store, filter) {
			kept[m] = true
		}
	}
	if fmt.Sprint(kept) != "map[/here/store-1:true /node/store-1:true /verify/store-1/store-1:true]" {
		t.Errorf("the broker keeps %v", kept)
	}
}

// drained returns the topics of the retained messages that a filter has.
func drained(t *testing.T, c, writer mqtt.Client, filter string) map[string]bool {
	t.Helper()
	got := heard(t, c, filter, 1)
	if err := wait(c.Unsubscribe("/nothing")); err != nil { // the broker has handled the subscription by then, with what it retains
		t.Fatal(err)
	}
	end := strings.Replace(filter, "+", "store-1", 1)
	publish(t, writer, end, 1, false, 3)
	kept := map[string]bool{}
	for m := next(t, got); m.Retained() || len(m.Payload()) != 3; m = next(t, got) {
		if m.Retained() {
			kept[m.Topic()] = true
		}
	}
	return kept
}

// A site cannot take the places of all others at the broker, nor leave sessions without end; its node's own place is always free.
func TestASiteHasFewSessions(t *testing.T) {
	t.Parallel()
	addr := sites(t)
	in := 0
	for i := range 40 {
		c, err := connect(t, "tcp://"+addr, func(o *mqtt.ClientOptions) {
			o.SetUsername("store-1").SetPassword("x").SetClientID(fmt.Sprint("kept-", i)).SetCleanSession(false)
		})
		if err == nil {
			in++
			c.Disconnect(0)
		}
	}
	if in == 0 || in > 8 {
		t.Errorf("a site leaves %d sessions", in)
	}
	as(t, addr, "store-1", "mysql-sync-store-1", nil)
	as(t, addr, "store-1", "kept-0", nil)
	as(t, addr, "store-2", "any", nil)
}

// What a site sends to one that is away, or that reads nothing, does not fill the broker, and what it sends later arrives.
func TestWhatASiteLeavesAtTheBrokerIsBounded(t *testing.T) {
	t.Parallel()
	addr := sites(t)
	away := as(t, addr, "store-2", "mysql-sync-store-2", func(o *mqtt.ClientOptions) { o.SetCleanSession(false) })
	heard(t, away, "/batch/store-2/+", 1)
	away.Disconnect(0)
	const each, sent, few = 4 << 20, 20, 9_000 // small ones cost too
	send := func(id string, size, n int) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		ask(t, c, connect4("store-1", id))
		message := packet(0x32, append([]byte("\x00\x16/batch/store-2/store-1\x00\x01"), make([]byte, size)...))
		go func() {
			for range n {
				_, _ = c.Write(message) // what is not acknowledged fails the test
			}
		}()
		if _, err := io.CopyN(io.Discard, c, 4*int64(n)); err != nil {
			t.Fatalf("messages of %d bytes are not acknowledged: %v", size, err)
		}
	}
	send("one", each, sent/2) // under any identifier
	send("two", each, sent/2)
	send("mysql-sync-store-1", 1, few)
	hq := as(t, addr, "hq", "mysql-sync-hq", nil) // the node itself
	publish(t, hq, "/batch/store-2/hq", 1, false, 9)
	got := make(chan mqtt.Message, 100_000)
	back := as(t, addr, "store-2", "mysql-sync-store-2", func(o *mqtt.ClientOptions) {
		o.SetCleanSession(false).SetOrderMatters(true).SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { got <- m })
	})
	large, small, own := 0, 0, 0
	for tries := 0; ; { // the broker sends what waited in any order
		select {
		case m := <-got:
			switch len(m.Payload()) {
			case each:
				large++
			case 9:
				own++
			default:
				small++
			}
			continue
		case <-time.After(2 * time.Second):
		}
		if large > 0 && own > 0 {
			break
		}
		if tries++; tries == 30 {
			t.Fatalf("%d large, %d small and %d of the node's own messages came in a minute", large, small, own)
		}
		publish(t, hq, "/batch/store-2/hq", 1, false, 9) // a node sends again what is not answered
	}
	if large == 0 || large == sent || small != 0 {
		t.Errorf("%d messages of %d bytes and %d small ones waited", large, each, small)
	}
	store := as(t, addr, "store-1", "mysql-sync-store-1", nil)
	all := heard(t, back, "/batch/store-2/+", 1)
	for tries := 0; ; tries++ { // those that came are acknowledged a moment later
		publish(t, store, "/batch/store-2/store-1", 1, false, 5)
		select {
		case m := <-all:
			if len(m.Payload()) == 5 {
				return
			}
		case <-time.After(2 * time.Second):
		}
		if tries == 30 {
			t.Fatal("nothing of the site arrives any more")
		}
	}
}

// A packet cannot make the broker take many times its size: only messages may be large, and only their payloads.
func TestPacketsAreSmallUnlessTheyCarryRows(t *testing.T) {
	t.Parallel()
	addr := sites(t)
	many := func(kind byte) []byte { // 2 MiB of filters
		body := []byte{0, 1}
		for len(body) < 2<<20 {
			body = append(body, 0, 1, 'a')
			if kind == 0x82 {
				body = append(body, 0)
			}
		}
		return packet(kind, body)
	}
	props := []byte{} // 1 MiB of user properties
	for len(props) < 1<<20 {
		props = append(props, 0x26, 0, 0, 0, 0)
	}
	large := append([]byte("\x00\x05/info\x00\x07"), append(length(len(props)), props...)...)
	for name, say := range map[string][]byte{
		"SUBSCRIBE": many(0x82), "UNSUBSCRIBE": many(0xa2), "a PUBLISH with properties": packet(0x34, large),
		"a PUBLISH with an alias": packet(0x32, []byte("\x00\x05/info\x00\x07\x03\x23\x00\x01x")),
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		hello := connect5("store-1", "large", "", false, 0)
		if name == "SUBSCRIBE" || name == "UNSUBSCRIBE" {
			hello = connect4("store-1", "large")
		}
		ask(t, c, hello)
		_, _ = c.Write(say) // the broker may have ended the connection
		gone(t, name, c)
	}
	store := as(t, addr, "store-1", "mysql-sync-store-1", nil)
	got := heard(t, store, "/batch/store-1/+", 0)
	publish(t, store, "/batch/store-1/store-1", 1, false, 5<<20)
	if m := next(t, got); len(m.Payload()) != 5<<20 || m.Qos() != 1 {
		t.Errorf("%d bytes with QoS %d came", len(m.Payload()), m.Qos())
	}
	publish(t, store, "/batch/store-1/store-1", 0, false, 1<<20)
	publish(t, store, "/batch/store-1/store-1", 0, false, 1000)
	if m := next(t, got); len(m.Payload()) != 1000 {
		t.Errorf("%d bytes that nobody acknowledges came", len(m.Payload()))
	}
}

// A session has only so many filters, and a returning one costs what it did not acknowledge only once.
func TestFiltersAreCounted(t *testing.T) {
	t.Parallel()
	addr := sites(t)
	store := as(t, addr, "store-1", "mysql-sync-store-1", nil)
	in := 0
	for i := range 10 {
		filters := map[string]byte{}
		for k := range 1000 {
			filters[fmt.Sprintf("/node/%d-%d", i, k)] = 1
		}
		token := store.SubscribeMultiple(filters, nil).(*mqtt.SubscribeToken)
		if err := wait(token); err != nil && !strings.Contains(err.Error(), "0x") {
			t.Logf("subscribe: %v", err)
		}
		for _, code := range token.Result() {
			if code < 0x80 {
				in++
			}
		}
	}
	if in < 4000 || in > 8192 {
		t.Errorf("a session has %d filters", in)
	}
}

// length is a length as MQTT encodes it.
func length(n int) (p []byte) {
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n == 0 {
			return append(p, b)
		}
		p = append(p, b|0x80)
	}
}

func packet(first byte, body []byte) []byte {
	return append(append([]byte{first}, length(len(body))...), body...)
}

// connect5 is a CONNECT of MQTT 5.
func connect5(name, id, will string, retain bool, delay uint32) []byte {
	text := func(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }
	flags := byte(0xc2)
	p := text(id)
	if will != "" {
		flags |= 0x0c // QoS 1
		if retain {
			flags |= 0x20
		}
		p = append(p, 5, 0x18)
		p = append(binary.BigEndian.AppendUint32(p, delay), text(will)...)
		p = append(p, text("a will")...)
	}
	p = append(append(p, text(name)...), text("x")...)
	return packet(0x10, append([]byte{0, 4, 'M', 'Q', 'T', 'T', 5, flags, 0, 60, 0}, p...))
}

// connect4 is a CONNECT of MQTT 3.1.1, which has no properties.
func connect4(name, id string) []byte {
	p := connect5(name, id, "", false, 0)
	p[8] = 4
	p = append(p[:12:12], p[13:]...)
	p[1]--
	return p
}

// ask sends a CONNECT and fails the test unless it is accepted.
func ask(t *testing.T, c net.Conn, hello []byte) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(hello); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(c, answer); err != nil || answer[0] != 0x20 || answer[3] != 0 {
		t.Fatalf("a login was answered %x: %v", answer, err)
	}
}
