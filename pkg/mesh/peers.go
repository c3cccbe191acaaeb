package mesh

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// peers knows which clients are nodes of this program, and what each has announced.
//
// Once a client has been met as a node it stays one, whatever the broker retains and however long the client is silent,
// until a person says otherwise (version1Clients): version 1 carries no versions, so a row sent to a node that way
// would get a version there that differs from ours. Promise 3.
type peers struct {
	version1 []string        // clients that are not nodes, according to the configuration
	named    []string        // clients that the configuration names
	tables   map[string]bool // tables whose receivers are ever looked up

	mu     sync.Mutex
	node   map[string]announced
	met    map[string]acquaintance // clients seen to speak batches
	here   map[string]told         // what named clients have announced about their presence
	others int                     // how many of met are not named
	kick   chan struct{}           // a client was met, or is no longer as the Memory has it
}

// acquaintance is what is remembered of a client that was met.
type acquaintance struct{ here, written bool } // see Met; the Memory has it

// told is Node.Here as announced.
type told struct{ here, live bool }

type announced struct {
	wire.Node
	live bool // heard on this connection, not only retained by the broker; see unheard
}

// mostMet bounds how many clients are remembered besides the named ones, however many names someone invents. Promise
// 10.
const mostMet = 10_000

func newPeers(version1, named, tables []string) *peers {
	asked := make(map[string]bool, len(tables))
	for _, t := range tables {
		asked[t] = true
	}
	return &peers{version1: version1, named: named, tables: asked, node: map[string]announced{}, met: map[string]acquaintance{}, here: map[string]told{}, kick: make(chan struct{}, 1)}
}

// note stores an announcement and returns the previous one. The broker's copy does not replace an announcement heard live:
// then taken is false.
func (p *peers) note(n wire.Node, live bool) (before wire.Node, taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.node[n.Client].Node
	if taken = live || !p.node[n.Client].live; taken {
		p.node[n.Client] = announced{p.asked(n), live}
	}
	return before, taken
}

// asked keeps the part of an announcement that is ever looked up: an announcement may be large, and there is one for each
// remote. Promise 10.
func (p *peers) asked(n wire.Node) wire.Node {
	n.Version = strings.Clone(wire.Shorten(n.Version, 64))
	var asked []string
	for _, table := range n.ReceiveTables {
		if p.tables[table] {
			asked = append(asked, strings.Clone(table))
		}
	}
	slices.Sort(asked)
	n.ReceiveTables = slices.Clone(slices.Compact(asked))
	if n.Seal != nil {
		n.Seal = &wire.Seal{}
	}
	return n
}

// meet records that a client has done what only a node of this program does: it announced itself while we listened, sent
// a batch, or answered one. A copy retained by the broker does not count: it does not tell who has the name now.
func (p *peers) meet(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.met[client]; known || !p.admit(client) {
		return
	}
	p.remembers(client, p.here[client].here)
}

// remembers has the Memory written. It requires mu.
func (p *peers) remembers(client string, here bool) {
	p.met[client] = acquaintance{here: here}
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// tells notes whether a named client announces that it tells its presence on its own topic. It reports whether that is news. As in
// note, the broker's copy does not replace what was heard live.
func (p *peers) tells(client string, here, live bool) (news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.here[client]
	if !slices.Contains(p.named, client) || before.live && !live {
		return false
	}
	p.here[client] = told{here, live}
	if a, met := p.met[client]; met && a.here != here {
		p.remembers(client, here)
		return true
	}
	return !known || before.here != here
}

// speaksHere reports whether a client is known to tell its presence on its own topic, and to hear ours there. It must have been
// met: the broker's copy does not tell who has the name now, and an existing peer would wait on /info for ever.
func (p *peers) speaksHere(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, met := p.met[client]
	if t, known := p.here[client]; known {
		a.here = t.here
	}
	return met && a.here && !p.isVersion1(client)
}

// recall notes clients that the Memory has.
func (p *peers) recall(clients []Met) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range clients {
		if a, known := p.met[c.Client]; known && a.here != c.Here {
			continue // it has announced something else meanwhile
		} else if known || p.admit(c.Client) {
			p.met[c.Client] = acquaintance{here: c.Here, written: true}
		}
	}
}

// admit reports whether there is room for a client that was not met before. Named clients always have room.
func (p *peers) admit(client string) bool {
	switch {
	case slices.Contains(p.named, client):
		return true
	case p.others >= mostMet:
		return false
	}
	p.others++
	return true
}

// unwritten returns the clients that the Memory lacks.
func (p *peers) unwritten() (clients []Met) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, a := range p.met {
		if !a.written {
			clients = append(clients, Met{c, a.here})
		}
	}
	return clients
}

// isNode reports whether a client was met as a node of this program.
func (p *peers) isNode(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, met := p.met[client]
	return met && !p.isVersion1(client)
}

// isVersion1 reports whether the configuration says that a client is not a node.
func (p *peers) isVersion1(client string) bool { return slices.Contains(p.version1, client) }

// speaksBatches reports whether a client is sent batches.
func (p *peers) speaksBatches(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, met := p.met[client]
	return (met || p.node[client].Protocol >= wire.Protocol) && !p.isVersion1(client)
}

// announced reports whether a client has announced in this run what it accepts.
func (p *peers) announced(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node[client].Protocol >= wire.Protocol
}

// outdated reports whether a client was heard on its own topic as another run than the one that it announced. Then the broker's copy
// counts for more than what was heard live.
func (p *peers) outdated(client string, now topic) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, known := p.node[client]
	if !known || !now.live || now.session == a.Session {
		return false
	}
	a.live = false
	p.node[client] = a
	return true
}

// receives reports whether a client has announced that it accepts a table.
func (p *peers) receives(client, table string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.node[client].ReceiveTables, table)
}

// declines reports whether a client that is sent batches has announced what it accepts, and this table is not included.
// The content of a sealed announcement that could not be opened is unknown.
func (p *peers) declines(client, table string) bool {
	if !p.speaksBatches(client) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.node[client]
	hidden := n.Seal != nil && n.Version == ""
	return n.Protocol >= wire.Protocol && !hidden && !slices.Contains(n.ReceiveTables, table)
}

// maxRow returns the size of the largest row that a client accepts, in bytes.
func (p *peers) maxRow(client string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.node[client].MaxRow; n > 0 {
		return n
	}
	return math.MaxInt
}

// routes reports whether a client has announced that it understands withdrawn rows.
func (p *peers) routes(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node[client].Routes
}

// merges reports whether a client has announced that it understands which writes made which columns.
func (p *peers) merges(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node[client].Merges
}

// counts reports whether a client has announced that it understands counters.
func (p *peers) counts(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node[client].Counts
}

// acts reports whether a client has announced that it can be asked to do something.
func (p *peers) acts(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node[client].Acts
}

// unheard records that the connection is lost: from now on, the broker's copies may be newer than what was heard live.
func (p *peers) unheard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for client, a := range p.node {
		a.live = false
		p.node[client] = a
	}
	for client, t := range p.here {
		t.live = false
		p.here[client] = t
	}
}

// doubt forgets a client's announcement if it is only the broker's copy, and the client was never met. The caller has seen
// that the client does not answer batches: another program may have taken the name. It reports whether there was one.
func (p *peers) doubt(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.node[client]
	if _, met := p.met[client]; met || !ok || n.live {
		return false
	}
	delete(p.node, client)
	return true
}

// forget drops a withdrawn announcement. A node remains one.
func (p *peers) forget(client string) {
	p.mu.Lock()
	delete(p.node, client)
	p.mu.Unlock()
}
