package node

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver/peer"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// receive takes every delivery. It must return at once: what needs the database, or is large to read,
// is queued. What panics costs its message alone. Promise 9.
func (n *Node) receive(d transport.Delivery) {
	defer n.survive("receive")
	topic := n.line.topics.Parse(d.Topic)
	switch topic.Kind {
	case wire.InfoAll:
		n.line.mesh.HearInfo(d.Payload)
	case wire.Announce:
		if topic.Client == n.cfg.ClientName { // how long that was away is seen by the order in which it comes
			n.line.mesh.HearNode(topic.Client, d.Payload, d.Retained)
		} else {
			n.post(topic, topic.Client, d)
		}
	case wire.InfoMe:
		if sender := receive.PeekSender(d.Payload); n.senders()[sender] != nil {
			n.post(topic, sender, d)
		}
	case wire.BatchAckFor:
		n.post(topic, topic.Sender, d)
	case wire.VerifyFor:
		if n.work.Load().verifier.MayCome(topic.Sender, len(d.Payload)) {
			n.post(topic, topic.Sender, d)
		}
	case wire.ChangeTo, wire.BatchTo:
		n.in.receiver.Receive(topic, d)
		return
	}
	go d.Ack()
}

// post has a message wait until it is read. One that there is no room for is dropped: its sender, who hears nothing, sends it again.
func (n *Node) post(topic wire.Topic, sender string, d transport.Delivery) {
	if !n.in.mail.Put(receive.Letter{Topic: topic, Sender: sender, Payload: d.Payload, Kept: d.Retained}) {
		n.line.refused.Broken("message refused", sender, zap.Stringer("kind", topic.Kind), zap.Error(errMail))
	}
}

var errMail = errors.New("too much of its sender waits to be read")

// read takes a message that was posted.
func (n *Node) read(l receive.Letter) {
	defer n.survive("receive")
	switch l.Topic.Kind {
	case wire.Announce:
		n.line.mesh.HearNode(l.Topic.Client, l.Payload, l.Kept)
	case wire.InfoMe:
		n.onAnswer(l.Sender, l.Payload)
	case wire.BatchAckFor:
		n.onBatchAck(l.Topic, l.Payload)
	case wire.VerifyFor:
		n.work.Load().verifier.Hear(l.Topic, l.Payload)
	}
}

// survive keeps a panic to what it happened in.
func (n *Node) survive(what string) {
	if p := recover(); p != nil {
		n.panicked(what, p, debug.Stack())
	}
}

// panicked tells of a panic, and counts it.
func (n *Node) panicked(what string, err any, stack []byte) {
	n.Panicked()
	n.log.Error("a message made the node panic and was refused; the node goes on: please report this",
		zap.String("in", what), zap.Any("error", err), zap.ByteString("stack", stack))
}

// Panicked counts a panic; see receive.Node.
func (n *Node) Panicked() { n.metrics.Panicked() }

// letIn says how many bytes a message on a topic may have; see transport.Config.
func (n *Node) letIn(topic string) int { return n.in.gate.Most(topic) }

// tooLarge is told of messages that were not let in.
func (n *Node) tooLarge(topic string, bytes int) {
	t := n.line.topics.Parse(topic)
	sender := t.Sender
	if sender == "" {
		sender = t.Client
	}
	switch most := n.in.gate.Most(topic); {
	case most < 0 && (t.Kind == wire.Announce || sender == n.cfg.ClientName): // strangers may be on the broker; check tries the topics
	case most < 0:
		n.line.refused.Broken("message refused", sender, zap.Stringer("kind", t.Kind), zap.Error(errNoRight))
	default:
		n.line.refused.Broken("message refused", sender, zap.Stringer("kind", t.Kind), zap.Error(fmt.Errorf("it has %d bytes, more than %d", bytes, most)))
	}
}

var errNoRight = errors.New("its sender has no right to send it")

// Speaks returns why a client may not speak version 1; see receive.Node.
func (n *Node) Speaks(client string) error { return n.line.mesh.Speaks(client) }

// Unseal opens a message; see receive.Node.
func (n *Node) Unseal(topic wire.Topic, payload []byte) ([]byte, bool) {
	return n.line.mesh.Unseal(topic, payload)
}

// Came says that a message of a client was understood; see receive.Node.
func (n *Node) Came(client string, batch bool, sent time.Time) {
	if batch {
		n.line.mesh.Met(client)
	}
	n.Traffic.Came(client, sent)
}

// Ack answers a batch; see receive.Node.
func (n *Node) Ack(ctx context.Context, client string, a wire.Ack) { n.in.answers.Ack(ctx, client, a) }

// Answer answers a change of version 1; see receive.Node.
func (n *Node) Answer(c wire.Change, message string) { n.in.answers.Answer(c, message) }

// Arrived counts the rows of a message that was answered; see receive.Node.
func (n *Node) Arrived(client string, rows int, table func(int) string, rejects []wire.Reject) {
	n.Traffic.Received(client, rows, table, rejects)
}

// Applied runs after each round; see receive.Node.
func (n *Node) Applied(ctx context.Context, took time.Duration) {
	n.metrics.Applied(took)
	n.in.answers.TellFreed(ctx)
}

// onAnswer takes a message of /info/{client}: the ack or the error of a change.
func (n *Node) onAnswer(sender string, payload []byte) {
	i, err := wire.ParseInfo(payload)
	if err == nil && i.Sender != sender {
		err = errTwoSenders
	}
	if err != nil {
		n.line.refused.Broken("message refused", sender, zap.String("topic", n.line.topics.InfoOf(n.cfg.ClientName)), zap.Error(err))
		return
	}
	s := n.senders()[i.Sender]
	if s == nil || n.line.mesh.RefusesVersion1(i.Sender, wire.InfoMe) || i.Message != wire.DataReceived && i.Message != wire.Failed {
		return
	}
	s.Answered(peer.Info(i, len(payload)))
}

var errTwoSenders = errors.New("info message: it names two senders")

// onBatchAck takes a message of /ack/{client}/{sender}.
func (n *Node) onBatchAck(topic wire.Topic, payload []byte) {
	s := n.senders()[topic.Sender]
	if s == nil {
		return
	}
	payload, ok := n.line.mesh.Unseal(topic, payload)
	if !ok {
		return
	}
	a, err := wire.ParseAck(payload)
	if err != nil {
		n.line.refused.Broken("message refused", topic.Sender, zap.Stringer("kind", topic.Kind), zap.Error(err))
		return
	}
	if len(a.Freed) > 0 {
		for _, f := range a.Freed {
			if n.cfg.Syncs(f.Table) {
				for _, key := range f.Keys {
					s.Freed(change.Row{Table: f.Table, Key: string(key)})
				}
			}
		}
		s.Wake()
	} else if a.Session == n.line.session {
		s.Answered(peer.Ack(a, len(payload)))
	}
}
