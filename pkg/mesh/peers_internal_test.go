package mesh

import (
	"fmt"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
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
	m := newBus(t).add(&config.Config{ClientName: "node-a", AcceptFrom: []string{"node-b"}}, &memory{}).mesh
	for _, c := range []string{"node-b", "stranger"} {
		payload := wire.Node{Client: c, Protocol: wire.Protocol, Version: "1", Session: 1, ReceiveTables: []string{}}.Encode()
		m.HearNode(c, payload, true)
		if m.IsNode(c) {
			t.Errorf("%s is taken for a node by what the broker keeps", c)
		}
		if m.HearNode(c, payload, false); m.IsNode(c) != (c == "node-b") {
			t.Errorf("%s has announced itself; it is a node: %v", c, m.IsNode(c))
		}
	}
}
