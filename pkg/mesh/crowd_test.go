package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// client is a node without a database: it only knows who is there.
type client struct {
	name    string
	remotes []string
	line    mesh.Line

	mu  sync.Mutex
	got map[wire.Kind]int // messages of presence and announcements that arrived
}

// nobody is a mesh.Memory without a database.
type nobody struct{ met []mesh.Met }

func (n nobody) Met(context.Context, []string, int) ([]mesh.Met, error) { return n.met, nil }
func (n nobody) Note(context.Context, []mesh.Met, time.Time) (_ error)  { return nil }

// join runs a client until the test ends. It remembers its remotes as nodes.
func join(t *testing.T, b *testkit.Broker, name string, remotes ...string) *client {
	t.Helper()
	cfg := &config.Config{ClientName: name, RemoteClients: remotes, AcceptFrom: remotes, SyncTables: []string{"orders"}, ReceiveTables: []string{"orders"},
		CheckInterval: time.Second, TombstoneRetention: 30 * 24 * time.Hour, MaxRowBytes: 1 << 20,
		MQTT: config.MQTT{Servers: []string{b.URL()}, ClientID: "mysql-sync-" + name, Clean: true, KeepAlive: time.Minute, ConnectTimeout: 10 * time.Second, ReconnectPeriod: 100 * time.Millisecond}}
	c := &client{name: name, remotes: remotes, got: map[wire.Kind]int{}}
	var err error
	if c.line, err = mesh.NewLine(cfg, zap.NewNop(), "test", true, time.Now); err != nil {
		t.Fatal(err)
	}
	var memory nobody
	for _, r := range remotes {
		memory.met = append(memory.met, mesh.Met{Client: r, Here: true})
	}
	if err := c.line.Mesh.Recall(t.Context(), memory); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.line.Mesh.Run(ctx, memory) })
	g.Go(func() error {
		return c.line.Transport.Run(ctx, transport.Handlers{Deliver: c.deliver, OnDown: c.line.Mesh.Down, OnUp: func(ctx context.Context) error {
			err := c.line.Mesh.Announce(ctx)
			c.line.Mesh.AskOwn(ctx)
			return err
		}})
	})
	t.Cleanup(func() {
		stop()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *client) deliver(d transport.Delivery) {
	topic := c.line.Topics.Parse(d.Topic)
	c.mu.Lock()
	c.got[topic.Kind]++
	c.mu.Unlock()
	switch topic.Kind {
	case wire.InfoAll:
		c.line.Mesh.HearInfo(d.Payload)
	case wire.HereOf:
		c.line.Mesh.HearHere(topic.Client, d.Payload, d.Retained)
	case wire.Announce:
		c.line.Mesh.HearNode(topic.Client, d.Payload, d.Retained)
	}
	go d.Ack()
}

// heard returns how many messages of a kind have arrived, and how many in all.
func (c *client) heard(kind wire.Kind) (of, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.got {
		all += n
	}
	return c.got[kind], all
}

// ready waits until a client reaches its remotes, on a connection on which it was heard on its own topic.
func (c *client) ready(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, c.name+" to reach its remotes", func() error {
		for _, r := range c.remotes {
			if got := c.line.Mesh.Reach(r); got != mesh.Ready {
				return fmt.Errorf("%s: %d", r, got)
			}
		}
		if !c.line.Transport.Online() {
			return errors.New("it is offline")
		}
		return nil
	})
}

// What a client is sent when everyone starts, and when the broker comes back without anything, grows with its remotes and not with
// the sites: 30 around a hub, on a real broker.
func TestACrowdIsNotHeardByEachOfItsMembers(t *testing.T) {
	t.Parallel()
	const sites = 30
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	var names []string
	for i := range sites {
		names = append(names, fmt.Sprintf("site-%02d", i))
	}
	all := []*client{join(t, b, "hub", names...)}
	for _, name := range names {
		all = append(all, join(t, b, name, "hub"))
	}
	check := func(what string, most int) {
		t.Helper()
		for _, c := range all {
			c.ready(t)
		}
		for _, c := range all {
			if n := c.line.Mesh.Sites(); n != sites {
				t.Errorf("%s: %s takes turns with %d sites", what, c.name, n)
			}
			info, got := c.heard(wire.InfoAll)
			if info > 0 || got > most*(len(c.remotes)+1) {
				t.Errorf("%s: %s with %d remotes was sent %d messages, %d of them on /info", what, c.name, len(c.remotes), got, info)
			}
		}
	}
	check("at first", 12)
	b.Kill()
	for _, c := range all {
		testkit.Eventually(t, c.name+" to notice", func() error {
			if c.line.Transport.Online() {
				return errors.New("it is online")
			}
			return nil
		})
	}
	b.Start()
	check("after a restart of the broker", 24)
	// A site that is not a partner of another hears nothing of it at all.
	if n := all[1].line.Mesh.Clients(); len(n) != 1 {
		t.Errorf("%s knows %+v", all[1].name, n)
	}
}
