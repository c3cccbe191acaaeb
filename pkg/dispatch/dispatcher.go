package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Receiver takes messages with rows; see receive.Receiver.
type Receiver interface {
	Receive(topic wire.Topic, d transport.Delivery)
}

// Answers wait for their clients; see receive.Answers.
type Answers interface{ Wake() }

// Verifier takes questions and answers about tables; see verify.Verifier.
type Verifier interface {
	MayCome(sender string, bytes int) bool
	Hear(topic wire.Topic, payload []byte)
}

// Desk takes the requests of sites that want to join; see sites.Desk.
type Desk interface {
	Hear(topic wire.Topic, payload []byte)
}

// Meter counts panics.
type Meter interface{ Panicked() }

// Config is what a Dispatcher is made of.
type Config struct {
	Log      *zap.Logger
	Node     *config.Config
	Session  uint64 // of this run of the node: acks name the one that they are for
	Gate     *receive.Gate
	Refused  *mesh.Refusals
	Mesh     *mesh.Mesh
	Receiver Receiver
	Answers  Answers
	Senders  deliver.Senders
	Verifier Verifier
	Desk     Desk   // nil: no site can join
	Hub      string // from which the node takes its configuration; "": none
	Hears    func() // called when that has announced itself
	Meter    Meter
	Came     func(client string) // called when a client was heard of, and may have come; must not block
}

// Dispatcher hands out incoming messages. Its handlers are a session's; Run is called once.
type Dispatcher struct {
	Config
	mail *receive.Mail
}

// New returns a Dispatcher.
func New(c Config) *Dispatcher { return &Dispatcher{c, receive.NewMail(c.Node.Clients())} }

// Handlers are what a session calls.
func (d *Dispatcher) Handlers() transport.Handlers {
	return transport.Handlers{Deliver: d.deliver, OnUp: d.up, OnDown: d.down, Most: d.Gate.Most, Dropped: d.dropped}
}

// Run reads the mail until ctx ends.
func (d *Dispatcher) Run(ctx context.Context) error { return d.mail.Run(ctx, d.read) }

// up announces the node, and sends what waited for the broker.
func (d *Dispatcher) up(ctx context.Context) error {
	if err := d.Mesh.Announce(ctx); err != nil {
		return err
	}
	d.Senders.Wake()
	d.Mesh.AskOwn(ctx)
	return nil
}

// down stops what is in flight.
func (d *Dispatcher) down() {
	d.Mesh.Down()
	d.Senders.Wake()
}

// deliver takes every delivery. It must return at once.
func (d *Dispatcher) deliver(m transport.Delivery) {
	defer d.survive()
	topic := d.Gate.Topics.Parse(m.Topic)
	switch topic.Kind {
	case wire.InfoAll:
		d.heard(d.Mesh.HearInfo(m.Payload))
	case wire.HereOf:
		d.heard(d.Mesh.HearHere(topic.Client, m.Payload, m.Retained))
	case wire.Announce:
		if topic.Client == d.Node.ClientName { // how long that was away is seen by the order in which it comes
			d.Mesh.HearNode(topic.Client, m.Payload, m.Retained)
		} else {
			d.post(topic, topic.Client, m)
		}
	case wire.InfoMe:
		if sender := receive.PeekSender(m.Payload); d.Senders[sender] != nil {
			d.post(topic, sender, m)
		}
	case wire.BatchAckFor:
		d.post(topic, topic.Sender, m)
	case wire.VerifyFor:
		if d.Verifier.MayCome(topic.Sender, len(m.Payload)) {
			d.post(topic, topic.Sender, m)
		}
	case wire.JoinTo:
		if d.Desk != nil {
			d.Desk.Hear(topic, m.Payload)
		}
	case wire.ChangeTo, wire.BatchTo:
		d.Receiver.Receive(topic, m)
		return
	}
	go m.Ack()
}

// heard sends what waited for a client, or lets it rest: it came, stays or left.
func (d *Dispatcher) heard(client string) {
	if client == "" {
		return
	}
	if s := d.Senders[client]; s != nil {
		s.Wake()
	}
	d.Answers.Wake()
	d.came(client)
}

func (d *Dispatcher) came(client string) {
	if d.Came != nil {
		d.Came(client)
	}
}

// post queues a message to be read. One for which there is no room is dropped: its sender, who hears nothing, sends it
// again.
func (d *Dispatcher) post(topic wire.Topic, sender string, m transport.Delivery) {
	if !d.mail.Put(receive.Letter{Topic: topic, Sender: sender, Payload: m.Payload, Kept: m.Retained}) {
		d.refuse(sender, topic.Kind, errMail)
	}
}

// dropped is called with messages that were not let in.
func (d *Dispatcher) dropped(topic string, bytes int) {
	t := d.Gate.Topics.Parse(topic)
	sender := t.Sender
	if sender == "" {
		sender = t.Client
	}
	switch most := d.Gate.Most(topic); {
	case most < 0 && (t.Kind == wire.Announce || t.Kind == wire.HereOf || sender == d.Node.ClientName): // strangers may be on the broker; check tries the topics
	case most < 0:
		d.refuse(sender, t.Kind, errNoRight)
	default:
		d.refuse(sender, t.Kind, fmt.Errorf("it has %d bytes, more than %d", bytes, most))
	}
}

var (
	errMail    = errors.New("too much of its sender waits to be read")
	errNoRight = errors.New("its sender has no right to send it")
)

func (d *Dispatcher) refuse(sender string, kind wire.Kind, why error) {
	d.Refused.Broken("message refused", sender, zap.Stringer("kind", kind), zap.Error(why))
}

// survive keeps a panic to the message that it happened with.
func (d *Dispatcher) survive() {
	if p := recover(); p != nil {
		d.Panicked("receive", p, debug.Stack())
	}
}

// Panicked logs a panic, and counts it.
func (d *Dispatcher) Panicked(what string, err any, stack []byte) {
	d.Meter.Panicked()
	d.Log.Error("a message made the node panic and was refused; the node goes on: please report this",
		zap.String("in", what), zap.Any("error", err), zap.ByteString("stack", stack))
}
