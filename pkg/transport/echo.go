package transport

import (
	"bytes"
	"sync"
	"time"

	"go.uber.org/zap"
)

// echo watches for the first message that this node publishes on a topic to come back on one connection.
type echo struct {
	topic string

	mu    sync.Mutex
	first []byte        // the payload; nil until there is one
	sent  chan struct{} // closed when first is set
	back  chan struct{} // closed when it has come back
}

func newEcho(topic string) *echo {
	return &echo{topic: topic, sent: make(chan struct{}), back: make(chan struct{})}
}

// published notes a message that is about to be published.
func (e *echo) published(topic string, payload []byte) {
	if topic != e.topic {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first == nil {
		e.first = append([]byte{}, payload...)
		close(e.sent)
	}
}

// delivered notes a message that came.
func (e *echo) delivered(topic string, payload []byte) {
	if topic != e.topic {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first == nil || !bytes.Equal(e.first, payload) {
		return
	}
	select {
	case <-e.back:
	default:
		close(e.back)
	}
}

// watchEcho tells when the broker keeps this node's own messages from it. Without it a node that an ACL silences looks
// healthy from inside, and dead to all others.
func (s *Session) watchEcho(l *link) {
	select {
	case <-l.echo.sent:
	case <-l.down:
		return
	}
	select {
	case <-l.echo.back:
		s.echoDenied.Store(false)
	case <-l.down:
	case <-time.After(s.c.EchoTimeout):
		if !s.echoDenied.Swap(true) {
			s.log.Error("the broker acknowledged our presence message but did not deliver it back to us: an ACL denies"+
				" writing or reading the topic (MQTT 3.1.1 brokers acknowledge what they deny)",
				zap.String("topic", s.c.EchoTopic), zap.String("server", l.server),
				zap.String("username", s.c.MQTT.Username))
		}
	}
}
