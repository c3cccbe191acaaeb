package mesh

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Announce tells the others, after each connect, what the node speaks and that it is there.
func (m *Mesh) Announce(ctx context.Context) error {
	m.own.connected(m.c.Now())
	if err := m.publishNode(ctx); err != nil {
		m.own.ended()
		return err
	}
	if err := m.publishBeat(ctx); err != nil {
		return err
	}
	m.c.News.Up()
	m.askOwn(ctx)
	return nil
}

// publishNode announces the node. The broker keeps the announcement for those who come
// later, but where it ends the connection at a message that it shall keep.
func (m *Mesh) publishNode(ctx context.Context) error {
	a := wire.Node{Client: m.c.Node.ClientName, Protocol: wire.Protocol, Version: m.c.Version, Session: m.c.Session,
		ReceiveTables: m.c.Node.ReceiveTables, Definitions: m.definitions.Load(), MaxRow: m.c.MaxRow}
	if a.ReceiveTables == nil {
		a.ReceiveTables = []string{}
	}
	payload, err := m.sealing.announcement(a)
	if err != nil {
		return err
	}
	retain := m.own.published(payload, m.c.Now())
	return m.c.Broker.Publish(ctx, transport.Message{Topic: m.topics.NodeOf(m.c.Node.ClientName), Payload: payload, QoS: 1, Retain: retain})
}

// askOwn has the broker deliver what it keeps as the node's announcement.
func (m *Mesh) askOwn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ownTime)
	defer cancel()
	m.own.asks(m.c.Now())
	if err := m.c.Broker.Ask(ctx, m.topics.NodeOf(m.c.Node.ClientName)); err != nil {
		m.own.cannotAsk()
		return
	}
	m.own.takes(m.c.Now())
}

// Redefined announces that a table which the node takes has another definition now.
func (m *Mesh) Redefined(ctx context.Context) error {
	m.definitions.Add(1)
	return m.publishNode(ctx)
}

// Unkept says why others may not hear of this node; "" is nothing.
func (m *Mesh) Unkept() string { return m.own.unkept() }

// introduce announces the node to somebody who has come, where the broker may not do it.
func (m *Mesh) introduce(ctx context.Context) {
	if m.own.isKept() {
		return
	}
	if err := m.publishNode(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		m.c.Log.Warn("this node could not be announced", zap.Error(err))
	}
}

// hearOwn takes an announcement in the node's own name.
func (m *Mesh) hearOwn(payload []byte, retained bool) {
	ours, tell := m.own.came(payload, retained, m.c.Now())
	if ours || retained { // kept by the broker since before this run: a new one follows
		return
	}
	if tell {
		m.c.Log.Warn("the announcement of this node was taken away at the broker, or another was put in its place; it is announced again",
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

// keepAnnounced publishes the announcement anew, until ctx ends, for those who go by
// another one, and where the broker has lost it. Whoever may publish can bring that about,
// so it takes its time: two nodes of one name do not go round in a circle.
func (m *Mesh) keepAnnounced(ctx context.Context) error {
	rest, last := againFirst, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.own.again:
		case <-m.own.news:
			continue // there is another time to wait for
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
		if err := m.publishNode(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
			m.c.Log.Warn("this node could not be announced", zap.Error(err))
		}
		m.askOwn(ctx)
		if !pause(ctx, rest) {
			return nil
		}
	}
}

// missesOwn looks whether the broker still keeps the announcement, and reports whether it is
// to be published again.
func (m *Mesh) missesOwn(ctx context.Context) bool {
	if !m.c.Broker.Online() {
		return false
	}
	v := m.own.judge(m.c.Now())
	if v.tell {
		m.c.Log.Warn(v.why()+"; the node announces itself to each that comes, and works on", zap.String("topic", m.topics.NodeOf(m.c.Node.ClientName)))
	}
	if v.prove {
		beat := m.ownBeat()
		m.own.proves(beat.Payload)
		_, _ = m.c.Broker.PublishAsync(ctx, beat) // it is waited for, and another follows
	}
	if v.ask {
		m.askOwn(ctx)
	}
	return v.publish
}
