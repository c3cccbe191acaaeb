package transport

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// ErrOffline means that a message was not sent, or that the connection was lost before the broker acknowledged it.
var ErrOffline = errors.New("not connected to the broker")

// ErrRefused means that connecting failed for a reason that retrying does not fix: the login or a certificate.
var ErrRefused = errors.New("refused")

// ErrDenied means that the broker accepted the login but refused a subscription. The cause may be an ACL, which someone
// can fix without touching the node, or a cluster with a server down, which passes.
var ErrDenied = errors.New("refused")

// ErrCut says that the broker ended the connection before it answered the login.
var ErrCut = errors.New("it ended the connection before it answered")

// Config says how a Session connects and what it does then.
type Config struct {
	MQTT  config.MQTT
	Plan                        // of each connection, unless Plans is set
	Plans func(last error) Plan // returns that of the next connection; last says why the one before failed or was lost

	// Sites returns how many nodes of the mesh lose their connections when this one does, because the broker restarts; nil: few.
	// Many take turns; see pauses.
	Sites func() int

	// Farewell returns what Run publishes on an orderly stop, when brokers drop the will; nil: the will.
	Farewell func() []Message

	// EchoTopic is a topic that this node both publishes and subscribes to ("/info"). If its first message
	// there does not come back within EchoTimeout (default 10 s), an Error is logged: brokers acknowledge
	// even a message that an ACL denies, so nothing else would show it. "": no check.
	EchoTopic   string
	EchoTimeout time.Duration

	// Window is how many messages may wait for the broker's acknowledgement (default 1000).
	Window int
}

// Plan is what a node needs of one connection.
type Plan struct {
	Topics []string // to subscribe at QoS 1; the connection is given up if the broker refuses one
	Loose  []string // the same at QoS 0, which costs a broker least: what is lost there is asked for, or sent, again
	Light  []string // to subscribe at QoS 0; the connection goes on if the broker refuses one
	Drop   []string // not to be subscribed: a session that is not clean may have them from before

	// Refused is called, before OnUp, if the broker refuses one of Light.
	Refused func(error)

	// Will is published by the broker when the connection is lost; nil is none. Brokers may refuse a login for it: Trial
	// says that the next Plan has another one, so that such a refusal does not end Run.
	Will  *Message
	Trial bool
}

// Message is a message to publish.
type Message struct {
	Topic   string
	Payload []byte // must not be changed until the message is acknowledged
	QoS     byte   // 0, 1 or 2
	Retain  bool
}

// Delivery is a received message.
type Delivery struct {
	Topic     string
	Payload   []byte
	Retained  bool // the broker had stored it before the subscription
	Duplicate bool // the broker may have delivered it before

	// Ack acknowledges the delivery to the broker. It may be called later, from any goroutine, and more than once;
	// once its connection is gone, it does nothing. It may block for some seconds on the network. Deliveries that are
	// never acknowledged come again after a reconnect, unless the session is clean.
	Ack func()
}

// Handlers are told what happens to a session. Each may be nil.
type Handlers struct {
	// Deliver takes a delivery. Deliveries come one after another, in the broker's order. It must return at once, and
	// neither publish nor acknowledge: while it runs, nothing else is received, not even the answer to a keepalive.
	Deliver func(Delivery)

	// OnUp runs after each connect, once the subscriptions are in place and Publish works; it announces the node. Its ctx
	// ends with the connection. It must return; an error drops the connection, and a new one follows.
	OnUp func(ctx context.Context) error

	// OnDown runs once for each OnUp, after the connection is gone.
	OnDown func()

	// Most returns how many bytes a message on a topic may have; nil: as many as fit into a packet. A larger one is never
	// read into memory: it is acknowledged, and Dropped gets its topic ("" if too long) and size instead of Deliver.
	// Both are called for one message at a time, and must return at once.
	Most    func(topic string) int
	Dropped func(topic string, bytes int)
}
