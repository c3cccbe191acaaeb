package transport

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// ErrOffline says that a message was not sent, or that the connection was lost before the broker acknowledged it.
var ErrOffline = errors.New("not connected to the broker")

// ErrRefused says that connecting failed for a reason that a new attempt does not cure: the login or a certificate.
var ErrRefused = errors.New("refused")

// ErrDenied means that the broker accepted the login but refused a subscription. An ACL may be the reason, which somebody
// mends without a word to the node, or a cluster that misses a server, which passes.
var ErrDenied = errors.New("refused")

// Config says how a Session connects and what it does then.
type Config struct {
	MQTT   config.MQTT
	Topics []string // to subscribe at QoS 1 after each connect

	// Will is published by the broker when the connection is lost, and by Run at an orderly stop. nil is none.
	Will *Message

	// OnUp runs after each connect, when the subscriptions stand and Publish works; it announces the node. Its ctx
	// ends with the connection. It must return; an error drops the connection, and a new one is made.
	OnUp func(ctx context.Context) error

	// OnDown runs once for each OnUp, when the connection is no longer there.
	OnDown func()

	// EchoTopic is a topic that is subscribed and published to by this node ("/info"). When the first message
	// that the node publishes there does not come back within EchoTimeout (default 10 s), an Error is logged:
	// brokers acknowledge a message that an ACL denies, so that nothing else would tell. "" is no check.
	EchoTopic   string
	EchoTimeout time.Duration

	// Most is how many bytes a message on a topic may have; nil is as many as a packet may. One that has more never reaches
	// memory: it is acknowledged, Dropped is told its topic ("" where that is too long) and its size, and the Handler gets
	// nothing. Both run for one message after the other, and must return at once.
	Most    func(topic string) int
	Dropped func(topic string, bytes int)

	// Window is how many messages may wait for the broker's acknowledgement (default 1000).
	Window int
}

// Message is one to be published.
type Message struct {
	Topic   string
	Payload []byte // must not be changed until the message is acknowledged
	QoS     byte   // 0, 1 or 2
	Retain  bool
}

// Delivery is a message that came.
type Delivery struct {
	Topic     string
	Payload   []byte
	Retained  bool // it was stored at the broker before the subscription
	Duplicate bool // the broker may have delivered it before

	// Ack acknowledges the delivery to the broker. It may be called later, from any goroutine, more than once, and
	// after the connection that it came by is gone, when it does nothing. It may wait for the network for some
	// seconds. Deliveries that are never acknowledged come again after a reconnect when the session is not clean.
	Ack func()
}

// Handler takes a delivery. Deliveries come one after another, in the broker's order. A handler must return at once,
// neither publishing nor acknowledging: nothing else can come, not even the answer to a keepalive, while it runs.
type Handler func(Delivery)
