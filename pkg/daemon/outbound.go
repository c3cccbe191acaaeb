package daemon

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Bounds of what is on its way to one remote.
const (
	batchRows     = 500
	batchWindow   = 4         // batches without an ack
	batchLimit    = 256 << 10 // bytes of a message; some brokers take no more than 128 KiB
	singleWindow  = 500       // changes of version 1 without an ack
	readBytes     = 4 << 20   // of rows read at a time
	answerTime    = 20 * time.Second
	longestAnswer = 5 * time.Minute
	doubtAfter    = 3 // batches without an answer, until a kept announcement is doubted
)

// answer is what a remote said of what it was sent.
type answer struct {
	info  wire.Info // version 1
	batch *wire.Ack // extension
}

// sender moves rows from the outbox to one remote: read, transform, publish, and
// book the answers. All of its state but what mu guards belongs to run.
type sender struct {
	n      *Node
	remote string
	log    *zap.Logger
	kick   chan struct{}

	mu      sync.Mutex
	answers []answer
	anew    bool // the remote has connected: what is on its way may not have reached it
	again   bool // a table's definition has changed: what was refused may be taken now

	after    int64                   // position in the outbox up to which rows were taken
	inFlight map[change.Row]struct{} // rows of all flights: one change of a row at a time
	batches  map[uint64]*flight      // by sequence number
	singles  map[single]*flight
	refused  int // of singles: they do not count for the window
	seq      uint64
	date     int64         // of the last change of version 1; never goes back
	patience time.Duration // until an answer is given up; grows while none comes
	silent   int           // batches in a row that were given up
	online   bool          // as last seen
	looked   time.Time     // when the outbox was last read from its beginning
	retried  time.Time     // when waiting rows were last made ready
}

// flight is what was sent and not answered.
type flight struct {
	sent     []outbox.Sent
	date     int64 // version 1
	deadline time.Time
	refused  bool // version 1: an error came; an existing peer may send data_received after it
}

// single names a change of version 1 as its answer does.
type single struct{ table, id string }

func newSender(n *Node, remote string) *sender {
	return &sender{
		n: n, remote: remote, log: n.log.Named("outbound").With(zap.String("remote", remote)), kick: make(chan struct{}, 1),
		inFlight: map[change.Row]struct{}{}, batches: map[uint64]*flight{}, singles: map[single]*flight{}, patience: answerTime,
	}
}

// wake makes run look for work. It never blocks.
func (s *sender) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// answered queues an answer. What is queued is bounded by what was sent: answers
// to nothing are dropped.
func (s *sender) answered(a answer) {
	s.mu.Lock()
	if len(s.answers) < 4*singleWindow {
		s.answers = append(s.answers, a)
	}
	s.mu.Unlock()
	s.wake()
}

// connected says that the remote has connected to the broker. What was published
// before it had subscribed is sent again at once: nobody will answer it.
func (s *sender) connected() {
	s.mu.Lock()
	s.anew = true
	s.mu.Unlock()
	s.wake()
}

// retry has the rows that were refused tried again at once.
func (s *sender) retry() {
	s.mu.Lock()
	s.again = true
	s.mu.Unlock()
	s.wake()
}

// run sends until ctx ends. Errors of the database are logged and tried again:
// what is not booked stays in the outbox. Promise 1.
func (s *sender) run(ctx context.Context) error {
	pause := time.Second
	for ctx.Err() == nil {
		err := s.step(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("rows could not be sent; trying again", zap.Duration("next", pause), zap.Error(err))
			s.drop()
		}
		wait := time.Second
		if err != nil {
			wait, pause = pause, min(2*pause, 15*time.Second)
		} else {
			pause = time.Second
		}
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-time.After(wait):
		}
	}
	return nil
}

// step books what was answered and sends what there is room for.
func (s *sender) step(ctx context.Context) error {
	if err := s.book(ctx); err != nil {
		return err
	}
	if !s.reachable() {
		s.drop()
		return nil
	}
	s.mu.Lock()
	anew, again := s.anew, s.again
	s.anew, s.again = false, false
	s.mu.Unlock()
	if anew {
		s.drop()
	}
	s.expire()
	now := s.n.now()
	again = again || s.clockSetBack(now)
	if now.Sub(s.retried) > time.Second || again {
		due := now
		if again {
			due = time.UnixMilli(math.MaxInt64)
		}
		if _, err := s.n.outbox.Retry(ctx, s.remote, due); err != nil {
			return err
		}
		s.retried = now
	}
	for s.room() > 0 {
		items, err := s.next(ctx)
		if err != nil || len(items) == 0 {
			return err
		}
		if err := s.send(ctx, items); err != nil {
			return err
		}
	}
	return nil
}

// clockSetBack reports whether the time at which waiting rows are due may lie too
// far ahead: the clock was set back since the last look, or nobody knows whether
// it was, because there was none.
func (s *sender) clockSetBack(now time.Time) bool {
	if s.retried.IsZero() {
		return true
	}
	// Round strips the reading of the clock that nobody sets.
	return now.Round(0).Sub(s.retried.Round(0)) < now.Sub(s.retried)-time.Second
}

// reachable reports whether the remote is online and so are we.
func (s *sender) reachable() bool {
	online := s.n.transport.Online() && s.n.presence.Online(s.remote)
	if online != s.online {
		s.online = online
		s.patience, s.silent = answerTime, 0
	}
	return online
}

// drop forgets what is on its way; it is still in the outbox and will be read
// anew.
func (s *sender) drop() {
	clear(s.inFlight)
	clear(s.batches)
	clear(s.singles)
	s.refused, s.after = 0, 0
}

// expire gives up what was not answered in time. It is sent again.
func (s *sender) expire() {
	now := s.n.now()
	gone := 0
	for seq, f := range s.batches {
		if now.After(f.deadline) {
			gone++
			s.land(f)
			delete(s.batches, seq)
		}
	}
	batches := gone
	for k, f := range s.singles {
		if f.refused && (now.After(f.deadline) || s.refused > 2*singleWindow) {
			s.landSingle(k, f)
		} else if now.After(f.deadline) {
			gone++
			s.landSingle(k, f)
		}
	}
	if gone == 0 {
		return
	}
	s.log.Warn("no answer came; sending again", zap.Int("messages", gone), zap.Duration("after", s.patience))
	s.after = 0
	s.patience = min(2*s.patience, longestAnswer)
	s.silent += batches
	if s.silent >= doubtAfter && s.n.peers.doubt(s.remote) {
		s.log.Warn("the remote does not answer batches; speaking version 1 to it until it announces itself")
		s.silent, s.patience = 0, answerTime
	}
}

// land takes a flight's rows out of the air.
func (s *sender) land(f *flight) {
	for _, x := range f.sent {
		delete(s.inFlight, x.Row)
	}
}

func (s *sender) landSingle(k single, f *flight) {
	delete(s.singles, k)
	if f.refused {
		s.refused-- // its rows landed when it was refused
		return
	}
	s.land(f)
}

// room returns how many rows may be sent now. It waits for some room before it
// offers any: rows are read in batches.
func (s *sender) room() int {
	if s.n.peers.speaksBatches(s.remote) {
		if len(s.batches) < batchWindow {
			return batchRows
		}
		return 0
	}
	if free := singleWindow - len(s.singles) + s.refused; free >= singleWindow/4 {
		return min(free, batchRows)
	}
	return 0
}

// next returns rows to be sent, none of them on its way already. The outbox is
// read from where the last call ended, and now and then from its beginning: rows
// that were marked again, or became visible late, stand there.
func (s *sender) next(ctx context.Context) ([]outbox.Item, error) {
	items, err := s.read(ctx, s.room())
	if err != nil || len(items) > 0 || s.after == 0 {
		return items, err
	}
	if now := s.n.now(); len(s.inFlight) == 0 || now.Sub(s.looked) > time.Second {
		s.looked, s.after = now, 0
		return s.read(ctx, s.room()+len(s.inFlight))
	}
	return nil, nil
}

func (s *sender) read(ctx context.Context, limit int) ([]outbox.Item, error) {
	items, err := s.n.outbox.Next(ctx, s.remote, s.after, limit)
	if err != nil {
		return nil, err
	}
	fresh := items[:0]
	for _, i := range items {
		s.after = max(s.after, i.Position)
		if _, ok := s.inFlight[i.Row]; !ok {
			fresh = append(fresh, i)
		}
	}
	return fresh[:min(len(fresh), s.room())], nil
}

// send reads, transforms and publishes rows. What is not sent (a transformer
// failed, or the target is not to have the row) is booked at once.
func (s *sender) send(ctx context.Context, items []outbox.Item) error {
	d, err := s.n.render(ctx, s.remote, items)
	if err != nil {
		return err
	}
	if d.partial {
		s.after = 0 // rows that were not read this time are read the next
	}
	if len(d.failed) > 0 {
		if err := s.n.outbox.Fail(ctx, s.remote, d.failed); err != nil {
			return err
		}
	}
	if len(d.idle) > 0 {
		if _, err := s.n.outbox.Done(ctx, s.remote, d.idle); err != nil {
			return err
		}
	}
	if len(d.outgoing) == 0 {
		return nil
	}
	if s.n.peers.speaksBatches(s.remote) {
		err = s.sendBatch(ctx, d.outgoing)
	} else {
		err = s.sendSingles(ctx, d.outgoing)
	}
	if errors.Is(err, transport.ErrOffline) {
		s.drop()
		return nil // the outbox keeps them
	}
	return err
}

// sendBatch publishes rows by the extension.
func (s *sender) sendBatch(ctx context.Context, rows []outgoing) error {
	s.seq++
	b := &wire.Batch{Session: s.n.session, Seq: s.seq, Sent: s.n.now().UnixMilli(), Changes: make([]change.Change, len(rows))}
	f := &flight{sent: make([]outbox.Sent, len(rows)), deadline: s.n.now().Add(s.patience)}
	for i, o := range rows {
		b.Changes[i], f.sent[i] = o.Change, o.sent
		s.inFlight[o.sent.Row] = struct{}{}
	}
	s.batches[s.seq] = f
	for _, piece := range s.n.codec.Pack(b, batchLimit) {
		m := transport.Message{Topic: wire.BatchOf(s.remote, s.n.cfg.ClientName), Payload: piece, QoS: 1}
		if _, err := s.n.transport.PublishAsync(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// sendSingles publishes rows by version 1. The date is stamped now, and by the
// peer's clock if that is ahead: an existing peer drops a change that is older
// than its own start.
func (s *sender) sendSingles(ctx context.Context, rows []outgoing) error {
	s.date = max(s.date, s.n.now().Add(s.n.presence.Ahead(s.remote)).UnixMilli())
	for _, o := range rows {
		k := single{o.Table, o.id}
		if f := s.singles[k]; f != nil && f.refused {
			s.landSingle(k, f)
		} else if f != nil {
			continue // two rows became one id; the second follows after the ack
		}
		c := wire.Change{Sender: s.n.cfg.ClientName, Table: o.Table, ID: o.id, Date: s.date, Entity: o.entity}
		payload, err := c.Encode()
		if err != nil {
			if err := s.n.outbox.Fail(ctx, s.remote, []outbox.Failure{s.failure(o.sent.Item, err.Error(), false)}); err != nil {
				return err
			}
			continue
		}
		s.singles[k] = &flight{sent: []outbox.Sent{o.sent}, date: s.date, deadline: s.n.now().Add(s.patience)}
		s.inFlight[o.sent.Row] = struct{}{}
		if _, err := s.n.transport.PublishAsync(ctx, transport.Message{Topic: wire.ChangeOf(s.remote), Payload: payload, QoS: 1}); err != nil {
			return err
		}
	}
	return nil
}
