package mesh

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

func TestOnlyARetainedAnnouncementOfAStrangerIsDoubted(t *testing.T) {
	t.Parallel()
	a := wire.Node{Client: "b", Protocol: wire.Protocol, Session: 1}
	for _, c := range []struct {
		what   string
		before func(*peers)
		node   bool
	}{
		{"it was only retained by the broker", func(p *peers) { p.note(a, false) }, false},
		{"it announced itself", func(p *peers) { p.note(a, true); p.meet("b") }, true},
		{"it was met in an earlier run", func(p *peers) { p.recall([]Met{{Client: "b"}}); p.note(a, false) }, true},
		{"it was met and announces nothing", func(p *peers) { p.recall([]Met{{Client: "b"}}) }, true},
		{"it withdrew its announcement", func(p *peers) { p.note(a, true); p.meet("b"); p.forget("b") }, true},
		{"it answered", func(p *peers) { p.note(a, false); p.meet("b") }, true},
		{"nothing is known about it", func(*peers) {}, false},
	} {
		p := newPeers(nil, nil, nil)
		c.before(p)
		p.doubt("b")
		if p.speaksBatches("b") != c.node || p.isNode("b") != c.node {
			t.Errorf("%s: it is a node: %v", c.what, !c.node)
		}
		said := newPeers([]string{"b"}, nil, nil)
		c.before(said)
		if said.speaksBatches("b") || said.isNode("b") {
			t.Errorf("%s: the configuration says that it is not a node", c.what)
		}
	}
	p := newPeers(nil, nil, nil)
	for i := range mostMet + 10 {
		p.meet(fmt.Sprint(i))
	}
	if n := len(p.unwritten()); n != mostMet {
		t.Errorf("%d are remembered", n)
	}
}

// TestInventedNamesDisplaceNoConfiguredClient: configured clients are remembered however many others were met before.
func TestInventedNamesDisplaceNoConfiguredClient(t *testing.T) {
	t.Parallel()
	p := newPeers(nil, []string{"node-b", "node-c"}, nil)
	p.recall([]Met{{Client: "node-c"}})
	for i := range mostMet + 10 {
		p.meet(fmt.Sprint(i))
	}
	p.meet("node-b")
	if !p.isNode("node-b") || !p.isNode("node-c") {
		t.Error("a configured client is not remembered")
	}
	if n := len(p.unwritten()); n != mostMet+1 {
		t.Errorf("%d are remembered", n)
	}
}

// TestOnlyTheUsedPartsOfAnAnnouncementAreKept: it may have a megabyte.
func TestOnlyTheUsedPartsOfAnAnnouncementAreKept(t *testing.T) {
	t.Parallel()
	p := newPeers(nil, nil, []string{"orders", "parts"})
	a := wire.Node{Client: "b", Protocol: wire.Protocol, Session: 1, Version: strings.Repeat("x", 1000), Seal: &wire.Seal{Boxes: map[string][]byte{"k": nil}}}
	for i := range 1000 {
		a.ReceiveTables = append(a.ReceiveTables, fmt.Sprint(i))
	}
	a.ReceiveTables = append(a.ReceiveTables, "parts", "parts")
	p.note(a, true)
	if !p.receives("b", "parts") || p.receives("b", "orders") || p.declines("b", "parts") || !p.declines("b", "orders") {
		t.Error("what the remote accepts is unknown")
	}
	kept := p.node["b"].Node
	if len(kept.ReceiveTables) != 1 || len(kept.Version) > 200 || len(kept.Seal.Boxes) > 0 {
		t.Errorf("kept %.200v", kept)
	}
	p.note(wire.Node{Client: "b", Protocol: wire.Protocol, Seal: &wire.Seal{}}, true)
	if p.declines("b", "orders") {
		t.Error("an announcement that cannot be opened counts as accepting nothing")
	}
}

// TestASenderIsMetToo: a client that is sent nothing, and in whose name changes may arrive.
func TestASenderIsMetToo(t *testing.T) {
	t.Parallel()
	m := newBus(t).add(&config.Config{ClientName: "node-a", AcceptFrom: []string{"node-b"}}, &memory{}).mesh
	for _, c := range []string{"node-b", "stranger"} {
		payload := wire.Node{Client: c, Protocol: wire.Protocol, Version: "1", Session: 1, ReceiveTables: []string{}}.Encode()
		m.HearNode(c, payload, true)
		if m.IsNode(c) {
			t.Errorf("%s counts as a node because of a retained message", c)
		}
		if m.HearNode(c, payload, false); m.IsNode(c) != (c == "node-b") {
			t.Errorf("%s has announced itself; it is a node: %v", c, m.IsNode(c))
		}
	}
}
