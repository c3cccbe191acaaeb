package mesh

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// peers knows which clients are nodes of this program, and what they have announced.
// Who was met as one is one until a person says otherwise (version1Clients), whatever
// the broker keeps, and however long it says nothing: version 1 has no versions, and a
// row that went to a node in it would have another version there than here. Promise 3.
type peers struct {
	version1 []string // who is none, by the configuration

	mu   sync.Mutex
	node map[string]announced
	met  map[string]bool // that they speak batches was seen; true: that is in sync_clients
	kick chan struct{}   // somebody was met
}

type announced struct {
	wire.Node
	live bool // heard since we are connected, not only kept by the broker
}

// mostMet bounds how many clients are remembered, whoever invents names. Promise 10.
const mostMet = 10_000

func newPeers(version1 []string) *peers {
	return &peers{version1: version1, node: map[string]announced{}, met: map[string]bool{}, kick: make(chan struct{}, 1)}
}

// note keeps an announcement and returns the one before. That of a known live
// peer is not replaced by the broker's older copy: taken is false then.
func (p *peers) note(n wire.Node, live bool) (before wire.Node, taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.node[n.Client].Node
	if taken = live || !p.node[n.Client].live; taken {
		p.node[n.Client] = announced{n, live}
	}
	return before, taken
}

// meet says that a client does what only a node of this program does: it announced
// itself while we listened, sent a batch, or answered one. A copy that the broker kept
// says nothing about who has the name now.
func (p *peers) meet(client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.met[client]; known || len(p.met) >= mostMet {
		return
	}
	p.met[client] = false
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// recall says that clients are in sync_clients.
func (p *peers) recall(clients []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range clients {
		p.met[c] = true
	}
}

// unwritten returns those that are not in sync_clients yet.
func (p *peers) unwritten() (clients []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, written := range p.met {
		if !written {
			clients = append(clients, c)
		}
	}
	return clients
}

// isNode reports whether the client was met as a node of this program.
func (p *peers) isNode(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, met := p.met[client]
	return met && !p.isVersion1(client)
}

// isVersion1 reports whether the configuration says that the client is none.
func (p *peers) isVersion1(client string) bool { return slices.Contains(p.version1, client) }

// speaksBatches reports whether the client is sent batches.
func (p *peers) speaksBatches(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, met := p.met[client]
	return (met || p.node[client].Protocol >= wire.Protocol) && !p.isVersion1(client)
}

// announced reports whether the client has said in this run what it takes.
func (p *peers) announced(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node[client].Protocol >= wire.Protocol
}

// receives reports whether the client has announced that it takes the table.
func (p *peers) receives(client, table string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.node[client].ReceiveTables, table)
}

// declines reports whether the client is sent batches and has announced what it takes, and
// the table is not among it. Of an announcement that is sealed and cannot be opened nobody
// knows.
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

// maxRow returns how many bytes the largest row may have that a client takes.
func (p *peers) maxRow(client string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.node[client].MaxRow; n > 0 {
		return n
	}
	return math.MaxInt
}

// doubt forgets an announcement that only the broker kept, of a client that was never
// met: it does not answer batches, so another program may have taken the name.
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

// forget drops an announcement that was taken back. Who took it back is what it was.
func (p *peers) forget(client string) {
	p.mu.Lock()
	delete(p.node, client)
	p.mu.Unlock()
}

// What senders ask about a client, in the order in which it matters to them:

// Online reports whether the client is there.
func (m *Mesh) Online(client string) bool { return m.presence.Online(client) }

// SpeaksBatches reports whether the client is sent batches.
func (m *Mesh) SpeaksBatches(client string) bool { return m.peers.speaksBatches(client) }

// IsNode reports whether the client was met as a node of this program.
func (m *Mesh) IsNode(client string) bool { return m.peers.isNode(client) }

// Announced reports whether the client has said in this run what it takes.
func (m *Mesh) Announced(client string) bool { return m.peers.announced(client) }

// Receives reports whether the client has announced that it takes the table.
func (m *Mesh) Receives(client, table string) bool { return m.peers.receives(client, table) }

// Declines reports whether the client is sent batches and has announced what it takes, and
// the table is not among it.
func (m *Mesh) Declines(client, table string) bool { return m.peers.declines(client, table) }

// TakesUnasked reports whether a remote is there and takes rows of a table that
// it did not ask for: existing peers are sent changes only.
func (m *Mesh) TakesUnasked(remote, table string) bool {
	return m.Online(remote) && m.SpeaksBatches(remote) && m.Receives(remote, table)
}

// MaxRow returns how many bytes the largest row may have that a client takes.
func (m *Mesh) MaxRow(client string) int { return m.peers.maxRow(client) }

// Ahead returns by how much, at most, a client's clock is ahead of ours, as its last beat shows, or 0 where that may as
// well be a long lease.
func (m *Mesh) Ahead(client string) time.Duration { return m.presence.Ahead(client) }

// Behind returns by how much, at least, a client's clock is behind ours, or its messages are late.
func (m *Mesh) Behind(client string) time.Duration { return m.presence.Behind(client) }

// Clients returns all that were heard, in no order.
func (m *Mesh) Clients() []Client { return m.presence.Clients() }

// Met says that a client has sent or answered a batch, as only a node of this program does.
func (m *Mesh) Met(client string) { m.peers.meet(client) }

// Doubt forgets an announcement that only the broker kept, of a client that does not answer batches and was never met:
// another program may have taken the name. It reports whether there was one. Who must seal is never spoken to otherwise.
func (m *Mesh) Doubt(client string) bool {
	return !m.sealing.required(client) && m.peers.doubt(client)
}
