package mesh

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Announce tells the others what the node speaks and that it is online. It runs after each connect, before AskOwn.
func (m *Mesh) Announce(ctx context.Context) error {
	m.own.connected(m.c.Now())
	if err := m.appear(ctx); err != nil {
		m.own.ended()
		return err
	}
	if err := m.publishNode(ctx); err != nil {
		m.own.ended()
		return err
	}
	if !m.usesInfo() {
		m.c.Broker.Heard()
		return nil
	}
	m.followInfo(ctx)
	return m.publishBeat(ctx)
}

// Down records that the connection is lost: no answers will come, and the others may announce themselves again. It runs
// before the next connect.
func (m *Mesh) Down() {
	m.own.disconnected()
	m.voice.down()
	m.peers.unheard()
	m.presence.unheard()
}

// publishNode announces the node. The broker retains the announcement for latecomers, unless it ends connections at
// retained messages.
func (m *Mesh) publishNode(ctx context.Context) error {
	here := m.voice.isHeard()
	a := wire.Node{Client: m.c.Node.ClientName, Protocol: wire.Protocol, Version: m.c.Version, Session: m.c.Session,
		ReceiveTables: m.c.Node.ReceiveTables, Definitions: m.definitions.Load(), MaxRow: m.c.MaxRow, Routes: m.c.Routes, Merges: true, Counts: true, Acts: true, Here: here}
	if a.ReceiveTables == nil {
		a.ReceiveTables = []string{}
	}
	payload, err := m.sealing.announcement(a)
	if err != nil {
		return err
	}
	retain := m.own.published(payload, m.c.Now())
	m.announcedHere.Store(here)
	return m.c.Broker.Publish(ctx, transport.Message{Topic: m.topics.NodeOf(m.c.Node.ClientName), Payload: payload, QoS: 1, Retain: retain})
}

// AskOwn asks the broker for its copy of the node's announcement, and waits at most a few seconds for the broker to
// accept the question.
func (m *Mesh) AskOwn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ownTime)
	defer cancel()
	m.own.asks(m.c.Now())
	if err := m.c.Broker.Ask(ctx, m.topics.NodeOf(m.c.Node.ClientName)); err != nil {
		m.own.cannotAsk()
		return
	}
	m.own.takes(m.c.Now())
}

// Redefined announces that a received table's definition has changed.
func (m *Mesh) Redefined(ctx context.Context) error {
	m.definitions.Add(1)
	if !m.own.isOut() {
		return nil // Announce will
	}
	return m.publishNode(ctx)
}

// Unkept says why others may not learn about this node, or "".
func (m *Mesh) Unkept() string { return m.own.unkept() }

// introduce announces the node to a newcomer, unless the broker does.
func (m *Mesh) introduce(ctx context.Context) {
	if m.own.isKept() {
		return
	}
	m.tryPublishNode(ctx)
}

// tryPublishNode announces the node again; if that fails, another attempt follows.
func (m *Mesh) tryPublishNode(ctx context.Context) {
	if !m.own.isOut() {
		return // Announce knows what to say once the first presence has come back
	}
	if err := m.publishNode(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		m.c.Log.Warn("could not announce this node", zap.Error(err))
	}
}

// hearOwn handles an announcement in this node's name.
func (m *Mesh) hearOwn(payload []byte, retained bool) {
	ours, tell := m.own.came(payload, retained, m.c.Now())
	if ours || retained { // retained since before this run: ours follows
		return
	}
	if tell {
		m.c.Log.Warn("this node's announcement was removed from the broker or replaced; announcing it again",
			zap.String("topic", m.topics.NodeOf(m.c.Node.ClientName)), zap.Int("bytes", len(payload)))
	}
	m.announceAgain()
}

func (m *Mesh) announceAgain() {
	select {
	case m.own.again <- struct{}{}:
	default:
	}
}

// keepAnnounced runs until ctx ends, and announces the node again when the broker has lost the announcement or someone has
// replaced it. Anyone who may publish can cause that, so the pauses grow: two nodes with one name must not chase each
// other.
func (m *Mesh) keepAnnounced(ctx context.Context) error {
	rest, last := againFirst, time.Time{}
	for {
		again := false
		select {
		case <-ctx.Done():
			return nil
		case <-m.own.again:
			again = true
		case <-m.own.news:
			continue // wait for another time
		case <-time.After(m.own.next(m.c.Now())):
			if !m.missesOwn(ctx) {
				continue
			}
		}
		if now := m.c.Now(); now.Sub(last) > RefusalsTime {
			rest = againFirst
		} else {
			rest = min(2*rest, againLongest)
		}
		last = m.c.Now()
		if again && m.voice.isUp() { // what was removed from the broker may have been that
			_, _ = m.publishHere(ctx, 1, m.own.retains(m.c.Now())) // if it is lost another follows
		}
		m.tryPublishNode(ctx)
		m.AskOwn(ctx)
		if pause.For(ctx, rest) != nil {
			return nil
		}
	}
}

// prove publishes the node's presence: once it has come back, so has everything that the broker delivered before.
func (m *Mesh) prove(ctx context.Context) {
	beat := m.ownBeat()
	if m.voice.isUp() {
		beat = m.ownHere()
		m.voice.speaks(beat.Payload, m.c.Now())
	}
	m.own.proves(beat.Payload)
	_, _ = m.c.Broker.PublishAsync(ctx, beat) // if it is lost another follows
}

// missesOwn checks that the broker still retains the announcement, and reports whether to publish it again.
func (m *Mesh) missesOwn(ctx context.Context) bool {
	if !m.c.Broker.Online() {
		return false
	}
	do := m.own.judge(m.c.Now())
	if do.tell {
		m.c.Log.Warn(do.why()+"; the node announces itself to each new node and keeps working", zap.String("topic", m.topics.NodeOf(m.c.Node.ClientName)))
	}
	if do.prove {
		m.prove(ctx)
	}
	if do.ask {
		m.AskOwn(ctx)
	}
	return do.publish
}
