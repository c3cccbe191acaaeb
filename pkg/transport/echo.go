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

// lostBeforeEcho is after how many connections in a row that ended before the echo this is no chance any more.
const lostBeforeEcho = 3

// watchEcho tells when the broker keeps this node's own messages from it. Without it a node that an ACL silences looks
// healthy from inside, and dead to all others. It runs once for each connection, one after another.
func (s *Session) watchEcho(l *link) {
	select {
	case <-l.echo.sent:
	case <-l.down:
		return
	}
	var message string
	select {
	case <-l.echo.back:
		s.echoTold, s.echoLost = false, 0
		return
	case <-l.down:
		if s.echoLost++; s.echoLost < lostBeforeEcho {
			return
		}
		message = "the broker ends each connection on which we publish our presence message: an ACL denies writing the" +
			" topic, or another client has the same clientId"
	case <-time.After(s.c.EchoTimeout):
		message = "the broker acknowledged our presence message but did not deliver it back to us: an ACL denies" +
			" writing or reading the topic (MQTT 3.1.1 brokers acknowledge what they deny)"
	}
	if !s.echoTold {
		s.echoTold = true
		s.log.Error(message, zap.String("topic", s.c.EchoTopic), zap.String("server", l.server),
			zap.String("username", s.c.MQTT.Username))
	}
}
