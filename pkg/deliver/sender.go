package deliver

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/receive"
)

// Sender brings rows to one destination. Requests may come from any goroutine; everything else belongs to Run.
type Sender struct {
	c      *Config
	remote string
	to     Destination
	log    *zap.Logger
	inbox  inbox
	beat   receive.Beat

	flights flights
	road    road   // its place in the stream
	marks   marks  // its place in the rows marked for the remote
	tables  tables // its place in the tables being sent as a whole
	picks
	retries
	noted
	contact
	news receive.RowNews // of refused rows
}

// retries says when waiting rows are retried.
type retries struct {
	probes probes
	looked look // at them
}

// contact is the destination's behaviour.
type contact struct {
	online bool         // as last seen
	mute   atomic.Int64 // since when too many messages went unanswered (µs since 1970); 0: they are answered
	catchUp
}

// New returns a remote's sender.
func New(c *Config, remote string, to Destination) *Sender {
	return &Sender{
		c: c, remote: remote, to: to, log: c.Log.With(zap.String("remote", remote)), inbox: inbox{kick: make(chan struct{}, 1)},
		flights: newFlights(answerTimeFor(c.Loads)), marks: marks{due: true, any: true},
	}
}

// Begin records where the stream ends at the start of the run and, for each table with a new transformer, the first
// rows that the remote may hold: the rest of a large one is recorded before it is sent.
func (s *Sender) Begin(ctx context.Context) (err error) {
	if s.begun, err = s.c.Stream.Visible(ctx); err != nil {
		return err
	}
	return s.note(ctx, 1)
}

// Run sends until ctx ends. Database errors are logged and retried: whatever is not recorded is still due. Promise 1.
func (s *Sender) Run(ctx context.Context) error {
	again := time.Second
	for ctx.Err() == nil {
		s.beat.Begin(s.c.Now())
		err := s.Step(ctx)
		s.beat.End()
		if err != nil && ctx.Err() == nil {
			s.log.Warn("could not send rows; retrying", zap.Duration("next", again), zap.Error(err))
		}
		wait := time.Second
		if err != nil {
			wait, again = again, min(2*again, 15*time.Second)
		} else {
			again = time.Second
		}
		_ = pause.Kicked(ctx, s.inbox.kick, wait) // a message arrived, or there is more to do
	}
	return nil
}

// Step records the answers and sends as much as there is room for. After an error, everything not recorded is read
// again.
func (s *Sender) Step(ctx context.Context) error {
	told := s.inbox.take()
	err := s.step(ctx, told)
	if err != nil {
		s.inbox.back(told) // or rows that could go now would wait for their time
		s.drop()
	}
	return err
}

func (s *Sender) step(ctx context.Context, told told) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.book(ctx, told.answers); err != nil {
		return err
	}
	if !s.reachable() {
		s.leaveTurns()
		s.inbox.back(told)
		s.drop()
		return s.show(ctx)
	}
	if told.anew {
		s.drop()
	}
	if s.lookAtPauses(); s.paused {
		if err := s.expire(ctx); err != nil {
			return err
		}
		s.leaveTurns()
		return s.rest(ctx, told)
	}
	if may, err := s.maySend(ctx); !may || err != nil {
		return errors.Join(err, s.rest(ctx, told))
	}
	if told.marked {
		s.marks.found()
		s.tables.looked = time.Time{}
	}
	if err := s.expire(ctx); err != nil {
		return err
	}
	for _, table := range told.readable {
		if p := s.probes[table]; p != nil {
			p.hopeful(s.c.Now())
		}
		s.tables.looked = time.Time{}
	}
	if err := s.makeReady(ctx, told.again); err != nil {
		return err
	}
	if err := s.giveBack(ctx); err != nil {
		return err
	}
	for more := true; more && s.room() > 0; {
		var err error
		if more, err = s.sendNext(ctx); err != nil {
			return err
		}
	}
	s.caughtUp()
	return s.show(ctx)
}

// room returns how many rows may be sent now.
func (s *Sender) room() int { return s.flights.room(s.to.Limits()) }

// reachable reports whether the destination is ready.
func (s *Sender) reachable() bool {
	ready := s.to.Ready()
	if ready != s.online {
		s.online = ready
		s.heard()
	}
	return ready
}

// heard is called when the remote has answered, or when no one can tell whether it would.
func (s *Sender) heard() {
	s.flights.heard()
	s.mute.Store(0)
}

// drop forgets what is in flight; it is still due and will be read again.
func (s *Sender) drop() {
	s.flights.drop()
	s.road.back()
	s.marks.found()
	s.tables = tables{apart: s.tables.apart, told: s.tables.told}
}

// expire gives up messages that were not answered in time. Their rows are marked, to be sent again: a remote that never
// answers for some rows does not hold up the others.
func (s *Sender) expire(ctx context.Context) error {
	after := s.flights.patience
	gone := s.flights.expire(s.c.Now(), s.to.Limits())
	if len(gone) == 0 {
		return nil
	}
	s.c.Counters.Unanswered(s.remote, len(gone))
	s.log.Warn("no answer; sending again", zap.Int("messages", len(gone)), zap.Duration("after", after))
	if s.flights.silent >= doubtAfter {
		switch s.to.Unanswered(s.mute.Load() != 0) {
		case Otherwise:
			s.flights.heard()
		case Mute:
			s.mute.CompareAndSwap(0, s.c.Now().UnixMicro())
		}
	}
	for _, f := range gone {
		if err := s.later(ctx, f.sent, f.stretch); err != nil {
			return err
		}
	}
	return nil
}

// doubtAfter is how many unanswered messages raise doubts whether the destination understands them.
const doubtAfter = 3

// later marks rows that are to be sent again, so that their stretch can close without them.
func (s *Sender) later(ctx context.Context, sent []outbox.Sent, from *stretch) error {
	if from != nil {
		if err := s.c.Outbox.Later(ctx, s.remote, sent); err != nil {
			return err
		}
		from.close(len(sent))
	}
	s.marks.found()
	return nil
}

// sendNext sends some rows of the stream, of those marked for the remote, or of tables sent as a whole, in turns, so
// that none waits for the end of another. It returns false if there are none.
func (s *Sender) sendNext(ctx context.Context) (bool, error) {
	for range 3 {
		var items []outbox.Item
		var from *stretch
		var err error
		switch s.turn++; s.turn % 3 {
		case 0:
			var l *load
			var alone bool
			if l, alone, err = s.nextLoad(ctx); l != nil {
				return true, s.sendLoad(ctx, l)
			}
			if alone && err == nil {
				items, from, err = s.nextStreamed(ctx)
			}
		case 1:
			items, err = s.nextMarked(ctx)
		case 2:
			items, from, err = s.nextOfTables(ctx)
		}
		if err != nil {
			return false, err
		}
		if len(items) > 0 {
			return true, s.away(s.send(ctx, items, from))
		}
	}
	return false, nil
}

// away drops what is in flight if the destination is gone: it is still due.
func (s *Sender) away(err error) error {
	if errors.Is(err, ErrAway) {
		s.drop()
		return nil
	}
	return err
}

// InFlight returns how many rows are in flight.
func (s *Sender) InFlight() int { return int(s.flights.flying.Load()) }

// Mute returns since when too many messages in a row went unanswered; zero: they are answered.
func (s *Sender) Mute() time.Time {
	if at := s.mute.Load(); at != 0 {
		return time.UnixMicro(at)
	}
	return time.Time{}
}

// Busy returns since when the sender has been at one step; zero: it is idle.
func (s *Sender) Busy() time.Time { return s.beat.Since() }

// Answered takes in an answer. The answers waiting to be recorded are bounded by what was sent: answers to nothing are
// dropped.
func (s *Sender) Answered(a Answer) {
	s.inbox.put(func(i *told) {
		if len(i.answers) < answersMost && i.size < answersBytes {
			i.answers = append(i.answers, a)
			i.size += a.Size
		}
	})
}

// Freed is called when a row that the remote refused, because it had to wait, has been written there.
func (s *Sender) Freed(r change.Row) { s.inbox.freed.Put(s.remote, r) }

// Wake makes the sender look for work.
func (s *Sender) Wake() { s.inbox.wake() }

// Connected is called when the remote has connected to the broker. Whatever was published before it had subscribed is
// resent at once: no one will answer it.
func (s *Sender) Connected() { s.inbox.put(func(i *told) { i.anew = true }) }

// Retry makes the sender retry refused rows at once.
func (s *Sender) Retry() { s.inbox.put(func(i *told) { i.again = true }) }

// Readable is called when a table whose rows may be waiting can be read again.
func (s *Sender) Readable(table string) {
	s.inbox.put(func(i *told) { i.read(table) })
}

// Marked is called when rows were marked for the remote.
func (s *Sender) Marked() { s.inbox.put(func(i *told) { i.marked = true }) }

// Bounds of answers waiting to be recorded. Each takes a few times its bytes. Promise 10.
const (
	answersMost  = 2000
	answersBytes = 2 << 20
)

// told is what a sender was told but has not looked at.
type told struct {
	answers  []Answer
	size     int      // bytes of answers
	anew     bool     // the remote has connected: what is in flight may not have reached it
	again    bool     // a table's definition has changed: refused rows may be accepted now
	marked   bool     // rows were marked for the remote
	readable []string // tables that may be readable again
}

// read records a table once, however long no one looks. Promise 10.
func (t *told) read(table string) {
	if !slices.Contains(t.readable, table) {
		t.readable = append(t.readable, table)
	}
}

// inbox is where a sender is told things. It is safe for concurrent use.
type inbox struct {
	kick  chan struct{}
	freed receive.Freed // rows that wait here but that the remote now has

	mu   sync.Mutex
	told told
}

func (i *inbox) put(f func(*told)) {
	i.mu.Lock()
	f(&i.told)
	i.mu.Unlock()
	i.wake()
}

func (i *inbox) take() told {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.told
	i.told = told{}
	return t
}

// back puts everything but the answers back.
func (i *inbox) back(t told) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told.anew, i.told.again, i.told.marked = i.told.anew || t.anew, i.told.again || t.again, i.told.marked || t.marked
	for _, table := range t.readable {
		i.told.read(table)
	}
}

// wake makes Run look for work. It never blocks.
func (i *inbox) wake() {
	select {
	case i.kick <- struct{}{}:
	default:
	}
}
