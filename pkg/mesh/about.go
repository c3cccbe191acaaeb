package mesh

import "time"

// Online reports whether a client is there.
func (m *Mesh) Online(client string) bool { return m.presence.online(client) }

// Clients returns all clients heard from, in no particular order.
func (m *Mesh) Clients() []Client { return m.presence.clients() }

// Ahead returns by how much, at most, a client's clock is ahead of ours, judging by its last beat; 0 if a long lease
// explains the beat. Existing peers refuse messages dated before their own start.
func (m *Mesh) Ahead(client string) time.Duration { return m.presence.ahead(client) }

// Behind returns by how much, at least, a client's clock is behind ours or its messages are late, judging by its last
// beat.
func (m *Mesh) Behind(client string) time.Duration { return m.presence.behind(client) }

// SpeaksBatches reports whether to send a client batches rather than version 1.
func (m *Mesh) SpeaksBatches(client string) bool { return m.peers.speaksBatches(client) }

// IsNode reports whether a client was met as a node of this program.
func (m *Mesh) IsNode(client string) bool { return m.peers.isNode(client) }

// Met records that a client has sent or answered a batch, which only a node of this program does.
func (m *Mesh) Met(client string) {
	m.peers.meet(client)
	m.presence.spoke(client)
}

// Doubt forgets what the broker has retained about a client that does not answer batches and was never met: another
// program may have taken the name. It reports whether there was anything to forget. A client that must seal can only be
// a node.
func (m *Mesh) Doubt(client string) bool {
	return !m.sealing.required(client) && m.peers.doubt(client)
}

// Announced reports whether a client has announced in this run what it accepts.
func (m *Mesh) Announced(client string) bool { return m.peers.announced(client) }

// Receives reports whether a client has announced that it accepts a table.
func (m *Mesh) Receives(client, table string) bool { return m.peers.receives(client, table) }

// Declines reports whether a client that is sent batches has announced what it accepts, and this table is not included.
func (m *Mesh) Declines(client, table string) bool { return m.peers.declines(client, table) }

// TakesUnasked reports whether a remote is online and accepts rows of a table that it did not ask for. Existing peers
// are sent changes only.
func (m *Mesh) TakesUnasked(remote, table string) bool {
	return m.Online(remote) && m.SpeaksBatches(remote) && m.Receives(remote, table)
}

// Routes reports whether a client understands withdrawn rows, and is sent batches. Others are sent deletes.
func (m *Mesh) Routes(client string) bool { return m.SpeaksBatches(client) && m.peers.routes(client) }

// Merges reports whether a client understands which writes made which columns, and is sent batches.
func (m *Mesh) Merges(client string) bool { return m.SpeaksBatches(client) && m.peers.merges(client) }

// Counts reports whether a client understands counters, and is sent batches.
func (m *Mesh) Counts(client string) bool { return m.SpeaksBatches(client) && m.peers.counts(client) }

// Acts reports whether a client can be asked to do something, and is sent batches.
func (m *Mesh) Acts(client string) bool { return m.SpeaksBatches(client) && m.peers.acts(client) }

// MaxRow returns the size of the largest row that a client accepts, in bytes.
func (m *Mesh) MaxRow(client string) int { return m.peers.maxRow(client) }
