package daemon

import (
	"sync"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of what waits to be applied. Promise 10.
const (
	inboxBytes = 64 << 20
)

// message is a delivery that waits to be applied.
type message struct {
	topic   wire.Topic
	payload []byte
	ack     func() // to the broker
}

// receive takes every delivery. It must return at once: what needs the database
// is queued.
func (n *Node) receive(d transport.Delivery) {
	topic := n.topics.Parse(d.Topic)
	switch topic.Kind {
	case wire.InfoAll:
		n.onPresence(d.Payload)
	case wire.Announce:
		n.onAnnounce(topic.Client, d.Payload, d.Retained)
	case wire.InfoMe:
		n.onAnswer(d.Payload)
	case wire.BatchAckFor:
		n.onBatchAck(topic, d.Payload)
	case wire.VerifyFor:
		n.onVerify(topic, d.Payload)
	case wire.ChangeTo, wire.BatchTo:
		if n.inbox.put(message{topic, d.Payload, d.Ack}) {
			return // acknowledged after the commit: promise 6
		}
		// Its sender sees no ack and sends it again.
		n.log.Error("a change was dropped because too much waits to be applied; is the database slow?", zap.String("topic", d.Topic))
	}
	go d.Ack()
}

// onAnswer takes a message of /info/{client}: the ack or the error of a change.
func (n *Node) onAnswer(payload []byte) {
	i, err := wire.ParseInfo(payload)
	if err != nil {
		n.refused.broken("message refused", i.Sender, zap.String("topic", n.topics.InfoOf(n.cfg.ClientName)), zap.Error(err))
		return
	}
	s := n.senders[i.Sender]
	if s == nil || n.refusesVersion1(i.Sender, wire.InfoMe) || i.Message != wire.DataReceived && i.Message != wire.Failed {
		return
	}
	s.answered(answer{info: i})
}

// onBatchAck takes a message of /ack/{client}/{sender}.
func (n *Node) onBatchAck(topic wire.Topic, payload []byte) {
	s := n.senders[topic.Sender]
	if s == nil {
		return
	}
	payload, ok := n.unseal(topic, payload)
	if !ok {
		return
	}
	a, err := wire.ParseAck(payload)
	if err != nil {
		n.refused.broken("message refused", topic.Sender, zap.Stringer("kind", topic.Kind), zap.Error(err))
		return
	}
	if len(a.Freed) > 0 {
		for _, f := range a.Freed {
			if n.cfg.Syncs(f.Table) {
				for _, key := range f.Keys {
					s.freed.put(topic.Sender, change.Row{Table: f.Table, Key: string(key)})
				}
			}
		}
		s.wake()
	} else if a.Session == n.session {
		s.answered(answer{batch: &a})
	}
}

// inbox holds the messages that wait to be applied, up to a number of bytes.
type inbox struct {
	mu    sync.Mutex
	list  []message
	bytes int
	kick  chan struct{}
}

func newInbox() *inbox { return &inbox{kick: make(chan struct{}, 1)} }

// put queues a message, or returns false if too much waits already.
func (b *inbox) put(m message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) > 0 && b.bytes+len(m.payload) > inboxBytes {
		return false
	}
	b.list = append(b.list, m)
	b.bytes += len(m.payload)
	select {
	case b.kick <- struct{}{}:
	default:
	}
	return true
}

// next takes the message at the front; there is none if ok is false.
func (b *inbox) next() (m message, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == 0 {
		return m, false
	}
	m, b.list[0] = b.list[0], message{}
	b.list = b.list[1:]
	b.bytes -= len(m.payload)
	if len(b.list) == 0 {
		b.list = nil // frees the array
	} else {
		select {
		case b.kick <- struct{}{}: // it may be another round's
		default:
		}
	}
	return m, true
}
