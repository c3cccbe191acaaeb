package mesh

import (
	"context"
	"errors"
	"math/bits"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// BeatInterval is the time between two of the node's "connected" messages, the same as that of existing peers.
func BeatInterval(checkInterval time.Duration) time.Duration { return checkInterval + 2*time.Second }

// beatUntil returns until when a "connected" message sent now says that the node is online.
func beatUntil(now time.Time, checkInterval time.Duration) time.Time {
	return now.Add(2*checkInterval + 3*time.Second)
}

func (m *Mesh) publishBeat(ctx context.Context) error { return m.c.Broker.Publish(ctx, m.ownBeat()) }

// ownBeat returns a message that says the node is online.
func (m *Mesh) ownBeat() transport.Message {
	i := wire.Info{Sender: m.c.Node.ClientName, Message: wire.Connected, Until: beatUntil(m.c.Now().Add(m.peersAhead()), m.c.Node.CheckInterval)}
	return transport.Message{Topic: m.topics.Info(), Payload: i.Encode(), QoS: 1}
}

// beatOnInfo says that the node is online, if some client needs to hear that on /info.
func (m *Mesh) beatOnInfo(ctx context.Context) error {
	if !m.usesInfo() {
		return nil
	}
	return m.publishBeat(ctx)
}

// peersAhead returns by how much the clocks of existing peers are ahead of ours, at most. It ignores nodes: they would
// pass the lead on to each other forever.
func (m *Mesh) peersAhead() (most time.Duration) {
	for _, remote := range m.c.Node.RemoteClients {
		if !m.SpeaksBatches(remote) {
			most = max(most, m.presence.ahead(remote))
		}
	}
	return most
}

// beatSoon asks for an extra beat: a client has appeared that cannot know about us yet.
func (m *Mesh) beatSoon() {
	select {
	case m.beat <- struct{}{}:
	default:
	}
	select {
	case m.newcomer <- struct{}{}:
	default:
	}
}

// beats publishes "connected" well before the last one runs out, and sooner for newcomers, until ctx ends.
func (m *Mesh) beats(ctx context.Context) error {
	const least = 500 * time.Millisecond // between two beats, however many are asked for
	interval := BeatInterval(m.c.Node.CheckInterval)
	missed := map[string]int{}
	var corrected time.Time
	for {
		came := false
		select {
		case <-ctx.Done():
			return nil
		case <-m.beat:
			came = true
		case <-time.After(interval):
			m.askAgain(ctx, missed)
		}
		switch now := m.c.Now(); {
		case m.misheard.Load() && now.Sub(corrected).Abs() >= correctEach:
			m.misheard.Store(false)
			corrected = now
			m.tryPublishNode(ctx)
		case came: // announce first: from the beat on, the newcomer counts how long this node takes to announce itself
			m.introduce(ctx)
		}
		m.judgeTopics()
		m.followInfo(ctx)
		if err := m.beatOnInfo(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
			m.c.Log.Warn("could not publish presence", zap.Error(err))
		}
		for _, client := range m.presence.expire() {
			m.c.Refused.Comes(zap.InfoLevel, "client offline", client, zap.String("reason", "its presence ran out"))
		}
		if pause.For(ctx, least) != nil {
			return nil
		}
		if came { // a newcomer announces itself before it says that it is online
			m.askAgain(ctx, missed)
		}
	}
}

// correctEach is the least time between two announcements made because someone treats this node as an existing peer,
// which anyone could fake.
const correctEach = 10 * time.Second

// askAgain has the broker deliver once more what it retains of remotes: the announcement of one that is online, if it is missing, and
// the presence of a client that tells it on its own topic, if nothing of it has arrived. A cluster may deliver neither the message nor
// its copy to a node that subscribes at another server at the same moment, or lose a message at QoS 0, so that what a remote announced in
// its earlier run still counts; and someone may have told us falsely that the remote withdrew it. An existing peer has no announcement, so it is asked for less and less often while it stays online: missed counts the
// calls that found none, by topic.
func (m *Mesh) askAgain(ctx context.Context, missed map[string]int) {
	var nodes, heres []string
	for _, remote := range m.c.Node.RemoteClients {
		if topic := m.topics.NodeOf(remote); misses(missed, topic, m.Online(remote) && (!m.Announced(remote) || m.peers.outdated(remote, m.presence.onTopic(remote)))) {
			nodes = append(nodes, remote)
		}
	}
	for _, client := range m.named {
		if topic := m.topics.HereOf(client); misses(missed, topic, m.peers.speaksHere(client) && !m.presence.onTopic(client).heard) {
			heres = append(heres, topic)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // the next beat must not wait longer
	defer cancel()
	var err error
	if len(nodes) > 0 {
		err = m.c.Broker.Ask(ctx, m.announcements(nodes)...)
	}
	if len(heres) > 0 && m.voice.isUp() {
		err = errors.Join(err, m.c.Broker.Ask(ctx, heres...))
	}
	if err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		m.c.Log.Warn("could not ask for announcements", zap.Error(err))
	}
}

// misses counts how often a topic was found silent, and reports whether to ask for its copy: the first, second, fourth, eighth time.
func misses(missed map[string]int, topic string, silent bool) bool {
	if !silent {
		delete(missed, topic)
		return false
	}
	missed[topic]++
	return bits.OnesCount(uint(missed[topic])) == 1
}
