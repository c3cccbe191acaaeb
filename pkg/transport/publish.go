package transport

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Token tracks a message until the broker acknowledges it.
type Token struct {
	m    Message
	sent mqtt.Token
	done chan struct{}
	err  error
}

// Done is closed when the broker has acknowledged the message (with QoS 0, when it is written), or when the connection
// is lost.
func (t *Token) Done() <-chan struct{} { return t.done }

// Err returns nil if the broker has acknowledged the message, otherwise ErrOffline. Call it only once Done is closed.
func (t *Token) Err() error { return t.err }

// Publish sends a message and waits until the broker has acknowledged it. The error is ErrOffline, ctx's, or says what is
// wrong with m; in the first two cases, the broker may still have the message. Nothing is resent automatically.
func (s *Session) Publish(ctx context.Context, m Message) error {
	t, err := s.PublishAsync(ctx, m)
	if err != nil {
		return err
	}
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
		return fmt.Errorf("publish %s: %w", m.Topic, ctx.Err())
	}
}

// PublishAsync sends a message without waiting for the acknowledgement. Messages from one goroutine keep their order. It
// waits while the window is full. The error is ErrOffline, ctx's, or says what is wrong with m.
func (s *Session) PublishAsync(ctx context.Context, m Message) (*Token, error) {
	if err := check(m); err != nil {
		return nil, err
	}
	l := s.link.Load()
	if l == nil {
		return nil, fmt.Errorf("publish %s: %w", m.Topic, ErrOffline)
	}
	t := &Token{m: m, done: make(chan struct{})}
	select {
	case l.out <- t:
		return t, nil
	case <-l.down:
		return nil, fmt.Errorf("publish %s: %w", m.Topic, ErrOffline)
	case <-ctx.Done():
		return nil, fmt.Errorf("publish %s: %w", m.Topic, ctx.Err())
	}
}

// check rejects messages for which a broker would end the connection: a script may publish anything. Promise 9.
func check(m Message) error {
	switch {
	case m.Topic == "", len(m.Topic) > math.MaxUint16, strings.ContainsAny(m.Topic, "+#\x00"), !utf8.ValidString(m.Topic):
		return fmt.Errorf("publish %.100q: not a valid topic", m.Topic)
	case m.QoS > 2:
		return fmt.Errorf("publish %s: QoS %d is not 0, 1 or 2", m.Topic, m.QoS)
	case len(m.Topic)+len(m.Payload) > largestPacket-4: // 4: the topic's length and the packet identifier
		return fmt.Errorf("publish %s: its %d bytes are more than %d", m.Topic, len(m.Payload), largestPacket)
	}
	return nil
}

// send hands the messages to paho, one by one, until the connection is lost. It stands between PublishAsync and paho
// because paho blocks its caller when the connection dies.
func (l *link) send() {
	defer close(l.flight)
	for {
		select {
		case <-l.down:
			return
		case t := <-l.out:
			l.echo.published(t.m.Topic, t.m.Payload)
			t.sent = l.hand(t.m)
			l.flight <- t // settle receives until the channel is closed
		}
	}
}

// hand gives a message to paho, retrying while paho says that its writer is busy: a large message on a slow line is
// not an error.
func (l *link) hand(m Message) mqtt.Token {
	for {
		t := l.client.Publish(m.Topic, m.QoS, m.Retain, m.Payload)
		select {
		case <-t.Done():
			if t.Error() != nil && l.client.IsConnectionOpen() {
				continue
			}
		default:
		}
		return t
	}
}

// settle completes the tokens in the order of their messages, which is also that of the broker's acknowledgements.
func (l *link) settle() {
	for t := range l.flight {
		select {
		case <-t.sent.Done():
			if err := t.sent.Error(); err != nil {
				t.err = fmt.Errorf("publish %s: %w: %w", t.m.Topic, ErrOffline, err)
			}
		case <-l.down:
			t.err = fmt.Errorf("publish %s: %w", t.m.Topic, ErrOffline)
		}
		close(t.done)
	}
}
