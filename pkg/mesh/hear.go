package mesh

import (
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// HearInfo takes a message of /info: a client says that it is there, or leaves.
func (m *Mesh) HearInfo(payload []byte) {
	i, err := wire.ParseInfo(payload)
	if err != nil {
		m.c.Refused.Broken("message refused", i.Sender, zap.String("topic", m.topics.Info()), zap.Error(err))
		return
	}
	if i.Sender == m.c.Node.ClientName {
		m.own.beatCame(payload)
		return
	}
	switch i.Message {
	case wire.Connected:
		if m.presence.beat(i.Sender, i.Until) {
			m.c.Refused.Comes(zap.InfoLevel, "client online", i.Sender)
			if d := m.presence.ahead(i.Sender); d > 0 {
				m.c.Refused.Comes(zap.WarnLevel, "a client claims to be online far into the future: if its clock is ahead, its writes win over those made here meanwhile", i.Sender, zap.Duration("by", d))
			}
			m.beatSoon()
		}
	case wire.ConnectionLost:
		if m.presence.lost(i.Sender) {
			m.c.Refused.Comes(zap.InfoLevel, "client offline", i.Sender, zap.String("reason", "it said so, or the broker for it"))
		}
	}
	m.c.News.Heard(i.Sender)
}

// HearNode takes a message of /node/{client}: what the client speaks and takes. A retained one is the broker's copy.
func (m *Mesh) HearNode(client string, payload []byte, retained bool) {
	if client == m.c.Node.ClientName {
		m.hearOwn(payload, retained)
		return
	}
	if !m.isRemote(client) && !m.c.Node.AcceptsFrom(client) {
		return
	}
	if len(payload) == 0 {
		m.peers.forget(client)
		m.meet(client, nil)
		return
	}
	a, err := wire.ParseNode(client, payload)
	if err != nil {
		m.c.Refused.Broken("announcement refused", client, zap.Error(err))
		return
	}
	a, hello, err := m.sealing.hear(a)
	if err != nil {
		m.c.Refused.Unopened(zap.WarnLevel, client, wire.Announce, err)
		return
	}
	if !retained {
		m.peers.meet(client)
	}
	if !m.isRemote(client) { // it is sent only answers
		m.meet(client, hello)
		return
	}
	before, taken := m.peers.note(a, !retained)
	if taken {
		m.meet(client, hello)
	}
	e := effectOf(before, a, !retained)
	if e.Anew { // it may have been online all along
		m.beatSoon()
	}
	m.c.News.Announced(client, e)
}

// Effect is what an announcement of a remote changes for its sender.
type Effect struct {
	Anew  bool // it runs anew
	Other bool // it may take now what it refused before
	Up    bool // it has just connected: what was on its way to it may be lost
}

// effectOf tells what an announcement changes, given the one before. A live one is no copy of the broker's. One that differs in
// nothing but the count of definitions comes from a remote that has been connected all the time.
func effectOf(before, a wire.Node, live bool) Effect {
	run, definitions := before.Session != a.Session, before.Definitions != a.Definitions
	return Effect{Anew: live && run, Other: run || definitions, Up: live && (run || !definitions)}
}
