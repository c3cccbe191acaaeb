package mesh

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// singlyMost is up to how many clients' announcements are subscribed to one by one. Beyond that, one filter for all costs a broker less.
const singlyMost = 64

// Plan returns what the node needs of its next connection; last says how the one before ended. Announcements and presence are those of
// the clients that the configuration names, so that a connection costs as many messages as the node has remotes. At QoS 1 are batches,
// of which the broker then holds back those that the node has yet to write, and what existing peers send. A cluster of NATS keeps a group
// of servers for each such subscription, so all else, which is repeated if it is lost, is at QoS 0.
func (m *Mesh) Plan(last error) transport.Plan {
	me := m.c.Node.ClientName
	tries := m.voice.tries(m.c.Now())
	info := m.needsInfo() || !tries || m.voice.isQuiet()
	will := willOf(info, m.own.keepsNothing(), last)
	use := withoutInfo
	if info {
		use = speaksInfo
	}
	here := m.voice.connects(use, will == toInfo)
	m.wide.Store(m.anyone() || len(m.named) > singlyMost || errors.Is(last, transport.ErrDenied)) // an ACL may name the filter for all alone
	surely, loosely := use.topics(m.topics, me)
	p := transport.Plan{Topics: slices.Concat(m.topics.Batches(me), surely), Loose: slices.Concat(m.topics.Answers(me), loosely, m.announcements(m.named)), Trial: will != toInfo}
	if tries {
		p.Light = m.heres()
		p.Refused = func(err error) {
			m.voice.denied()
			m.c.Log.Warn("the broker does not let this node read the presence of others on their own topics; using /info instead, which all clients of the mesh read", zap.Error(err))
		}
	}
	if m.c.Node.Invites() {
		p.Topics = append(p.Topics, m.topics.JoinOf(me, "+", "+"))
	}
	for _, topic := range []string{m.topics.Info(), m.topics.NodeOf("+"), m.topics.HereOf("+")} {
		if !slices.Contains(slices.Concat(p.Topics, p.Loose, p.Light), topic) {
			p.Drop = append(p.Drop, topic)
		}
	}
	lost := m.lostInfo()
	if will != toInfo {
		lost = m.gone(here, will == toHere)
	}
	p.Will = &lost
	return p
}

// anyone reports whether clients may come that the configuration does not name.
func (m *Mesh) anyone() bool { return slices.Contains(m.c.Node.AcceptFrom, config.Anyone) }

// announcements returns the topics of some clients' announcements, and of the node's own.
func (m *Mesh) announcements(clients []string) (topics []string) {
	if m.wide.Load() {
		return []string{m.topics.NodeOf("+")}
	}
	for _, c := range clients {
		topics = append(topics, m.topics.NodeOf(c))
	}
	return append(topics, m.topics.NodeOf(m.c.Node.ClientName))
}

// heres returns the topics on which others tell their presence, and the node's own.
func (m *Mesh) heres() (topics []string) {
	if m.anyone() {
		return []string{m.topics.HereOf("+")}
	}
	for _, c := range m.named {
		topics = append(topics, m.topics.HereOf(c))
	}
	return append(topics, m.topics.HereOf(m.c.Node.ClientName))
}

// Farewell returns what the node says when it stops.
func (m *Mesh) Farewell() (list []transport.Message) {
	m.voice.leaves()
	here := m.voice.connection()
	if m.voice.isUp() {
		list = append(list, m.gone(here, !m.own.keepsNothing()))
	}
	if here.Info || m.usesInfo() {
		list = append(list, m.lostInfo())
	}
	if m.voice.awaits() { // what it said on its topic may have been retained all the same
		list = append(list, m.gone(here, !m.own.keepsNothing()))
	}
	return list
}

func (m *Mesh) lostInfo() transport.Message {
	return transport.Message{Topic: m.topics.Info(), Payload: wire.Info{Sender: m.c.Node.ClientName, Message: wire.ConnectionLost}.Encode(), QoS: 1}
}

// gone returns a message that says on the node's own topic that it has left, of a connection.
func (m *Mesh) gone(h wire.Here, retain bool) transport.Message {
	h.Info, h.Gone = false, true
	return transport.Message{Topic: m.topics.HereOf(m.c.Node.ClientName), Payload: h.Encode(), QoS: 1, Retain: retain}
}

// needsInfo reports whether some client needs presence on /info; see the function of that name.
func (m *Mesh) needsInfo() bool {
	return needsInfo(m.anyone(), m.named, func(client string) bool {
		return m.peers.speaksHere(client) && !m.presence.isOnInfoOnly(client)
	})
}

// usesInfo reports whether this connection tells the node's presence on /info.
func (m *Mesh) usesInfo() bool { return m.voice.isUnheard() || m.needsInfo() }

// publishHere tells the others that the node is online, on its own topic. It returns what is closed once that has come back.
func (m *Mesh) publishHere(ctx context.Context, qos byte, retain bool) (back <-chan struct{}, err error) {
	here := m.ownHere()
	here.QoS, here.Retain = qos, retain
	back = m.voice.speaks(here.Payload, m.c.Now())
	return back, m.c.Broker.Publish(ctx, here)
}

// ownHere returns a message that says on the node's own topic that it is online.
func (m *Mesh) ownHere() transport.Message {
	h := m.voice.connection()
	h.Until = m.c.Now().Add(HereLease)
	if len(m.named) > tellSites {
		h.Sites = len(m.named)
	}
	return transport.Message{Topic: m.topics.HereOf(m.c.Node.ClientName), Payload: h.Encode(), QoS: 1}
}

// tellSites is how many clients a node names at most without saying so: a handful need not take turns.
const tellSites = 10

// Sites returns how many nodes may lose their connections when this one does: those that the node names, or that a partner of its,
// such as a hub, says to name.
func (m *Mesh) Sites() int { return max(len(m.named), m.presence.sites()) }

// appear tells the others, on the node's own topic, that it has connected, and waits until that has come back: only then the
// node announces that it is heard there. The broker keeps the message for latecomers.
func (m *Mesh) appear(ctx context.Context) error {
	if !m.voice.tries(m.c.Now()) {
		return nil
	}
	back, err := m.publishHere(ctx, 1, m.own.retains(m.c.Now()))
	if err == nil {
		select {
		case <-back:
			return nil
		case <-time.After(voiceTime):
			m.voice.fails()
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	m.voice.ended()
	return err
}

// appears repeats the node's presence on its own topic until ctx ends.
func (m *Mesh) appears(ctx context.Context) error {
	const least = 500 * time.Millisecond // between two messages, however many newcomers there are
	for {
		came := false
		select {
		case <-ctx.Done():
			return nil
		case <-m.voice.wake:
			continue
		case <-m.newcomer:
			came = true
		case <-time.After(max(m.voice.next(m.c.Now()), time.Microsecond)): // one that is due at once crashes the race detector in synctest (Go 1.26.8)
		}
		if err := m.repeatHere(ctx, came); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
			m.c.Log.Warn("could not publish presence", zap.Error(err))
		}
		if pause.For(ctx, least) != nil {
			return nil
		}
	}
}

// repeatHere says again that the node is online, or tries whether that comes back by now. came says that it is for a newcomer, whom
// the broker tells if it keeps the first message. One that never met this node waits on /info until it hears the node itself, so
// another message follows soon.
func (m *Mesh) repeatHere(ctx context.Context, came bool) error {
	switch up := m.voice.isUp(); {
	case came && !up:
		return nil
	case came && m.own.isKept():
		m.voice.owes()
		return nil
	case up:
		_, err := m.publishHere(ctx, 0, false)
		return err
	case !m.c.Broker.Online() || !m.voice.tries(m.c.Now()):
		m.voice.rests(m.c.Now())
		return nil
	}
	_, err := m.publishHere(ctx, 1, m.own.retains(m.c.Now()))
	return err
}

// HearHere handles a message on /here/{client}: a client says that it is online, or leaves. A retained message is the broker's
// copy. It returns the client if it is another one.
func (m *Mesh) HearHere(client string, payload []byte, retained bool) string {
	switch {
	case client == m.c.Node.ClientName:
		m.hearOwnHere(payload, retained)
		return ""
	case !slices.Contains(m.named, client) && !m.c.Node.AcceptsFrom(client):
		return ""
	case len(payload) == 0: // it was removed for good
		if !retained && m.presence.lost(client) {
			m.c.Refused.Comes(zap.InfoLevel, "client offline", client, zap.String("reason", "its presence was removed"))
		}
		return client
	}
	h, err := wire.ParseHere(payload)
	if err != nil {
		m.c.Refused.Broken("message refused", client, zap.String("topic", m.topics.HereOf(client)), zap.Error(err))
		return ""
	}
	if !retained && !h.Gone && !m.sealing.required(client) { // nothing of one that must seal counts in the clear
		m.peers.meet(client) // only a node of this program has such a topic
	}
	came, left := m.presence.here(client, h, retained)
	switch {
	case came:
		m.c.Refused.Comes(zap.InfoLevel, "client online", client)
		m.tellAhead(client)
		if !retained || !m.Announced(client) { // its announcement may be asked for
			m.beatSoon()
		}
	case left:
		m.c.Refused.Comes(zap.InfoLevel, "client offline", client, zap.String("reason", "it said so, or the broker for it"))
	}
	return client
}

var errForged = errors.New("presence: another client published it in this node's name, or another node has its name; an ACL prevents the first")

// hearOwnHere handles a message on the node's own topic.
func (m *Mesh) hearOwnHere(payload []byte, retained bool) {
	ours, first := m.voice.came(payload)
	switch {
	case ours:
		if !retained {
			m.own.beatCame(payload)
		}
		if first { // the announcement may say that it does not
			m.hereChanged()
		}
	default:
		h, err := wire.ParseHere(payload)
		switch {
		case err == nil && m.voice.forged(h):
			m.c.Refused.Broken("message refused", m.c.Node.ClientName, zap.String("topic", m.topics.HereOf(m.c.Node.ClientName)), zap.Error(errForged))
			m.announceAgain()
		case retained: // since before this connection: ours follows
		case err != nil, h.Gone: // the will of an earlier connection, come late, or a removal
			m.announceAgain()
		}
	}
}

// hereChanged has the node announced anew if it has announced something else about its own topic.
func (m *Mesh) hereChanged() {
	if m.announcedHere.Load() != m.voice.isHeard() && m.own.isOut() {
		m.announceAgain()
	}
	if m.voice.isHeard() && !m.needsInfo() {
		m.c.Broker.Heard()
	}
}

// followInfo subscribes to /info as long as the node tells its presence there, the will of a client is there (see wire.Here), or a client
// is missing that another program may replace.
func (m *Mesh) followInfo(ctx context.Context) {
	want := withoutInfo
	switch {
	case m.usesInfo():
		want = speaksInfo
	case m.presence.wills(), m.missesClient():
		want = hearsInfo
	}
	has, link := m.voice.subscribed()
	if want == has {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := m.changeInfo(ctx, has, want)
	if errors.Is(err, transport.ErrOffline) {
		return
	}
	m.voice.subscribes(want, link, err == nil)
	if err != nil && ctx.Err() == nil {
		m.c.Log.Warn("could not change the subscription to presence of all", zap.String("topic", m.topics.Info()), zap.Error(err))
	}
}

// changeInfo changes the subscriptions of the current connection.
func (m *Mesh) changeInfo(ctx context.Context, has, want infoUse) error {
	surely, loosely := want.topics(m.topics, m.c.Node.ClientName)
	switch {
	case want == speaksInfo:
		return m.c.Broker.Resubscribe(ctx, surely...)
	case has != hearsInfo || want == hearsInfo:
		if err := m.c.Broker.Ask(ctx, loosely...); err != nil || want == hearsInfo {
			return err
		}
	}
	return m.c.Broker.Unsubscribe(ctx, m.topics.Info())
}

// missesClient reports whether a client that tells its presence on its own topic is not there. An existing peer that takes its name is heard
// on /info alone, and hears nothing elsewhere.
func (m *Mesh) missesClient() bool {
	return slices.ContainsFunc(m.named, func(client string) bool {
		return m.peers.speaksHere(client) && !m.presence.isOnTopic(client)
	})
}

// judgeTopics finds nodes that send messages although nothing says that they are online: then this node announces that it needs /info.
func (m *Mesh) judgeTopics() {
	any := false
	for _, client := range m.named {
		if !m.peers.isNode(client) {
			continue
		}
		deaf, news := m.presence.judge(client)
		if any = any || deaf; news {
			m.c.Refused.Comes(zap.WarnLevel, "a node sends messages, but its presence does not arrive: an ACL denies reading its topic; using /info instead, which all clients of the mesh read", client, zap.String("topic", m.topics.HereOf(client)))
		}
	}
	m.voice.hearsNot(any)
	m.hereChanged()
}
