package transport

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// echoesKept is how many of the last messages an echo recognizes. They are seconds apart.
const echoesKept = 4

// echo waits for a message that this node published on a topic to come back on the same connection.
type echo struct {
	topic string

	mu   sync.Mutex
	last [][]byte      // payloads, until one has come back
	sent chan struct{} // closed when one has been published
	back chan struct{} // closed when one has come back
}

func newEcho(topic string) *echo {
	return &echo{topic: topic, sent: make(chan struct{}), back: make(chan struct{})}
}

// published records a message that is about to be published.
func (e *echo) published(topic string, payload []byte) {
	if topic != e.topic {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.back:
		return
	case <-e.sent:
	default:
		close(e.sent)
	}
	if len(e.last) == echoesKept {
		e.last = slices.Delete(e.last, 0, 1)
	}
	e.last = append(e.last, bytes.Clone(payload))
}

// delivered handles a received message.
func (e *echo) delivered(topic string, payload []byte) {
	if topic != e.topic {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.ContainsFunc(e.last, func(p []byte) bool { return bytes.Equal(p, payload) }) {
		return
	}
	e.last = nil
	select {
	case <-e.back:
	default:
		close(e.back)
	}
}

// lostBeforeEcho is how many connections in a row must end before the echo for it not to be chance.
const lostBeforeEcho = 3

// watchEcho reports it if the broker does not deliver this node's own messages back. Otherwise, a node silenced by an ACL
// would look healthy to itself and dead to all others. It runs once per connection, for one at a time.
func (s *Session) watchEcho(l *link) {
	select {
	case <-l.echo.sent:
	case <-l.down:
		return
	}
	var message string
	select {
	case <-l.echo.back:
		s.heard()
		return
	case <-l.down:
		if s.echoLost++; s.echoLost < lostBeforeEcho {
			return
		}
		message = "the broker closes every connection on which we publish our presence message: an ACL denies writing the" +
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
	s.standing.silence(fmt.Errorf("%s: %s", s.c.EchoTopic, message))
	select {
	case <-l.echo.back: // someone has fixed it
		s.log.Info("our presence messages now come back to us", zap.String("server", l.server))
		s.heard()
	case <-l.down:
	}
}

// heard records that one of our messages has come back.
func (s *Session) heard() {
	s.echoTold, s.echoLost = false, 0
	s.standing.silence(nil)
}
