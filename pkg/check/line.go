package check

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// echoTime is how long a message may take to come back from the broker.
const echoTime = 3 * time.Second

// suffix is added to the client identifier, so that a running node with the same configuration keeps its connection.
const suffix = "-check"

// line is a connection to a broker that receives messages, and can tell whether its own messages come back. Its methods
// are for one goroutine.
type line struct {
	session *transport.Session
	stop    context.CancelFunc
	end     chan struct{} // closed when the connection is gone
	err     error         // why; read it only once end is closed

	mu      sync.Mutex
	waiting []*echo
}

// echo is a message that should come back.
type echo struct {
	topic   string
	payload []byte
	kept    bool // it comes back as the broker's retained copy
	back    chan struct{}
}

// connect opens a line to the first server of m, with the topics subscribed. hear is called with each delivery and must
// return at once.
func connect(ctx context.Context, m config.MQTT, topics []string, hear func(transport.Delivery)) (*line, error) {
	m.ClientID += suffix + "-" + strings.ToLower(rand.Text()[:6]) // several checks may run at once
	m.Clean = true                                                // nothing of this client stays at the broker
	if m.ConnectTimeout <= 0 || m.ConnectTimeout > 10*time.Second {
		m.ConnectTimeout = 10 * time.Second
	}
	l := &line{end: make(chan struct{})}
	up := make(chan struct{})
	var err error
	l.session, err = transport.New(zap.NewNop(), transport.Config{MQTT: m, Plan: transport.Plan{Topics: topics}})
	if err != nil {
		return nil, err
	}
	ctx, l.stop = context.WithCancel(ctx)
	go func() {
		l.err = l.session.Once(ctx, transport.Handlers{
			OnUp: func(context.Context) error { close(up); return nil },
			Deliver: func(d transport.Delivery) {
				l.came(d)
				if hear != nil {
					hear(d)
				}
				go d.Ack() // a broker stops after too many unacknowledged messages
			},
		})
		close(l.end)
	}()
	select {
	case <-up:
		return l, nil
	case <-l.end:
		l.stop()
		if l.err == nil {
			l.err = ctx.Err()
		}
		return nil, l.err
	}
}

// close ends the connection.
func (l *line) close() {
	l.stop()
	<-l.end
}

// came ends the wait for an echo.
func (l *line) came(d transport.Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range l.waiting {
		if e.topic == d.Topic && e.kept == d.Retained && bytes.Equal(e.payload, d.Payload) {
			close(e.back)
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
}

// send publishes a message that should come back. The connection may be gone.
func (l *line) send(ctx context.Context, topic string, payload []byte) *echo {
	e := l.wait(echo{topic: topic, payload: payload})
	// An error means that the connection, or ctx, has ended: then nothing comes back.
	_, _ = l.session.PublishAsync(ctx, transport.Message{Topic: topic, Payload: payload, QoS: 1})
	return e
}

func (l *line) wait(e echo) *echo {
	e.back = make(chan struct{})
	l.mu.Lock()
	l.waiting = append(l.waiting, &e)
	l.mu.Unlock()
	return &e
}

// keeps reports whether the broker keeps a retained message on one of this client's own topics, and then removes it.
func (l *line) keeps(ctx context.Context, topic string) bool {
	ctx, cancel := context.WithTimeout(ctx, echoTime)
	defer cancel()
	m := transport.Message{Topic: topic, Payload: []byte(`{"kept":"` + rand.Text() + `"}`), QoS: 1, Retain: true}
	if l.session.Publish(ctx, m) != nil {
		return false
	}
	e := l.wait(echo{topic: topic, payload: m.Payload, kept: true})
	kept := l.session.Ask(ctx, topic) != nil || l.returns(ctx, e, nil) // if asking is forbidden, assume so
	_, _ = l.session.PublishAsync(ctx, transport.Message{Topic: topic, QoS: 1, Retain: true})
	return kept
}

// returns waits for an echo, and reports whether it came.
func (l *line) returns(ctx context.Context, e *echo, until <-chan time.Time) bool {
	select {
	case <-e.back:
		return true
	case <-l.end:
	case <-until:
	case <-ctx.Done():
	}
	select {
	case <-e.back:
		return true
	default:
		return false
	}
}

// BrokerLogin connects once, under a separate client identifier, to find out whether a broker accepts the login. The error
// says that it does not; a broker that is silent until ctx ends is not an error.
func BrokerLogin(ctx context.Context, m config.MQTT) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.ClientID += suffix
	m.Clean = true
	s, err := transport.New(zap.NewNop(), transport.Config{MQTT: m})
	if err == nil {
		err = s.Run(ctx, transport.Handlers{OnUp: func(context.Context) error { cancel(); return nil }})
	}
	if err != nil {
		return fmt.Errorf("mqttConfig: %w", err)
	}
	return nil
}

// BrokerAnswers connects to the first server once, under a client identifier of its own. The error is
// transport.ErrRefused if the broker does not accept the login.
func BrokerAnswers(ctx context.Context, m config.MQTT) error {
	l, err := connect(ctx, m, nil, nil)
	if err == nil {
		l.close()
	}
	return err
}
