package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// handOver bounds how long paho waits for its own writer to take a message. If the connection dies at that moment, no one
// takes it, so this also bounds how long ending a connection takes.
const handOver = time.Second

// link is one connection. Each has its own paho client, without a store, so nothing from an earlier connection is ever sent
// on a later one, and a late acknowledgement goes nowhere.
type link struct {
	server   string
	plan     Plan
	handlers Handlers
	client   mqtt.Client
	echo     *echo

	out    chan *Token // from PublishAsync to send
	flight chan *Token // from send to settle; its capacity is the window of unacknowledged messages

	once  sync.Once
	down  chan struct{} // closed when the connection is lost or given up
	cause error         // why; read it only once down is closed
}

// connect connects to one server and subscribes to the topics.
func (s *Session) connect(ctx context.Context, server *url.URL, p Plan, h Handlers) (*link, error) {
	l := &link{
		server:   server.Host,
		plan:     p,
		handlers: h,
		echo:     newEcho(s.c.EchoTopic),
		out:      make(chan *Token),
		flight:   make(chan *Token, s.c.Window),
		down:     make(chan struct{}),
	}
	timeout := s.c.MQTT.ConnectTimeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	o := s.options(l, server, timeout)
	dialed := false
	release := func() bool { return true }
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		conn, err := s.dial(ctx, server, h)
		if err == nil { // a stop does not wait for the broker's answer.
			dialed = true
			release = context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	})
	l.client = mqtt.NewClient(o)
	t := l.client.Connect()
	<-t.Done() // the connection above ends with ctx
	release()
	if err := plainly(t.Error()); err != nil {
		if why := s.certs.distrust(err); why != "" {
			return nil, fmt.Errorf("connect to %s: %w: %s: %w", l.server, ErrRefused, why, err)
		}
		if refusal(err) {
			return nil, fmt.Errorf("log in to %s as %q: %w: %w", l.server, s.c.MQTT.Username, ErrRefused, err)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) || time.Since(begun) >= timeout {
			// paho only knows that the connection is gone
			return nil, fmt.Errorf("connect to %s: no answer within %s", l.server, timeout)
		}
		if dialed {
			return nil, fmt.Errorf("connect to %s: %w: %w", l.server, ErrCut, err)
		}
		return nil, fmt.Errorf("connect to %s: %w", l.server, err)
	}
	if err := l.prepare(ctx, s.c.MQTT.Clean); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// prepare subscribes as planned.
func (l *link) prepare(ctx context.Context, clean bool) error {
	if !clean {
		if err := l.unsubscribe(ctx, l.plan.Drop); err != nil {
			return err
		}
	}
	if err := l.subscribe(ctx, append(at(1, l.plan.Topics), at(0, l.plan.Loose)...)); err != nil {
		return err
	}
	err := l.subscribe(ctx, at(0, l.plan.Light))
	if errors.Is(err, ErrDenied) && l.plan.Refused != nil {
		l.plan.Refused(err)
		return nil
	}
	return err
}

// options returns paho's options for one connection.
func (s *Session) options(l *link, server *url.URL, timeout time.Duration) *mqtt.ClientOptions {
	c := s.c.MQTT
	o := mqtt.NewClientOptions().
		SetClientID(c.ClientID).
		SetUsername(c.Username).
		SetPassword(c.Password).
		SetCleanSession(c.Clean).
		SetKeepAlive((c.KeepAlive + time.Second - 1).Truncate(time.Second)).
		// A silent broker is given up after 1.5 × the keepalive, just as it gives up a silent client.
		SetPingTimeout(c.KeepAlive / 2).
		SetConnectTimeout(timeout).
		SetWriteTimeout(handOver).
		// Without this, paho retries a refused login with MQTT 3.1.
		SetProtocolVersion(4).
		SetAutoReconnect(false).
		SetStore(noStore{}).
		SetOrderMatters(true).
		SetAutoAckDisabled(true).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { l.fail(fmt.Errorf("lost: %w", err)) }).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
			if m.Topic() == droppedTopic {
				if m.Qos() > 0 { // few at a time, since brokers keep few unacknowledged messages in flight
					go m.Ack()
				}
				return
			}
			l.echo.delivered(m.Topic(), m.Payload())
			if l.handlers.Deliver != nil {
				l.handlers.Deliver(Delivery{
					Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained(), Duplicate: m.Duplicate(), Ack: m.Ack,
				})
			}
		})
	o.Servers = []*url.URL{{Scheme: server.Scheme, Host: server.Host, Path: server.Path}}
	if w := l.plan.Will; w != nil {
		o.SetBinaryWill(w.Topic, w.Payload, w.QoS, w.Retain)
	}
	return o
}

// filtersMost is how many topics are subscribed together: brokers bound the size of a packet.
const filtersMost = 100

// subscription is a topic filter and its QoS.
type subscription struct {
	topic string
	qos   byte
}

// at returns subscriptions to topics at a QoS.
func at(qos byte, topics []string) (list []subscription) {
	for _, t := range topics {
		list = append(list, subscription{t, qos})
	}
	return list
}

// subscribe subscribes to all of a list.
func (l *link) subscribe(ctx context.Context, list []subscription) error {
	for part := range slices.Chunk(list, filtersMost) {
		if err := l.subscribeSome(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) subscribeSome(ctx context.Context, list []subscription) error {
	filters := make(map[string]byte, len(list))
	for _, s := range list {
		filters[s.topic] = s.qos
	}
	t := l.client.SubscribeMultiple(filters, nil).(*mqtt.SubscribeToken)
	select {
	case <-t.Done():
	case <-l.down:
		return fmt.Errorf("subscribe at %s: %w", l.server, l.cause)
	case <-ctx.Done():
		return fmt.Errorf("subscribe at %s: no answer: %w", l.server, ctx.Err())
	}
	if err := t.Error(); err != nil {
		return fmt.Errorf("subscribe at %s: %w", l.server, err)
	}
	answers := t.Result()
	for _, s := range list {
		if answers[s.topic] > 2 {
			return fmt.Errorf("subscribe %s at %s: %w: the broker's ACL does not let this client read it, a server of its"+
				" cluster is down, or it allows no more subscriptions (NATS: default_max_consumers)", s.topic, l.server, ErrDenied)
		}
	}
	return nil
}

// unsubscribe ends subscriptions. Those that there are not do no harm.
func (l *link) unsubscribe(ctx context.Context, topics []string) error {
	for part := range slices.Chunk(topics, filtersMost) {
		t := l.client.Unsubscribe(part...)
		select {
		case <-t.Done():
			if err := t.Error(); err != nil {
				return fmt.Errorf("unsubscribe at %s: %w", l.server, err)
			}
		case <-l.down:
			return fmt.Errorf("unsubscribe at %s: %w", l.server, l.cause)
		case <-ctx.Done():
			return fmt.Errorf("unsubscribe at %s: no answer: %w", l.server, ctx.Err())
		}
	}
	return nil
}

// Unsubscribe ends subscriptions of this connection. The error is an ErrOffline or ctx's.
func (s *Session) Unsubscribe(ctx context.Context, topics ...string) error {
	l := s.link.Load()
	if l == nil {
		return fmt.Errorf("unsubscribe: %w", ErrOffline)
	}
	return l.unsubscribe(ctx, topics)
}

// Resubscribe subscribes to topics at QoS 1, again or for the first time on this connection: the broker then delivers their
// retained messages. The error is an ErrOffline, ctx's, or an ErrDenied.
func (s *Session) Resubscribe(ctx context.Context, topics ...string) error {
	l := s.link.Load()
	if l == nil {
		return fmt.Errorf("subscribe: %w", ErrOffline)
	}
	return l.subscribe(ctx, at(1, topics))
}

// Ask subscribes to topics at QoS 0, which costs the broker least: it then delivers their retained messages. If a wider
// subscription includes a topic, its messages may come twice from then on. Errors are those of Resubscribe.
func (s *Session) Ask(ctx context.Context, topics ...string) error {
	l := s.link.Load()
	if l == nil {
		return fmt.Errorf("subscribe: %w", ErrOffline)
	}
	return l.subscribe(ctx, at(0, topics))
}

// fail gives the connection up. Only the first reason counts.
func (l *link) fail(cause error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.down)
	})
}

// close disconnects cleanly, unless the connection is already lost.
func (l *link) close() {
	l.client.Disconnect(uint(farewellTime.Milliseconds()))
	l.fail(ErrOffline)
}
