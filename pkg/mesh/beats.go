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
		if err := m.publishBeat(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
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

// askAgain has the broker deliver its retained announcements once more if a remote is online and its announcement is
// missing: a cluster may deliver neither the message nor its copy to a node that subscribes at another server at the
// same moment, and someone may have forged a withdrawal. An existing peer has no announcement, so while it stays online,
// it is asked for less and less often: missed counts the calls that found none.
func (m *Mesh) askAgain(ctx context.Context, missed map[string]int) {
	ask := false
	for _, remote := range m.c.Node.RemoteClients {
		if !m.Online(remote) {
			delete(missed, remote)
		} else if !m.Announced(remote) {
			missed[remote]++
			ask = ask || bits.OnesCount(uint(missed[remote])) == 1 // the first, second, fourth, eighth time
		}
	}
	if !ask {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // the next beat must not wait longer
	defer cancel()
	if err := m.c.Broker.Resubscribe(ctx, m.topics.NodeOf("+")); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		m.c.Log.Warn("could not ask for announcements", zap.Error(err))
	}
}
