package mesh

import (
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// HearInfo handles a message on /info: a client says that it is online, or that it leaves. It returns the client, which
// need not be a remote, or "".
func (m *Mesh) HearInfo(payload []byte) (client string) {
	i, err := wire.ParseInfo(payload)
	if err != nil {
		m.c.Refused.Broken("message refused", i.Sender, zap.String("topic", m.topics.Info()), zap.Error(err))
		return ""
	}
	if i.Sender == m.c.Node.ClientName {
		m.own.beatCame(payload)
		if m.voice.disproves() {
			m.c.Log.Warn("this node's presence on its own topic does not come back: an ACL denies writing or reading it; using /info instead, which all clients of the mesh read",
				zap.String("topic", m.topics.HereOf(m.c.Node.ClientName)))
		}
		return ""
	}
	switch i.Message {
	case wire.Connected:
		if m.presence.beat(i.Sender, i.Until) {
			m.c.Refused.Comes(zap.InfoLevel, "client online", i.Sender)
			m.tellAhead(i.Sender)
			m.beatSoon()
		}
	case wire.ConnectionLost:
		if m.presence.lost(i.Sender) {
			m.c.Refused.Comes(zap.InfoLevel, "client offline", i.Sender, zap.String("reason", "it said so, or the broker for it"))
		}
	}
	return i.Sender
}

// tellAhead logs that a client's clock may be far ahead.
func (m *Mesh) tellAhead(client string) {
	if d := m.presence.ahead(client); d > 0 {
		m.c.Refused.Comes(zap.WarnLevel, "a client claims to be online far into the future: if its clock is ahead, its writes win over those made here meanwhile", client, zap.Duration("by", d))
	}
}

// HearNode handles a message on /node/{client}: what the client speaks and accepts. A retained message is the broker's
// copy. It returns what that changes for the client's sender, if the client is a remote.
func (m *Mesh) HearNode(client string, payload []byte, retained bool) (e Effect) {
	if client == m.c.Node.ClientName {
		m.hearOwn(payload, retained)
		return e
	}
	if !m.isRemote(client) && !m.c.Node.AcceptsFrom(client) {
		return e
	}
	if len(payload) == 0 {
		m.peers.forget(client)
		m.meet(client, nil)
		return e
	}
	a, err := wire.ParseNode(client, payload)
	if err != nil {
		m.c.Refused.Broken("announcement refused", client, zap.Error(err))
		return e
	}
	a, hello, err := m.sealing.hear(a)
	if err != nil {
		m.c.Refused.Unopened(zap.WarnLevel, client, wire.Announce, err)
		return e
	}
	if !retained {
		m.peers.meet(client)
		m.presence.spoke(client)
	}
	if m.peers.tells(client, a.Here, !retained) {
		m.beatSoon() // /info may be needed, or no longer
	}
	if !m.isRemote(client) { // it gets only answers
		m.meet(client, hello)
		return e
	}
	before, taken := m.peers.note(a, !retained)
	if taken {
		m.meet(client, hello)
	}
	e = effectOf(before, a, !retained)
	if e.Anew { // its presence may never have run out, so it would not count as a newcomer
		m.beatSoon()
	}
	return e
}

// Effect is what a remote's announcement changes for the remote's sender.
type Effect struct {
	Anew  bool // it has restarted
	Other bool // it may now accept what it refused before
	Up    bool // it has just connected: messages in flight to it may be lost
}

// effectOf returns what an announcement changes, given the previous one. live means that it is not the broker's copy. An
// announcement that differs only in the count of definitions comes from a remote that never lost its connection.
func effectOf(before, a wire.Node, live bool) Effect {
	run, definitions := before.Session != a.Session, before.Definitions != a.Definitions
	return Effect{Anew: live && run, Other: run || definitions, Up: live && (run || !definitions)}
}
