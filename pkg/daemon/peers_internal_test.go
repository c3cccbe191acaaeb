package daemon

import (
	"fmt"
	"io"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestOnlyAKeptAnnouncementOfAStrangerIsDoubted(t *testing.T) {
	t.Parallel()
	a := wire.Node{Client: "b", Protocol: wire.Protocol, Session: 1}
	for _, c := range []struct {
		what   string
		before func(*peers)
		node   bool
	}{
		{"it was only kept by the broker", func(p *peers) { p.note(a, false) }, false},
		{"it announced itself", func(p *peers) { p.note(a, true); p.meet("b") }, true},
		{"it was met in an earlier run", func(p *peers) { p.recall([]string{"b"}); p.note(a, false) }, true},
		{"it was met and announces nothing", func(p *peers) { p.recall([]string{"b"}) }, true},
		{"it has taken its announcement back", func(p *peers) { p.note(a, true); p.meet("b"); p.forget("b") }, true},
		{"it answered", func(p *peers) { p.note(a, false); p.meet("b") }, true},
		{"nothing is known of it", func(*peers) {}, false},
	} {
		p := newPeers(nil)
		c.before(p)
		p.doubt("b")
		if p.speaksBatches("b") != c.node || p.isNode("b") != c.node {
			t.Errorf("%s: it is a node: %v", c.what, !c.node)
		}
		said := newPeers([]string{"b"})
		c.before(said)
		if said.speaksBatches("b") || said.isNode("b") {
			t.Errorf("%s: the configuration says that it is none", c.what)
		}
	}
	p := newPeers(nil)
	for i := range mostMet + 10 {
		p.meet(fmt.Sprint(i))
	}
	if n := len(p.unwritten()); n != mostMet {
		t.Errorf("%d are remembered", n)
	}
}

// TestASenderIsMetToo: one that is sent nothing, and in whose name changes may come.
func TestASenderIsMetToo(t *testing.T) {
	t.Parallel()
	n, err := New(&config.Config{ClientName: "node-a", AcceptFrom: []string{"node-b"}, ReceiveTables: []string{"orders"},
		MQTT: config.MQTT{Servers: []string{"tcp://127.0.0.1:1"}, ReconnectPeriod: 1e9}}, logging.New(io.Discard), "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"node-b", "stranger"} {
		payload := wire.Node{Client: c, Protocol: wire.Protocol, Version: "1", Session: 1, ReceiveTables: []string{}}.Encode()
		n.onAnnounce(c, payload, true)
		if n.peers.isNode(c) {
			t.Errorf("%s is taken for a node by what the broker keeps", c)
		}
		if n.onAnnounce(c, payload, false); n.peers.isNode(c) != (c == "node-b") {
			t.Errorf("%s has announced itself; it is a node: %v", c, n.peers.isNode(c))
		}
	}
}
