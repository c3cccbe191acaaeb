package daemon

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// takesSnapshot reports whether a remote is there and takes rows of a table that
// it did not ask for: existing peers are sent changes only.
func (n *Node) takesSnapshot(remote, table string) bool {
	return n.presence.Online(remote) && n.peers.speaksBatches(remote) && n.peers.receives(remote, table)
}

func (n *Node) publishBeat(ctx context.Context) error { return n.transport.Publish(ctx, n.ownBeat()) }

// ownBeat says that the node is there.
func (n *Node) ownBeat() transport.Message {
	i := wire.Info{Sender: n.cfg.ClientName, Message: wire.Connected, Until: transport.BeatUntil(n.now().Add(n.ahead()), n.cfg.CheckInterval)}
	return transport.Message{Topic: n.topics.Info(), Payload: i.Encode(), QoS: 1}
}

// ahead returns how far the clocks of existing peers are ahead of ours. Nodes
// of this project are left out: they would carry it to each other for ever.
func (n *Node) ahead() (most time.Duration) {
	for remote := range n.senders {
		if !n.peers.speaksBatches(remote) {
			most = max(most, n.presence.Ahead(remote))
		}
	}
	return most
}

// beats publishes connected well before the last one runs out, and sooner when
// a client has come that cannot know of us yet.
func (n *Node) beats(ctx context.Context) error {
	const least = 500 * time.Millisecond // between two beats, whoever asks for them
	interval := transport.BeatInterval(n.cfg.CheckInterval)
	asked := map[string]int{}
	for {
		came := false
		select {
		case <-ctx.Done():
			return nil
		case <-n.beat:
			came = true
		case <-time.After(interval):
			n.askAgain(ctx, asked)
		}
		if came { // before it counts how long this node is there without an announcement
			n.introduce(ctx)
		}
		if err := n.publishBeat(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
			n.log.Warn("presence could not be published", zap.Error(err))
		}
		for _, client := range n.presence.Expire() {
			n.refused.Comes(zap.InfoLevel, "client offline", client, zap.String("reason", "its presence ran out"))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(least):
		}
		if came { // It has announced itself before it said that it is there.
			n.askAgain(ctx, asked)
		}
	}
}

// askAgain has the broker deliver the announcements that it keeps once more, when
// a remote has come and its announcement has not. A cluster may deliver neither
// the message nor the kept copy to a node that subscribes in the same moment at
// another server. An existing peer has none, and is asked for twice, until it is
// found offline; asked counts that.
func (n *Node) askAgain(ctx context.Context, asked map[string]int) {
	missing := false
	for remote := range n.senders {
		if !n.presence.Online(remote) {
			delete(asked, remote)
		} else if asked[remote] < 2 && !n.peers.announced(remote) {
			asked[remote]++
			missing = true
		}
	}
	if !missing {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // the next beat must not wait for longer
	defer cancel()
	if err := n.transport.Resubscribe(ctx, n.topics.NodeOf("+")); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		n.log.Warn("announcements could not be asked for", zap.Error(err))
	}
}

// onPresence takes a message of /info.
func (n *Node) onPresence(payload []byte) {
	i, err := wire.ParseInfo(payload)
	if err != nil {
		n.refused.Broken("message refused", i.Sender, zap.String("topic", n.topics.Info()), zap.Error(err))
		return
	}
	if i.Sender == n.cfg.ClientName {
		n.own.beatCame(payload)
		return
	}
	switch i.Message {
	case wire.Connected:
		if n.presence.Beat(i.Sender, i.Until) {
			n.refused.Comes(zap.InfoLevel, "client online", i.Sender)
			if d := n.presence.Ahead(i.Sender); d > 0 {
				n.refused.Comes(zap.WarnLevel, "a client says that it is there for very long: if its clock is ahead, its writes win over those made here meanwhile", i.Sender, zap.Duration("by", d))
			}
			n.beatSoon()
		}
	case wire.ConnectionLost:
		if n.presence.Lost(i.Sender) {
			n.refused.Comes(zap.InfoLevel, "client offline", i.Sender, zap.String("reason", "it said so, or the broker for it"))
		}
	}
	if s := n.senders[i.Sender]; s != nil {
		s.wake()
	}
	n.acks.wake()
}

// beatSoon asks for a beat out of turn: somebody has come who cannot know of us yet.
func (n *Node) beatSoon() {
	select {
	case n.beat <- struct{}{}:
	default:
	}
}

// onAnnounce takes a message of /node/{client}.
func (n *Node) onAnnounce(client string, payload []byte, retained bool) {
	if client == n.cfg.ClientName {
		n.hearOwn(payload, retained)
		return
	}
	s := n.senders[client]
	if s == nil && !n.cfg.AcceptsFrom(client) {
		return
	}
	if len(payload) == 0 {
		n.peers.forget(client)
		n.part(client)
		return
	}
	a, err := wire.ParseNode(client, payload)
	if err != nil {
		n.refused.Broken("announcement refused", client, zap.Error(err))
		return
	}
	a, met, ok := n.hear(a)
	if !ok {
		return
	}
	if !retained {
		n.peers.meet(client)
	}
	if s == nil { // it is sent answers alone
		met()
		return
	}
	before, taken := n.peers.note(a, !retained)
	if !retained && before.Session != a.Session { // it has come anew; its presence may have told nothing
		n.beatSoon()
	}
	if taken {
		met()
	}
	if before.Session != a.Session || before.Definitions != a.Definitions {
		s.retry() // what it refused it may take now
	}
	if !retained && (before.Session != a.Session || before.Definitions == a.Definitions) {
		s.connected()
	}
}
