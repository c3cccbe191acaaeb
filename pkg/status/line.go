package status

import (
	"errors"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// Line is how a running node and others hear each other.
type Line struct {
	Transport *transport.Session
	Mesh      *mesh.Mesh
	Refused   *mesh.Refusals
}

// LineOf returns the parts of a line that have a state.
func LineOf(l mesh.Line) Line { return Line{Transport: l.Transport, Mesh: l.Mesh, Refused: l.Refused} }

// Live tells what goes on in a node that waits for its database.
func (n Line) Live(clients []string, _ time.Time) Live {
	return Live{Broker: link(n.Transport.Status()), Clients: n.clients(clients), Declines: n.Mesh.Declines, Trouble: Trouble{Unkept: n.Mesh.Unkept()}}
}

// link is how the node is connected to its broker.
func link(t transport.Status) Link {
	l := Link{Online: t.Online, Address: t.Server, Since: t.Since}
	switch {
	case t.Err != nil:
		l.Error = t.Err.Error()
		l.Refused = errors.Is(t.Err, transport.ErrRefused) || errors.Is(t.Err, transport.ErrDenied)
	case t.Silent != nil:
		l.Error = t.Silent.Error()
	}
	return l
}

// clients returns what is known of the clients in the configuration, and of all others as one.
func (n Line) clients(named []string) map[string]Client {
	all := map[string]Client{Anyone: n.client(Anyone)}
	for _, name := range named {
		all[name] = n.client(name)
	}
	for _, p := range n.Mesh.Clients() {
		if c, named := all[p.Name]; named {
			c.Online, c.Heard = p.Online, p.Heard
			if c.Heard.IsZero() { // it has announced its stop
				c.Heard = p.Until
			}
			all[p.Name] = c
		}
	}
	return all
}

func (n Line) client(name string) Client {
	return Client{Node: n.Mesh.IsNode(name), Batches: n.Mesh.SpeaksBatches(name), Unopened: n.Refused.Of(name), Key: n.Mesh.KeyOf(name),
		Ahead: n.Mesh.Ahead(name), Behind: n.Mesh.Behind(name)}
}
