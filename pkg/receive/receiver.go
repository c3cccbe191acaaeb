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

// Bounds of waiting messages, in bytes. A sender's bounds grow with the largest batch; the totals do not grow with the
// number of senders, except for each one's minimum. Promise 10.
const (
	laneMore     = 8 << 20   // packed, of one sender, besides the largest batch: as much as one of our senders has in flight
	laneLeast    = 1 << 20   // that each sender has, whatever the others use,
	laneFew      = 160 << 10 // if there are many senders: more than one message of ours
	leastAll     = 4 << 20   // the total of these minimums
	queueMore    = 4 << 20   // packed, of all senders, besides one sender's; beyond that each has laneLeast
	pieceMore    = 1 << 20   // of one sender's batches in pieces, besides the largest batch
	piecesMore   = 8 << 20   // of all senders' batches in pieces, besides the largest batch
	unpackedMore = 10 << 20  // unpacked and not yet answered, of all senders, besides the largest batch
)

// unackedMost is how many batches of one sender stay unacked to the broker, which limits unacknowledged messages: other
// senders' messages queue behind them. A batch has an ack of its own.
const unackedMost = 4

// Clients knows how each client may speak; see mesh.Mesh.
type Clients interface {
	// Speaks returns why a client may not speak version 1, or nil; mesh.ErrTold if that is in the log already.
	Speaks(client string) error
	// Unseal opens a message; ok is false if it is refused, which Unseal logs.
	Unseal(topic wire.Topic, payload []byte) (plain []byte, ok bool)
	// Met notes that a client has done what only a node does.
	Met(client string)
}

// Replies go back to the senders of rows; see Answers.
type Replies interface {
	// Ack answers a batch.
	Ack(ctx context.Context, client string, a wire.Ack)
	// Answer answers a version 1 change; message is empty if it succeeded.
	Answer(c wire.Change, message string)
	// TellFreed tells senders about rows that need not wait any more.
	TellFreed(ctx context.Context)
}

// Counters count traffic; see status.Traffic.
type Counters interface {
	// Came notes that a client's message was understood; sent is by the client's clock, zero if unknown.
	Came(client string, sent time.Time)
	// Received counts a client's rows, except for rejected ones.
	Received(client string, rows int, table func(int) string, rejects []wire.Reject)
}

// Meter counts what nothing else reports.
type Meter interface {
	// Applied notes that received rows were written, and how long that took.
	Applied(took time.Duration)
	// Panicked notes that a message caused a panic.
	Panicked()
}

// Applier applies changes; see apply.Applier.
type Applier interface {
	ApplyFor(ctx context.Context, changes []apply.Incoming, patience time.Duration) ([]apply.Result, error)
	Due() (time.Time, bool)
}

// Config configures a Receiver.
type Config struct {
	Log      *zap.Logger
	Gate     *Gate
	Named    []string // clients to accept rows from; any others that Gate.Accepts allows share one lane
	Codec    *wire.Codec
	Refused  *mesh.Refusals
	Clients  Clients
	Answers  Replies
	Counters Counters
	Meter    Meter
	Now      func() time.Time
}

// Receiver receives messages with rows, and moves the rows into the database. Receive may be called right after New,
// from one goroutine; Run is called once.
type Receiver struct {
	Config
	Beat Beat // of the rounds

	decoder *Decoder
	applier Applier
	lanes   map[string]*lane // one for each client in Named, and one for all others
	others  *lane            // nil: no one else may send rows
	queued  queued
	pieces  *pieces
	held    held // of all lanes
	ready   chan turn
	take    taking
	again   retries             // of the rounds
	room    *semaphore.Weighted // for unpacked messages
	share   int64               // the part of room that one lane may use
	news    news
}

// news is what a Receiver logs at a bounded rate.
type news struct {
	refused RowNews // rows that were not applied
	waiting RowNews // rows that wait for others
	dropped drops
	panics  few // stacks
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

// Receive queues a message with rows and returns at once. A version 1 message is acked to the broker after its commit,
// since its sender relies on that. Of batches only the first few of a sender stay unacked that long: a batch has its
// own ack, which always goes out after the commit. Promise 6.
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
		if err := r.Clients.Speaks(sender); err != nil {
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
		// The sender gets no ack and sends again.
		r.news.dropped.tell(r.Log, r.Now(), sender, len(d.Payload))
		return false
	}
	return true
}

// decline tells a client that it may not speak version 1, if its message is small: nothing is queued in its name.
func (r *Receiver) decline(sender string, payload []byte, why error) {
	if errors.Is(why, mesh.ErrTold) {
		return
	}
	r.Refused.Broken("change refused", sender, zap.Error(why))
	if len(payload) > mostPresence || !r.Gate.Accepts(sender) {
		return
	}
	if c, err := wire.ParseChange(payload); err == nil && c.Sender == sender {
		r.Answers.Answer(c, Told(why))
	}
}

var (
	errNotAccepted = errors.New("the sender is not in acceptFrom")
	errNoSender    = errors.New("it has no sender")
)

// Run moves what was received into the database until ctx ends.
func (r *Receiver) Run(ctx context.Context, d *Decoder, a Applier) error {
	r.decoder, r.applier, r.take = d, a, r.handed
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

// drops logs dropped messages, at most once a minute. It is safe for concurrent use.
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

// guard calls f and returns a panic as an error, after logging its stack. A message that causes a panic costs only
// itself. Promise 9.
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

// tellPanic logs a bug in this program with the stack needed to find it, a few times only: someone may have found a
// message that triggers it, and send it endlessly.
func (r *Receiver) tellPanic(what, sender string, err error, stack string) {
	r.Meter.Panicked()
	if !r.news.panics.allow(r.Now()) {
		return
	}
	r.Log.Error("a message made the node panic and was refused; the node goes on: please report this", zap.String("in", what),
		zap.String("sender", wire.Shorten(sender, 32)), zap.Error(err), zap.String("stack", wire.Shorten(stack, 8000)))
}

// few lets only a few events a minute pass. It is safe for concurrent use.
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

// ErrPanic is the error of a message that triggered a bug in this program.
var ErrPanic = errors.New("internal error")
