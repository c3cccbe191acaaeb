package node_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// peer plays an existing client of version 1 by hand, as strict and as weak as the
// real one. What such a client would refuse, or break on, is a mistake of the node,
// and fails the test at its end. The exported part is set before connect.
type peer struct {
	t       *testing.T
	broker  *testkit.Broker
	name    string
	key     string         // the key column of all tables
	remotes []string       // for a relay: who gets what it receives
	skew    time.Duration  // its clock, less the true one
	answer  func(v1Change) // nil: data_received at once
	conn    net.Conn       // of the last connect
	client  mqtt.Client    // of the last connect
	started time.Time      // of the last connect, by the peer's clock
	ended   chan struct{}  // stops the beats

	mu       sync.Mutex
	rows     map[v1Row]map[string]json.RawMessage
	open     map[v1Row]bool       // received and not answered
	heard    map[v1Args]time.Time // the earliest time at which the node named in Message can have last answered about a row
	asked    map[v1Args]time.Time // when a change was sent
	changes  []v1Change
	answers  []v1Answer
	online   map[string]bool
	dropped  int // changes that it considered old
	mistakes []string
}

type v1Row struct{ Table, ID string }

type v1Change struct {
	Sender string                     `json:"sender"`
	Table  string                     `json:"table"`
	ID     string                     `json:"id"`
	Date   int64                      `json:"date"`
	Entity map[string]json.RawMessage `json:"entity"`
}

func (c v1Change) row() v1Row { return v1Row{c.Table, c.ID} }

type v1Args struct {
	Table   string `json:"table"`
	ID      string `json:"id"`
	Date    int64  `json:"date"`
	Message string `json:"message,omitempty"`
}

type v1Answer struct {
	Sender  string `json:"sender"`
	Message string `json:"message"`
	Args    v1Args `json:"args"`
}

// newPeer returns a peer that is not connected.
func newPeer(t *testing.T, b *testkit.Broker, name string) *peer {
	p := &peer{t: t, broker: b, name: name, key: "id", rows: map[v1Row]map[string]json.RawMessage{}, online: map[string]bool{}}
	t.Cleanup(func() {
		if p.client != nil {
			p.leave()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range p.mistakes {
			t.Errorf("%s: %s", name, m)
		}
	})
	return p
}

func (p *peer) now() time.Time { return time.Now().Add(p.skew) }

// connect connects, subscribes and says that it is there.
func (p *peer) connect() *peer {
	p.t.Helper()
	p.mu.Lock()
	p.started = p.now()
	p.open, p.heard, p.asked = map[v1Row]bool{}, map[v1Args]time.Time{}, map[v1Args]time.Time{}
	clear(p.online)
	p.mu.Unlock()
	will := encoded(p.t, map[string]any{"message": "connection_lost", "sender": p.name, "args": map[string]any{}})
	o := mqtt.NewClientOptions().AddBroker(p.broker.Server().URL()).SetClientID(p.name).SetAutoReconnect(false).SetWill("/info", will, 1, false).
		SetCustomOpenConnectionFn(func(u *url.URL, _ mqtt.ClientOptions) (conn net.Conn, err error) {
			p.conn, err = net.Dial("tcp", u.Host)
			return p.conn, err
		})
	p.client = mqtt.NewClient(o)
	p.settle(p.client.Connect())
	p.settle(p.client.Subscribe("/info", 0, p.onInfo))
	p.settle(p.client.Subscribe("/info/"+p.name, 0, p.onAnswer))
	p.settle(p.client.Subscribe("/change/"+p.name, 0, p.onChange))
	ended, client := make(chan struct{}), p.client
	p.ended = ended
	p.beat(client)
	go func() {
		beats := time.NewTicker(3 * time.Second)
		defer beats.Stop()
		for {
			select {
			case <-ended:
				return
			case <-beats.C:
				p.beat(client)
			}
		}
	}()
	return p
}

func (p *peer) settle(token mqtt.Token) {
	p.t.Helper()
	if !token.WaitTimeout(time.Minute) || token.Error() != nil {
		p.t.Fatalf("%s: %v", p.name, token.Error())
	}
}

// beat publishes connected as a peer with a checkInterval of 1000 does.
func (p *peer) beat(c mqtt.Client) {
	m, _ := json.Marshal(map[string]any{"sender": p.name, "message": "connected", "args": map[string]any{"until": p.now().UnixMilli() + 2*1000 + 3000}})
	c.Publish("/info", 0, false, m)
}

// crash cuts the connection, so that the broker publishes the will.
func (p *peer) crash() {
	close(p.ended)
	_ = p.conn.Close()
	p.client = nil
}

// leave ends as an orderly stop does: the will is published then too.
func (p *peer) leave() {
	close(p.ended)
	p.publish("/info", map[string]any{"message": "connection_lost", "sender": p.name, "args": map[string]any{}})
	p.client.Disconnect(250)
	p.client = nil
}

// greet waits until the node has announced its presence.
func (p *peer) greet(node string) *peer {
	p.t.Helper()
	p.expect("the presence of "+node, func() error {
		if !p.online[node] {
			return fmt.Errorf("it is not online")
		}
		return nil
	})
	return p
}

// expectLost waits until a node is known to be gone.
func (p *peer) expectLost(node string) {
	p.t.Helper()
	p.expect("the end of "+node, func() error {
		if p.online[node] {
			return fmt.Errorf("it is online")
		}
		return nil
	})
}

func (p *peer) publish(topic string, v any) {
	m, err := json.Marshal(v)
	if err != nil {
		panic(err) // the test's own values
	}
	p.client.Publish(topic, 0, false, m)
}

// send publishes a change to a node; entity is JSON.
func (p *peer) send(node, table, id, entity string) int64 {
	date := p.now().UnixMilli()
	p.mu.Lock()
	p.asked[v1Args{Table: table, ID: id, Date: date}] = time.Now()
	p.mu.Unlock()
	p.publish("/change/"+node, map[string]any{"sender": p.name, "table": table, "id": id, "date": date, "entity": json.RawMessage(entity)})
	return date
}

// ack and refuse answer a change.
func (p *peer) ack(c v1Change) { p.reply(c, "data_received", "") }

func (p *peer) refuse(c v1Change, message string) { p.reply(c, "error", message) }

func (p *peer) reply(c v1Change, kind, message string) {
	delete(p.open, c.row())
	p.publish("/info/"+c.Sender, v1Answer{Sender: p.name, Message: kind, Args: v1Args{Table: c.Table, ID: c.ID, Date: c.Date, Message: message}})
}

func (p *peer) mistake(format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Sprintf(format, args...))
}

// strict decodes an object that must have exactly the given keys.
func (p *peer) strict(raw []byte, into any, keys ...string) bool {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		p.mistake("%.200s is not an object", raw)
		return false
	}
	have := slices.Sorted(maps.Keys(m))
	if slices.Sort(keys); !slices.Equal(have, keys) {
		p.mistake("%.200s has the keys %v, not %v", raw, have, keys)
		return false
	}
	if err := json.Unmarshal(raw, into); err != nil {
		p.mistake("%.200s: %v", raw, err)
		return false
	}
	return true
}

func (p *peer) onInfo(_ mqtt.Client, m mqtt.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var i struct {
		Sender, Message string
		Args            json.RawMessage
	}
	if !p.strict(m.Payload(), &i, "sender", "message", "args") {
		return
	}
	switch i.Message {
	case "connected":
		var args struct{ Until int64 }
		if p.strict(i.Args, &args, "until") && args.Until >= p.started.UnixMilli() {
			p.online[i.Sender] = true
		}
	case "connection_lost":
		p.online[i.Sender] = false
	default:
		p.mistake("message %q on /info", i.Message)
	}
}

func (p *peer) onAnswer(_ mqtt.Client, m mqtt.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var raw struct {
		Sender, Message string
		Args            json.RawMessage
	}
	if !p.strict(m.Payload(), &raw, "sender", "message", "args") {
		return
	}
	keys := []string{"table", "id", "date"}
	if raw.Message == "error" {
		keys = append(keys, "message")
	}
	a := v1Answer{Sender: raw.Sender, Message: raw.Message}
	if !p.strict(raw.Args, &a.Args, keys...) {
		return
	}
	if raw.Message == "error" && (a.Args.Message == "" || utf8.RuneCountInString(a.Args.Message) > 255) {
		p.mistake("an error message of %d characters", utf8.RuneCountInString(a.Args.Message))
	}
	// The node leaves a second between two answers. What counts is the earliest time at which it can have sent them: the first
	// may have been held up on the way.
	row, now := v1Args{Table: a.Args.Table, ID: a.Args.ID, Message: a.Sender}, time.Now()
	earliest := p.asked[v1Args{Table: a.Args.Table, ID: a.Args.ID, Date: a.Args.Date}]
	if before, ok := p.heard[row]; ok && before.Add(time.Second).After(earliest) {
		if earliest = before.Add(time.Second); now.Before(earliest) {
			p.mistake("an answer about %+v came %v too early", row, earliest.Sub(now))
		}
	}
	p.heard[row] = earliest
	p.answers = append(p.answers, a)
}

func (p *peer) onChange(_ mqtt.Client, m mqtt.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var c v1Change
	if !p.strict(m.Payload(), &c, "sender", "table", "id", "date", "entity") {
		return
	}
	if c.Date < p.started.UnixMilli() {
		p.dropped++ // without an answer
		return
	}
	if p.open[c.row()] {
		p.mistake("a second change of %v before the first was answered", c.row())
	}
	p.open[c.row()] = true
	p.changes = append(p.changes, c)
	if c.Entity == nil {
		delete(p.rows, c.row())
	} else {
		if key := string(c.Entity[p.key]); key != encoded(p.t, c.ID) {
			p.mistake("entity.%s is %s and the id %q", p.key, key, c.ID)
		}
		if p.rows[c.row()] == nil {
			p.rows[c.row()] = map[string]json.RawMessage{}
		}
		maps.Copy(p.rows[c.row()], c.Entity)
	}
	if p.answer != nil {
		p.answer(c)
		return
	}
	p.ack(c)
	for _, r := range p.remotes {
		if r != c.Sender {
			p.publish("/change/"+r, v1Change{Sender: p.name, Table: c.Table, ID: c.ID, Date: p.now().UnixMilli(), Entity: c.Entity})
		}
	}
}
