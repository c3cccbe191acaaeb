package receive

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mesh"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of what waits, in bytes. Those of a sender grow with the largest batch; those of all do not grow with their number, but for
// what each has whatever the others use. Promise 10.
const (
	laneMore     = 8 << 20   // packed, of one sender, beside the largest batch: as much as a sender of ours has on its way
	laneLeast    = 1 << 20   // that each sender has, whatever others use,
	laneFew      = 160 << 10 // where they are many: more than one message of ours
	leastAll     = 4 << 20   // of all of them
	queueMore    = 4 << 20   // packed, of all senders, beside those of one; beyond that each has laneLeast
	pieceMore    = 1 << 20   // of a sender's batches in pieces, beside the largest batch
	piecesMore   = 8 << 20   // of all senders' batches in pieces, beside the largest batch
	unpackedMore = 10 << 20  // unpacked and not yet answered, of all senders, beside the largest batch
)

// unackedMost is how many batches of one sender the broker waits for: it hands out only some messages at a time, and others' come
// behind them. A batch has an ack of its own.
const unackedMost = 4

// Node is what the receiver needs of the node that it is part of.
type Node interface {
	// Speaks returns why a client may not speak version 1, or nil; mesh.ErrTold where that was told.
	Speaks(client string) error
	// Unseal opens a message; ok is false where it is refused, which it tells.
	Unseal(topic wire.Topic, payload []byte) (plain []byte, ok bool)
	// Came says that a message of a client was understood; sent is by its clock, zero where that is not known.
	Came(client string, batch bool, sent time.Time)
	// Ack answers a batch.
	Ack(ctx context.Context, client string, a wire.Ack)
	// Answer answers a change of version 1; message is empty where it is done.
	Answer(c wire.Change, message string)
	// Arrived counts rows of a client, but for those that were rejected.
	Arrived(client string, rows int, table func(int) string, rejects []wire.Reject)
	// Applied runs after each round.
	Applied(ctx context.Context, took time.Duration)
	// Panicked counts a panic.
	Panicked()
}

// Applier applies changes; see apply.Applier.
type Applier interface {
	ApplyFor(ctx context.Context, changes []apply.Incoming, patience time.Duration) ([]apply.Result, error)
	Due() (time.Time, bool)
}

// Config is what a Receiver is made of.
type Config struct {
	Log     *zap.Logger
	Gate    *Gate
	Named   []string // clients that rows are taken from; others share one lane, where Gate.Accepts takes any
	Codec   *wire.Codec
	Refused *mesh.Refusals
	Node    Node
	Now     func() time.Time
}

// Receiver takes messages with rows, and moves them into the database. Receive may be called as soon as it is made, and from
// one goroutine; Run once.
type Receiver struct {
	Config
	Beat Beat // of the rounds

	decoder *Decoder
	applier Applier
	lanes   map[string]*lane // one for each client of Named, and one for all others
	others  *lane            // nil: nobody else is taken rows from
	queued  queued
	pieces  *pieces
	held    held // of all lanes
	ready   chan turn
	again   []turn              // to be tried again; of the rounds
	before  *lane               // of what was tried again last
	room    *semaphore.Weighted // for what is unpacked
	share   int64               // of room, that one lane may have

	rowNews  RowNews // of rows that are not applied
	waitNews RowNews // of rows that wait for others
	dropped  drops
	panics   few // stacks in the log
}

// New returns a Receiver.
func New(c Config) *Receiver {
	r := &Receiver{Config: c, lanes: map[string]*lane{}, ready: make(chan turn)}
	r.share = int64(c.Codec.Most())
	r.queued.lane, r.queued.least = c.Codec.Most()+laneMore, min(laneLeast, max(laneFew, leastAll/(len(c.Named)+1)))
	r.pieces = newPieces(c.Now, c.Codec.Most()+pieceMore, c.Codec.Most()+piecesMore)
	r.room = semaphore.NewWeighted(r.share + unpackedMore)
	for _, name := range c.Named {
		if name != c.Gate.Self {
			r.lanes[name] = newLane(r, name)
		}
	}
	if c.Gate.Accepts(config.Anyone) {
		r.others = newLane(r, config.Anyone)
	}
	return r
}

func (r *Receiver) lane(sender string) *lane {
	if l := r.lanes[sender]; l != nil {
		return l
	}
	return r.others
}

// Receive takes a message with rows. It returns at once. The broker is told that a change of version 1 has come after its commit, as
// its sender goes by that; of batches only the first few of a sender wait so long, since they have an ack of their own, which goes
// out after the commit whatever the broker was told. Promise 6.
func (r *Receiver) Receive(topic wire.Topic, d transport.Delivery) {
	if !r.put(topic, d) {
		go d.Ack()
	}
}

func (r *Receiver) put(topic wire.Topic, d transport.Delivery) bool {
	sender := topic.Sender
	if topic.Kind == wire.ChangeTo {
		if sender = PeekSender(d.Payload); sender == "" {
			r.Refused.Broken("change refused", "", zap.String("topic", d.Topic), zap.Error(errNoSender))
			return false
		}
	}
	what := "batch refused"
	if topic.Kind == wire.ChangeTo {
		what = "change refused"
		if err := r.Node.Speaks(sender); err != nil {
			r.decline(sender, d.Payload, err)
			return false
		}
	}
	if sender == r.Gate.Self || !r.Gate.Accepts(sender) {
		r.Refused.Broken(what, sender, zap.Error(errNotAccepted))
		return false
	}
	l := r.lane(sender)
	ack, early := d.Ack, false
	if topic.Kind == wire.BatchTo {
		if early = l.unacked.Load() >= unackedMost; early {
			ack = func() {}
		} else {
			l.unacked.Add(1)
			ack = func() { l.unacked.Add(-1); d.Ack() }
		}
	}
	if l.queue.put(message{topic: topic, sender: sender, payload: d.Payload, ack: ack, kept: d.Retained}) {
		if early {
			go d.Ack()
		}
	} else {
		if topic.Kind == wire.BatchTo && !early {
			l.unacked.Add(-1)
		}
		// Its sender sees no ack and sends it again.
		r.dropped.tell(r.Log, r.Now(), sender, len(d.Payload))
		return false
	}
	return true
}

// decline tells a client that it may not speak version 1, where its message is small: nobody queues in its name.
func (r *Receiver) decline(sender string, payload []byte, why error) {
	if errors.Is(why, mesh.ErrTold) {
		return
	}
	r.Refused.Broken("change refused", sender, zap.Error(why))
	if len(payload) > mostPresence || !r.Gate.Accepts(sender) {
		return
	}
	if c, err := wire.ParseChange(payload); err == nil && c.Sender == sender {
		r.Node.Answer(c, Told(why))
	}
}

var (
	errNotAccepted = errors.New("the sender is not in acceptFrom")
	errNoSender    = errors.New("it has no sender")
)

// Run moves what was received into the database until ctx ends.
func (r *Receiver) Run(ctx context.Context, d *Decoder, a Applier) error {
	r.decoder, r.applier = d, a
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range r.lanes {
		g.Go(func() error { return l.run(ctx) })
	}
	if r.others != nil {
		g.Go(func() error { return r.others.run(ctx) })
	}
	g.Go(func() error { return r.rounds(ctx) })
	return g.Wait()
}

// drops tells of messages that were dropped, once a minute. It is safe for concurrent use.
type drops struct {
	mu    sync.Mutex
	at    time.Time
	quiet int
}

func (d *drops) tell(log *zap.Logger, now time.Time, sender string, bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.quiet++; now.Sub(d.at).Abs() < time.Minute {
		return
	}
	log.Error("dropped a change because too many wait to be applied; is the database slow?",
		zap.String("sender", wire.Shorten(sender, 32)), zap.Int("bytes", bytes), zap.Int("messages", d.quiet))
	d.at, d.quiet = now, 0
}

// guard calls f and returns its panic as an error, which is logged with its stack. A message that makes us panic costs itself
// alone. Promise 9.
func (r *Receiver) guard(what, sender string, f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %.200v", ErrPanic, p)
			r.tellPanic(what, sender, err, string(debug.Stack()))
		}
	}()
	f()
	return nil
}

// tellPanic tells of a fault of this program; its stack is what it takes to find it. Somebody may have found a message that brings
// it about, and send it without end.
func (r *Receiver) tellPanic(what, sender string, err error, stack string) {
	r.Node.Panicked()
	if !r.panics.allow(r.Now()) {
		return
	}
	r.Log.Error("a message made the node panic and was refused; the node goes on: please report this", zap.String("in", what),
		zap.String("sender", wire.Shorten(sender, 32)), zap.Error(err), zap.String("stack", wire.Shorten(stack, 8000)))
}

// few lets a few of what may be very many pass: some a minute. It is safe for concurrent use.
type few struct {
	mu    sync.Mutex
	since time.Time
	n     int
}

func (f *few) allow(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.since).Abs() >= time.Minute {
		f.since, f.n = now, 0
	}
	f.n++
	return f.n <= 3
}

// ErrPanic is the error of a message in which this program has a fault.
var ErrPanic = errors.New("internal error")
