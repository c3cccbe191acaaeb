package node

import (
	"errors"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// live returns what the state tells of the node beside its own tables.
func (n *Node) live() status.Live {
	l := status.Live{
		Version: n.version, Started: n.started, LogLevel: n.logging.Level(), Broker: n.broker(), SetBack: n.doubts.SetBack(),
		Clients: n.clients(), Declines: n.line.mesh.Declines, Trouble: status.Trouble{Unkept: n.line.mesh.Unkept()},
	}
	w := n.work.Load()
	if w == nil {
		return l
	}
	l.Step = n.step()
	l.Found, l.Altered = map[string]int64{}, map[string]int64{}
	for _, c := range w.applier.Conflicts() {
		l.Found[c.Table] += int64(c.Count)
	}
	altered := w.applier.Altered()
	for _, x := range altered {
		l.Altered[x.Table] += int64(x.Count)
	}
	for _, t := range w.transformers.Stats() {
		x := status.Transformer{Table: t.Table, File: t.File, Calls: t.Calls, Errors: t.Errors, Last: t.Last, LastRow: t.LastRow}
		if !t.LastAt.IsZero() {
			x.LastAt = &t.LastAt
		}
		l.Transformers = append(l.Transformers, x)
	}
	l.Trouble.Tables, l.Trouble.Denied, l.Trouble.Unarmed = w.watcher.Trouble(), w.watcher.Denied(), w.watcher.Uncaptured()
	l.Trouble.Vanished, l.Trouble.Unseen = n.doubts.Of(schema.DoubtVanished), n.doubts.Of(schema.DoubtUnseen)
	l.Trouble.Stuck, l.Trouble.Held = w.applier.Stuck(), w.tables.AllAside()
	l.Trouble.Triggers = slices.DeleteFunc(altered, func(x apply.Altered) bool { return !x.Trigger })
	return l
}

// broker returns how the node is connected to its broker.
func (n *Node) broker() status.Link {
	t := n.line.transport.Status()
	l := status.Link{Online: t.Online, Address: t.Server, Since: t.Since}
	switch {
	case t.Err != nil:
		l.Error = t.Err.Error()
		l.Refused = errors.Is(t.Err, transport.ErrRefused) || errors.Is(t.Err, transport.ErrDenied)
	case t.Silent != nil:
		l.Error = t.Silent.Error()
	}
	return l
}

// clients returns what is known of those that the configuration names, and of all others
// as one.
func (n *Node) clients() map[string]status.Client {
	all := map[string]status.Client{}
	for _, name := range append(knownClients(n.cfg), status.Anyone) {
		all[name] = status.Client{Node: n.line.mesh.IsNode(name), Batches: n.line.mesh.SpeaksBatches(name), Unopened: n.line.refused.Of(name), Key: n.line.mesh.KeyOf(name),
			Ahead: n.line.mesh.Ahead(name), Behind: n.line.mesh.Behind(name)}
	}
	for _, p := range n.line.mesh.Clients() {
		if c, named := all[p.Name]; named {
			c.Online, c.Heard = p.Online, p.Heard
			if c.Heard.IsZero() { // it said that it leaves
				c.Heard = p.Until
			}
			all[p.Name] = c
		}
	}
	for name, s := range n.senders() {
		c := all[name]
		c.InFlight, c.Mute = s.InFlight(), s.Mute()
		all[name] = c
	}
	return all
}

// step returns what takes longest now.
func (n *Node) step() status.Step {
	loop, since := n.in.receiver.Longest()
	for remote, s := range n.senders() {
		if at := s.Busy(); !at.IsZero() && (since.IsZero() || at.Before(since)) {
			loop, since = "outbound to "+remote, at
		}
	}
	if since.IsZero() {
		return status.Step{}
	}
	return status.Step{Loop: loop, Seconds: n.now().Sub(since).Seconds()}
}
