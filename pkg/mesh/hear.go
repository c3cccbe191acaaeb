package mesh

import (
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// HearInfo takes a message of /info: who is there.
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
		if m.presence.Beat(i.Sender, i.Until) {
			m.c.Refused.Comes(zap.InfoLevel, "client online", i.Sender)
			if d := m.presence.Ahead(i.Sender); d > 0 {
				m.c.Refused.Comes(zap.WarnLevel, "a client says that it is there for very long: if its clock is ahead, its writes win over those made here meanwhile", i.Sender, zap.Duration("by", d))
			}
			m.beatSoon()
		}
	case wire.ConnectionLost:
		if m.presence.Lost(i.Sender) {
			m.c.Refused.Comes(zap.InfoLevel, "client offline", i.Sender, zap.String("reason", "it said so, or the broker for it"))
		}
	}
	m.c.News.Heard(i.Sender)
}

// HearNode takes a message of /node/{client}: what the client speaks and takes. It is retained where the broker kept it.
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
	if !m.isRemote(client) { // it is sent answers alone
		m.meet(client, hello)
		return
	}
	before, taken := m.peers.note(a, !retained)
	if taken {
		m.meet(client, hello)
	}
	e := effectOf(before, a, !retained)
	if e.Anew { // its presence may have told nothing
		m.beatSoon()
	}
	m.c.News.Announced(client, e)
}

// Effect is what an announcement of a remote changes for who sends to it.
type Effect struct {
	Anew  bool // it has come as another run than before
	Other bool // what it refused it may take now
	Up    bool // it has just connected: what was on its way may be lost
}

// effectOf tells what an announcement changes, after one before; live: it was not only kept by the broker. One that has only
// further definitions comes from a remote that has been connected all the time.
func effectOf(before, a wire.Node, live bool) Effect {
	run, definitions := before.Session != a.Session, before.Definitions != a.Definitions
	return Effect{Anew: live && run, Other: run || definitions, Up: live && (run || !definitions)}
}
