package node

import "github.com/mysql-sync/mysql-sync/pkg/mesh"

// down runs when the connection to the broker is lost.
func (n *Node) down() {
	n.line.mesh.Down()
	n.wakeSenders()
}

// meshNews tells the senders of a node, and the answers that wait, what becomes of the clients; see mesh.News.
type meshNews struct{ n *Node }

// Up has what waited for the broker sent.
func (m meshNews) Up() { m.n.wakeSenders() }

// Heard has what waited for a client sent, or lets it rest.
func (m meshNews) Heard(client string) {
	if s := m.n.senders()[client]; s != nil {
		s.Wake()
	}
	m.n.in.answers.Wake()
}

// Announced has rows tried again that the remote may take now, or has lost.
func (m meshNews) Announced(remote string, e mesh.Effect) {
	s := m.n.senders()[remote]
	if s == nil {
		return
	}
	if e.Other {
		s.Retry()
	}
	if e.Up {
		s.Connected()
	}
}
