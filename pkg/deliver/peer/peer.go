package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/deliver"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/render"
	"github.com/mysql-sync/mysql-sync/pkg/seal"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of what is in flight to one peer.
const (
	batchRows    = 500
	batchWindow  = 4       // unacknowledged batches
	batchBytes   = 8 << 20 // their packed size: a receiver keeps a bounded number of bytes per sender
	singleWindow = 500     // unacknowledged version-1 changes
)

// Publisher is the connection to the broker; see transport.Session.
type Publisher interface {
	PublishAsync(ctx context.Context, m transport.Message) (*transport.Token, error)
}

// Config is what the peers of a node share.
type Config struct {
	Log       *zap.Logger
	Client    string // of this node
	Session   uint64 // names this run of the process in batches
	Now       func() time.Time
	Topics    wire.Topics
	Codec     *wire.Codec
	Mesh      *mesh.Mesh
	Transport Publisher
}

// Peer is a remote that rows are sent to. It is a [deliver.Destination].
type Peer struct {
	c      *Config
	remote string
	log    *zap.Logger
	dates  Dates     // of version-1 changes
	unmet  time.Time // since when it has been online without a key to seal for it
	told   bool
}

// New returns the peer with a client's name.
func New(c *Config, remote string) *Peer {
	return &Peer{c: c, remote: remote, log: c.Log.With(zap.String("remote", remote))}
}

// Ready reports whether both the remote and this node are online, and it is known which protocol the remote speaks.
func (p *Peer) Ready() bool {
	switch p.c.Mesh.Reach(p.remote) {
	case mesh.Unmet:
		p.waitForKey()
	case mesh.Ready:
		p.unmet, p.told = time.Time{}, false
		return true
	}
	return false
}

// keyTime is how long the announcement of an online remote may take to arrive.
const keyTime = 10 * time.Second

// waitForKey logs, once, that nothing is sent to an online remote because it requires sealed messages and none can be
// sealed for it.
func (p *Peer) waitForKey() {
	now := p.c.Now()
	if p.unmet.IsZero() {
		p.unmet = now
	}
	if !p.told && now.Sub(p.unmet) > keyTime {
		p.told = true
		p.log.Warn("sending nothing to the remote: encryption.required lists it, and it has not announced a key that this node has")
	}
}

// Limits returns how much may be in flight.
func (p *Peer) Limits() deliver.Limits {
	l := deliver.Limits{Rows: batchRows, Messages: batchWindow, Bytes: batchBytes, MaxRow: p.c.Mesh.MaxRow(p.remote), Routes: p.c.Mesh.Routes(p.remote), Merges: p.c.Mesh.Merges(p.remote), Counts: p.c.Mesh.Counts(p.remote)}
	if !p.c.Mesh.SpeaksBatches(p.remote) {
		l.Single, l.Messages, l.Bytes = true, singleWindow, 0
	}
	return l
}

// Declines reports whether the remote has announced that it does not receive a table.
func (p *Peer) Declines(table string) bool { return p.c.Mesh.Declines(p.remote, table) }

// Takes reports whether the remote has announced that it receives a table. One that speaks version 1 announces nothing.
func (p *Peer) Takes(table string) bool {
	return (p.c.Mesh.Announced(p.remote) || !p.c.Mesh.SpeaksBatches(p.remote)) && !p.c.Mesh.Declines(p.remote, table)
}

// Answered is called when a message was answered: whoever acks a batch is a node.
func (p *Peer) Answered(n deliver.Name) {
	if n.Seq > 0 {
		p.c.Mesh.Met(p.remote)
	}
}

// Unanswered returns what unanswered batches mean: a retained announcement may be that of a node that an existing peer
// has replaced.
func (p *Peer) Unanswered(said bool) deliver.Silence {
	if p.c.Mesh.Doubt(p.remote) {
		p.log.Warn("the remote does not answer batches; speaking version 1 to it until it announces itself")
		return deliver.Otherwise
	}
	if !p.c.Mesh.IsNode(p.remote) {
		return deliver.Slow
	}
	if !said {
		p.log.Warn("the remote answers no batch although it is known as a node; version 1 is used only if version1Clients lists it")
	}
	return deliver.Mute
}

// Pack makes a batch of rows, or a version-1 change of each.
func (p *Peer) Pack(rows []render.Outgoing, single bool) []deliver.Message {
	if !single {
		b := &wire.Batch{Sent: p.c.Now().UnixMilli(), Changes: make([]change.Change, len(rows))}
		for i := range rows {
			b.Changes[i] = rows[i].Change
		}
		return []deliver.Message{{Rows: len(rows), Body: p.c.Codec.Body(b)}}
	}
	date := p.dates.Next(p.c.Now(), p.c.Mesh.Ahead(p.remote))
	list := make([]deliver.Message, len(rows))
	for i := range rows {
		o := &rows[i]
		c := wire.Change{Sender: p.c.Client, Table: o.Table, ID: o.ID, Date: date, Entity: o.Entity}
		list[i] = deliver.Message{Name: deliver.Name{Table: o.Table, ID: o.ID}, Stamp: date, Rows: 1}
		list[i].Body, list[i].Err = c.Encode()
	}
	return list
}

// Send publishes a message without waiting for it to arrive.
func (p *Peer) Send(ctx context.Context, m deliver.Message) error {
	err := p.send(ctx, m)
	if errors.Is(err, transport.ErrOffline) || errors.Is(err, seal.ErrUnmet) { // it became known while the rows were read
		return fmt.Errorf("%w: %w", deliver.ErrAway, err)
	}
	return err
}

func (p *Peer) send(ctx context.Context, m deliver.Message) error {
	if m.Name.Seq == 0 {
		_, err := p.c.Transport.PublishAsync(ctx, transport.Message{Topic: p.c.Topics.ChangeOf(p.remote), Payload: m.Body, QoS: 1})
		return err
	}
	topic := p.c.Topics.BatchOf(p.remote, p.c.Client)
	for _, piece := range wire.Messages(p.c.Session, m.Name.Seq, m.Body, wire.MessageBytes) {
		piece, err := p.c.Mesh.Seal(seal.Batch, p.remote, piece)
		if err != nil {
			return err
		}
		if _, err := p.c.Transport.PublishAsync(ctx, transport.Message{Topic: topic, Payload: piece, QoS: 1}); err != nil {
			return err
		}
	}
	return nil
}

// Ack returns the answer in an ack of a batch.
func Ack(a wire.Ack, size int) deliver.Answer {
	return deliver.Answer{Name: deliver.Name{Seq: a.Seq}, Failed: a.Failed, Held: a.Held, Size: size}
}

// Info returns the answer in a version-1 message: an existing peer may send data_received after an error.
func Info(i wire.Info, size int) deliver.Answer {
	a := deliver.Answer{Name: deliver.Name{Table: i.Table, ID: i.ID}, Stamp: i.Date, Size: size}
	if i.Message == wire.Failed {
		a.Open, a.Failed = true, []wire.Reject{{Message: i.Error}}
	}
	return a
}
