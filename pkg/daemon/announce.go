package daemon

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// announce tells the others, after each connect, what the node speaks and that it is there.
func (n *Node) announce(ctx context.Context) error {
	n.own.connected(n.now())
	if err := n.publishNode(ctx); err != nil {
		n.own.ended()
		return err
	}
	if err := n.publishBeat(ctx); err != nil {
		return err
	}
	n.wakeSenders()
	n.askOwn(ctx)
	return nil
}

// publishNode announces the node. The broker keeps the announcement for those who come
// later, but where it ends the connection at a message that it shall keep.
func (n *Node) publishNode(ctx context.Context) error {
	a := wire.Node{Client: n.cfg.ClientName, Protocol: wire.Protocol, Version: n.version, Session: n.session,
		ReceiveTables: n.cfg.ReceiveTables, Definitions: n.definitions.Load(), MaxRow: maxRow(n.cfg)}
	if a.ReceiveTables == nil {
		a.ReceiveTables = []string{}
	}
	payload, err := n.announcement(a)
	if err != nil {
		return err
	}
	retain := n.own.published(payload, n.now())
	return n.transport.Publish(ctx, transport.Message{Topic: n.topics.NodeOf(n.cfg.ClientName), Payload: payload, QoS: 1, Retain: retain})
}

// askOwn has the broker deliver what it keeps as the node's announcement.
func (n *Node) askOwn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, ownTime)
	defer cancel()
	n.own.asks(n.now())
	if err := n.transport.Ask(ctx, n.topics.NodeOf(n.cfg.ClientName)); err != nil {
		n.own.cannotAsk()
		return
	}
	n.own.takes(n.now())
}

// introduce announces the node to somebody who has come, where the broker may not do it.
func (n *Node) introduce(ctx context.Context) {
	if n.own.isKept() {
		return
	}
	if err := n.publishNode(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		n.log.Warn("this node could not be announced", zap.Error(err))
	}
}

// hearOwn takes an announcement in the node's own name.
func (n *Node) hearOwn(payload []byte, retained bool) {
	ours, tell := n.own.came(payload, retained, n.now())
	if ours || retained { // kept by the broker since before this run: a new one follows
		return
	}
	if tell {
		n.log.Warn("the announcement of this node was taken away at the broker, or another was put in its place; it is announced again",
			zap.String("topic", n.topics.NodeOf(n.cfg.ClientName)), zap.Int("bytes", len(payload)))
	}
	n.announceAgain()
}

func (n *Node) announceAgain() {
	select {
	case n.own.again <- struct{}{}:
	default:
	}
}

// keepAnnounced publishes the announcement anew, until ctx ends, for those who go by
// another one, and where the broker has lost it. Whoever may publish can bring that about,
// so it takes its time: two nodes of one name do not go round in a circle.
func (n *Node) keepAnnounced(ctx context.Context) error {
	pause, last := againFirst, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.own.again:
		case <-n.own.news:
			continue // there is another time to wait for
		case <-time.After(n.own.next(n.now())):
			if !n.missesOwn(ctx) {
				continue
			}
		}
		if now := n.now(); now.Sub(last) > receive.RefusalsTime {
			pause = againFirst
		} else {
			pause = min(2*pause, againLongest)
		}
		last = n.now()
		if err := n.publishNode(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
			n.log.Warn("this node could not be announced", zap.Error(err))
		}
		n.askOwn(ctx)
		if sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// missesOwn looks whether the broker still keeps the announcement, and reports whether it is
// to be published again.
func (n *Node) missesOwn(ctx context.Context) bool {
	if !n.transport.Online() {
		return false
	}
	v := n.own.judge(n.now())
	if v.tell {
		n.log.Warn(v.why()+"; the node announces itself to each that comes, and works on", zap.String("topic", n.topics.NodeOf(n.cfg.ClientName)))
	}
	if v.prove {
		beat := n.ownBeat()
		n.own.proves(beat.Payload)
		_, _ = n.transport.PublishAsync(ctx, beat) // it is waited for, and another follows
	}
	if v.ask {
		n.askOwn(ctx)
	}
	return v.publish
}
