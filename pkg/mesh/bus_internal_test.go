package mesh

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// bus is a broker and its network, in a synctest bubble.
type bus struct {
	t *testing.T

	mu       sync.Mutex
	forgets  bool // it retains nothing
	ends     bool // it closes connections that publish retained messages
	loses    func(to, topic string) bool
	retained map[string]transport.Message
	nodes    []*node
	sent     []transport.Message
}

// node is a Mesh on a bus, and what it reported.
type node struct {
	bus     *bus
	mesh    *Mesh
	memory  *memory
	log     *observer.ObservedLogs
	inbox   chan func()
	stop    context.CancelFunc
	done    chan struct{}
	online  bool
	filters map[string]byte // the QoS of each subscription
	will    transport.Message
	denies  string // a topic on which the broker drops what the node publishes
	renewed int    // later subscriptions
	asked   int    // of them, those that ask for its own announcement
	looks   int    // how often it checked its connection
	during  func() // called by the next change of its subscriptions, which is of the connection that is there then

	told []string // what it has heard, one line each
	got  []string // topics of what was delivered to it
}

func newBus(t *testing.T) *bus { return &bus{t: t, retained: map[string]transport.Message{}} }

// remotes is a configuration for a node that syncs a table with remotes.
func remotes(name string, others ...string) *config.Config {
	return &config.Config{ClientName: name, RemoteClients: others, AcceptFrom: others, SyncTables: []string{"orders"}, ReceiveTables: []string{"orders"},
		CheckInterval: time.Second, TombstoneRetention: 30 * 24 * time.Hour}
}

// runs counts the nodes' runs, each of which has a session.
var runs struct {
	sync.Mutex
	last uint64
}

// add makes a node that is not running yet.
func (b *bus) add(cfg *config.Config, m *memory) *node {
	b.t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	n := &node{bus: b, memory: m, log: logs, inbox: make(chan func(), 10_000)}
	runs.Lock()
	runs.last++
	session := runs.last
	runs.Unlock()
	var err error
	n.mesh, err = New(Config{Log: zap.New(core), Node: cfg, Version: "test", Session: session, MaxRow: 1 << 20, Now: time.Now,
		Broker: n, Refused: NewRefusals(zap.New(core), cfg, time.Now)})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// start runs a node until stop, or until the test ends.
func (b *bus) start(cfg *config.Config, m *memory) *node {
	b.t.Helper()
	n := b.add(cfg, m)
	b.run(n)
	return n
}

// run is start for a node that was added.
func (b *bus) run(n *node) {
	b.t.Helper()
	m := n.memory
	if err := n.mesh.Recall(b.t.Context(), m); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.nodes = append(b.nodes, n)
	b.mu.Unlock()
	ctx, stop := context.WithCancel(b.t.Context())
	n.stop, n.done = stop, make(chan struct{})
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case f := <-n.inbox:
				f()
			}
		}
	}()
	go func() {
		defer close(n.done)
		if err := n.mesh.Run(ctx, m); err != nil {
			b.t.Error(err)
		}
	}()
	n.connect()
}

// connect subscribes and announces the node, again if the broker closes the connection.
func (n *node) connect() {
	for range 5 {
		p := n.mesh.Plan(nil)
		n.bus.mu.Lock()
		n.online, n.will, n.filters = true, *p.Will, map[string]byte{}
		n.bus.mu.Unlock()
		n.subscribe(1, p.Topics...)
		n.subscribe(0, slices.Concat(p.Loose, p.Light)...)
		if n.mesh.Announce(n.bus.t.Context()) == nil {
			n.mesh.AskOwn(n.bus.t.Context())
			return
		}
		n.disconnect()
	}
	n.bus.t.Error("the node cannot announce itself")
}

// disconnect cuts the connection.
func (n *node) disconnect() {
	n.bus.mu.Lock()
	n.online = false
	n.bus.mu.Unlock()
	n.mesh.Down()
}

// leave stops the node; the broker publishes its will.
func (n *node) leave() {
	n.stop()
	<-n.done
	n.bus.mu.Lock()
	n.online = false
	n.bus.nodes = slices.DeleteFunc(n.bus.nodes, func(x *node) bool { return x == n })
	n.bus.mu.Unlock()
	n.bus.publish(n.testament())
}

func (n *node) name() string { return n.mesh.c.Node.ClientName }

// publish delivers a message to all connected nodes.
func (b *bus) publish(m transport.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, m)
	if m.Retain && len(m.Payload) == 0 {
		delete(b.retained, m.Topic)
	} else if m.Retain && !b.forgets {
		b.retained[m.Topic] = m
	}
	for _, n := range b.nodes {
		b.deliver(n, m, false)
	}
}

// subscribe adds subscriptions, and delivers the retained messages that they cover.
func (n *node) subscribe(qos byte, filters ...string) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	for _, f := range filters {
		n.filters[f] = qos
	}
	for topic, m := range n.bus.retained {
		if slices.ContainsFunc(filters, func(f string) bool { return wire.Covers(f, topic) }) {
			n.bus.deliver(n, m, true)
		}
	}
}

// testament returns the will of the node's connection.
func (n *node) testament() transport.Message {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return n.will
}

// hearsInfo reports whether the node is subscribed to /info.
func (n *node) hearsInfo() bool {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return n.hears("/info")
}

// surely returns what the node is subscribed to at QoS 1.
func (n *node) surely() (topics []string) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	for f, qos := range n.filters {
		if qos == 1 {
			topics = append(topics, f)
		}
	}
	slices.Sort(topics)
	return topics
}

// hears reports whether a subscription covers a topic. It requires the bus's mu.
func (n *node) hears(topic string) bool {
	for f := range n.filters {
		if wire.Covers(f, topic) {
			return true
		}
	}
	return false
}

// deliver requires mu.
func (b *bus) deliver(n *node, m transport.Message, retained bool) {
	if !n.online || !n.hears(m.Topic) || b.loses != nil && b.loses(n.name(), m.Topic) {
		return
	}
	n.got = append(n.got, m.Topic)
	n.inbox <- func() {
		switch topic := n.mesh.topics.Parse(m.Topic); topic.Kind {
		case wire.InfoAll:
			if client := n.mesh.HearInfo(m.Payload); client != "" {
				n.tell("heard " + client)
			}
		case wire.HereOf:
			if client := n.mesh.HearHere(topic.Client, m.Payload, retained); client != "" {
				n.tell("heard " + client)
			}
		case wire.Announce:
			if e := n.mesh.HearNode(topic.Client, m.Payload, retained); e != (Effect{}) {
				n.tell(fmt.Sprintf("announced %s %+v", topic.Client, e))
			}
		}
	}
}

// on returns the messages that were sent on a topic.
func (b *bus) on(topic string) []transport.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.sent), func(m transport.Message) bool { return m.Topic != topic })
}

// copy returns what is retained on a topic.
func (b *bus) copy(topic string) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.retained[topic].Payload
}

// count returns one of the node's counts.
func (n *node) count(of *int) int {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return *of
}

// beat publishes a client's presence as existing peers do, with a clock that is ahead.
func (b *bus) beat(client string, ahead time.Duration) {
	b.publish(transport.Message{Topic: wire.Topics("").Info(),
		Payload: wire.Info{Sender: client, Message: wire.Connected, Until: beatUntil(time.Now().Add(ahead), time.Second)}.Encode()})
}

// Publish implements Broker.
func (n *node) Publish(_ context.Context, m transport.Message) error {
	n.bus.mu.Lock()
	if n.bus.ends && m.Retain {
		n.online = false
	}
	online, denied := n.online, n.denies == m.Topic
	n.bus.mu.Unlock()
	if !online {
		return transport.ErrOffline
	}
	if denied {
		return nil
	}
	n.bus.publish(m)
	return nil
}

// PublishAsync implements Broker.
func (n *node) PublishAsync(ctx context.Context, m transport.Message) (*transport.Token, error) {
	return nil, n.Publish(ctx, m)
}

// interrupt calls during.
func (n *node) interrupt() {
	n.bus.mu.Lock()
	during := n.during
	n.during = nil
	n.bus.mu.Unlock()
	if during != nil {
		during()
	}
}

// Ask implements Broker.
func (n *node) Ask(_ context.Context, topics ...string) error {
	n.interrupt()
	n.bus.mu.Lock()
	if slices.Equal(topics, []string{n.mesh.topics.NodeOf(n.name())}) {
		n.asked++
	} else {
		n.renewed++
	}
	online := n.online
	n.bus.mu.Unlock()
	if !online {
		return transport.ErrOffline
	}
	n.subscribe(0, topics...)
	return nil
}

// Resubscribe implements Broker.
func (n *node) Resubscribe(_ context.Context, topics ...string) error {
	n.interrupt()
	n.bus.mu.Lock()
	n.renewed++
	online := n.online
	n.bus.mu.Unlock()
	if !online {
		return transport.ErrOffline
	}
	n.subscribe(1, topics...)
	return nil
}

// Unsubscribe implements Broker.
func (n *node) Unsubscribe(_ context.Context, topics ...string) error {
	n.interrupt()
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if !n.online {
		return transport.ErrOffline
	}
	for _, t := range topics {
		delete(n.filters, t)
	}
	return nil
}

// Heard implements Broker.
func (n *node) Heard() {}

// Online implements Broker.
func (n *node) Online() bool {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if n.looks++; n.looks > 100_000 { // a bubble never ends if something loops without a pause
		panic("the node keeps asking whether it is connected")
	}
	return n.online
}

func (n *node) tell(line string) {
	n.bus.mu.Lock()
	n.told = append(n.told, line)
	n.bus.mu.Unlock()
}

// news returns the lines that contain a text, and forgets all lines.
func (n *node) news(text string) []string {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	all := n.told
	n.told = nil
	return slices.DeleteFunc(all, func(l string) bool { return !strings.Contains(l, text) })
}

// presence counts the messages of presence and the announcements that were delivered since the last call, in all and by topic.
func (n *node) presence() (all int, by map[string]int) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	by = map[string]int{}
	for _, topic := range n.got {
		by[topic]++
	}
	all, n.got = len(n.got), nil
	return all, by
}

// logged counts the log lines that contain a text.
func (n *node) logged(text string) int {
	return n.log.Filter(func(e observer.LoggedEntry) bool { return strings.Contains(e.Message, text) }).Len()
}

// memory is a Memory without a database.
type memory struct {
	mu     sync.Mutex
	met    []Met
	writes int
	err    error
}

func (m *memory) Met(context.Context, []string, int) ([]Met, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.met), m.err
}

func (m *memory) Note(_ context.Context, clients []Met, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.writes++; m.err == nil {
		for _, c := range clients {
			m.met = append(slices.DeleteFunc(m.met, func(o Met) bool { return o.Client == c.Client }), c)
		}
	}
	return m.err
}
