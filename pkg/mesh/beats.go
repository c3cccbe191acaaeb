package mesh

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// BeatInterval is the time between two of our own "connected" messages, as existing peers have it.
func BeatInterval(checkInterval time.Duration) time.Duration { return checkInterval + 2*time.Second }

// beatUntil is the time until which such a message, sent now, says that we are there.
func beatUntil(now time.Time, checkInterval time.Duration) time.Time {
	return now.Add(2*checkInterval + 3*time.Second)
}

func (m *Mesh) publishBeat(ctx context.Context) error { return m.c.Broker.Publish(ctx, m.ownBeat()) }

// ownBeat says that the node is there.
func (m *Mesh) ownBeat() transport.Message {
	i := wire.Info{Sender: m.c.Node.ClientName, Message: wire.Connected, Until: beatUntil(m.c.Now().Add(m.farthestAhead()), m.c.Node.CheckInterval)}
	return transport.Message{Topic: m.topics.Info(), Payload: i.Encode(), QoS: 1}
}

// farthestAhead returns how far the clocks of existing peers are ahead of ours. Nodes
// of this project are left out: they would carry it to each other for ever.
func (m *Mesh) farthestAhead() (most time.Duration) {
	for _, remote := range m.c.Node.RemoteClients {
		if !m.SpeaksBatches(remote) {
			most = max(most, m.presence.Ahead(remote))
		}
	}
	return most
}

// beatSoon asks for a beat out of turn: somebody has come who cannot know of us yet.
func (m *Mesh) beatSoon() {
	select {
	case m.beat <- struct{}{}:
	default:
	}
}

// beats publishes connected well before the last one runs out, and sooner when
// a client has come that cannot know of us yet.
func (m *Mesh) beats(ctx context.Context) error {
	const least = 500 * time.Millisecond // between two beats, whoever asks for them
	interval := BeatInterval(m.c.Node.CheckInterval)
	asked := map[string]int{}
	for {
		came := false
		select {
		case <-ctx.Done():
			return nil
		case <-m.beat:
			came = true
		case <-time.After(interval):
			m.askAgain(ctx, asked)
		}
		if came { // before it counts how long this node is there without an announcement
			m.introduce(ctx)
		}
		if err := m.publishBeat(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
			m.c.Log.Warn("presence could not be published", zap.Error(err))
		}
		for _, client := range m.presence.Expire() {
			m.c.Refused.Comes(zap.InfoLevel, "client offline", client, zap.String("reason", "its presence ran out"))
		}
		if !pause(ctx, least) {
			return nil
		}
		if came { // It has announced itself before it said that it is there.
			m.askAgain(ctx, asked)
		}
	}
}

// askAgain has the broker deliver the announcements that it keeps once more, when
// a remote has come and its announcement has not. A cluster may deliver neither
// the message nor the kept copy to a node that subscribes in the same moment at
// another server. An existing peer has none, and is asked for twice, until it is
// found offline; asked counts that.
func (m *Mesh) askAgain(ctx context.Context, asked map[string]int) {
	missing := false
	for _, remote := range m.c.Node.RemoteClients {
		if !m.Online(remote) {
			delete(asked, remote)
		} else if asked[remote] < 2 && !m.Announced(remote) {
			asked[remote]++
			missing = true
		}
	}
	if !missing {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // the next beat must not wait for longer
	defer cancel()
	if err := m.c.Broker.Resubscribe(ctx, m.topics.NodeOf("+")); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		m.c.Log.Warn("announcements could not be asked for", zap.Error(err))
	}
}
