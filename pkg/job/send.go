package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// sender is the second half of a run: from a leg's outbox to its destination.
type sender struct {
	*Leg
	from  From
	log   *zap.Logger
	news  *news
	pause time.Duration // before the destination is first asked what it has

	asking  sync.RWMutex // held for writing while the destination is asked: nothing is sent then
	unsure  atomic.Int32 // doubts since a batch was taken
	refused atomic.Int32 // rows
	room    *Room
}

// flight sends one batch after the other.
type flight struct {
	*sender
	held held // for the data of the batch and the next one
}

// flight returns a new flight.
func (s *sender) flight() *flight { return &flight{sender: s, held: held{room: s.room}} }

// mostUnsure is how many times in a row a destination may leave a batch in doubt before a run gives up.
const mostUnsure = 5

// run sends until reading has ended and the outbox is empty, or the destination accepts no more.
func (s *sender) run(ctx context.Context) error {
	if err := s.news.ready(ctx); err != nil {
		return err
	}
	g, inner := errgroup.WithContext(ctx)
	for range max(1, s.Flights) {
		g.Go(func() error { return s.flight().drain(inner) })
	}
	err := g.Wait()
	if n := s.refused.Load(); n > 0 {
		err = errors.Join(err, &forPerson{fmt.Errorf("%s refused rows: %d; mysql-sync-connector refused says which and why", s.Name, n)})
	}
	return err
}

// sent is a batch that the destination has answered and that is yet to be booked.
type sent struct {
	*ledger.Batch
	answers []ledger.Answer
}

// drain sends batches: full ones and, once reading has ended, the rest. If there is only one flight, the previous batch is
// booked, and the next one taken, while the current one is with the destination.
func (s *flight) drain(ctx context.Context) error {
	defer s.held.give()
	var b *ledger.Batch
	var before *sent
	for {
		over := s.news.over()
		var err error
		if b == nil && before == nil {
			if b, err = s.next(ctx); err != nil {
				return err
			}
		}
		switch {
		case b != nil:
			if b, before, err = s.carry(ctx, before, b); err != nil {
				return err
			}
		case before != nil:
			if b, err = s.land(ctx, before, s.bytes(0)); err != nil {
				return err
			}
			before = nil
		case over:
			return nil
		default:
			s.held.give()
			if err := s.news.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// least returns how many operations the next batch must have: as many as fit, unless it is the rest.
func (s *sender) least() int {
	if s.news.over() {
		return 1
	}
	return s.rows()
}

// next takes the next batch, or nil, once no one is asking the destination what it has.
func (s *flight) next(ctx context.Context) (*ledger.Batch, error) {
	s.asking.RLock()
	defer s.asking.RUnlock()
	return s.ledger.NextOf(ctx, s.least(), s.rows(), s.bytes(0))
}

// bytes returns how many bytes of data the next batch may have, next to another one's: fewer than the destination's limit
// if there is no room. A single row may have more.
func (s *flight) bytes(beside int) int {
	n := s.Destination.Limits().Bytes
	for n > freeBytes && !s.held.covers(beside+n) {
		n /= 2
	}
	return n
}

// load makes room for a batch, and reads those of its data that are not in memory yet.
func (s *flight) load(ctx context.Context, b *ledger.Batch) error {
	n := sizeOf(b)
	if s.held.covers(n) {
		s.held.shrink(n)
	} else if err := s.held.wait(ctx, n); err != nil {
		return err
	}
	for i := range b.Operations {
		if o := &b.Operations[i]; o.Size >= largeBytes {
			sweep(n)
			break
		}
	}
	return s.ledger.Load(ctx, b.Operations)
}

// carry sends a batch to the destination and meanwhile books the previous one, if any. It returns the next batch if that
// has already been taken, and this one if it is yet to be booked. If possible, it asks the destination what it has when
// a batch is in doubt, and before it changes a row whose id at the destination is not known yet.
func (s *flight) carry(ctx context.Context, before *sent, b *ledger.Batch) (next *ledger.Batch, done *sent, err error) {
	c, compares := s.compares()
	if compares && slices.ContainsFunc(b.Operations, func(o ledger.Operation) bool { return o.Kind != ledger.Insert && o.RemoteID == "" }) {
		if before != nil {
			if err := s.book(ctx, before.Batch, before.answers); err != nil {
				return nil, nil, errors.Join(err, s.unsent(ctx, b))
			}
		}
		if err := s.unsent(ctx, b); err != nil {
			return nil, nil, err
		}
		return nil, nil, s.ask(ctx, c, b)
	}
	s.asking.RLock()
	next, done, err = s.send(ctx, before, b)
	s.asking.RUnlock()
	e, ok := errors.AsType[*remote.Error](err)
	if err == nil {
		s.unsure.Store(0)
	}
	if !compares || !ok || e.Next.Do != remote.Doubt || ctx.Err() != nil {
		return next, done, err
	}
	s.held.give() // flights whose answers we must wait for before asking may be waiting for room
	n := s.unsure.Add(1)
	if n >= mostUnsure {
		return nil, nil, err
	}
	s.log.Warn("the answer to a batch was lost; asking the destination what it has", zap.Error(err))
	if err := pause.For(ctx, s.pause<<(n-1)); err != nil {
		return nil, nil, err
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	return nil, nil, s.resolve(ctx)
}

// ask reads what the destination has.
func (s *flight) ask(ctx context.Context, c Comparer, b *ledger.Batch) error {
	columns, err := s.columns(ctx, []*ledger.Batch{b})
	if err != nil {
		return err
	}
	s.held.give() // as in carry
	s.asking.Lock()
	defer s.asking.Unlock()
	return s.adopt(ctx, s.log, c, s.from, columns)
}

// send sends a batch to the destination. Meanwhile the previous batch is booked and, if there is only one flight, the next
// one taken. With several flights, or large rows, of which only a few may be in memory (promise 12), the next one is
// taken afterwards. A refused batch is halved until the row at fault is alone (promise 6).
func (s *flight) send(ctx context.Context, before *sent, b *ledger.Batch) (next *ledger.Batch, done *sent, err error) {
	if err := s.load(ctx, b); err != nil {
		_, unbooked := s.beside(ctx, before, false, 0)
		return nil, nil, errors.Join(err, unbooked, s.unsent(ctx, b))
	}
	ahead := s.Flights <= 1 && sizeOf(b) <= aheadBytes
	bytes := 0
	if ahead {
		bytes = s.bytes(sizeOf(b))
	}
	var beside errgroup.Group
	beside.Go(func() (err error) {
		next, err = s.beside(ctx, before, ahead, bytes)
		return err
	})
	batch := batchOf(b)
	ledger.Unload(b.Operations) // the destination may release a row as soon as it needs it no more
	answers, err := s.Destination.Send(ctx, batch)
	unbooked := beside.Wait()
	if err == nil {
		s.count(b, answers)
		done = &sent{b, booked(answers)}
	}
	switch {
	case err == nil && unbooked == nil && ctx.Err() == nil && !ahead:
		next, err = s.land(ctx, done, s.bytes(0))
		return next, nil, err
	case err == nil && unbooked == nil && ctx.Err() == nil:
		return next, done, nil
	case err == nil: // nothing more is sent
		err = errors.Join(s.book(ctx, b, done.answers), ctx.Err())
	default:
		err = s.failed(ctx, b, err)
	}
	if err = errors.Join(unbooked, err); err == nil || next == nil {
		return next, nil, err
	}
	return nil, nil, errors.Join(err, s.unsent(ctx, next))
}

// aheadBytes is how much data a batch may have if the next one is taken ahead.
const aheadBytes = 2 << 20

// sizeOf returns the size of a batch's data in bytes.
func sizeOf(b *ledger.Batch) (size int) {
	for i := range b.Operations {
		size += b.Operations[i].Size
	}
	return size
}

// beside books the previous batch, if any, and takes the next one, of at most the given bytes, if ahead is set.
func (s *sender) beside(ctx context.Context, before *sent, ahead bool, bytes int) (*ledger.Batch, error) {
	switch {
	case before != nil && ahead:
		return s.land(ctx, before, bytes)
	case before != nil:
		return nil, s.book(ctx, before.Batch, before.answers)
	case ahead:
		return s.ledger.NextOf(ctx, s.least(), s.rows(), bytes)
	}
	return nil, nil
}

// land books a batch, and takes the next one, of at most the given bytes, if it is full or the rest.
func (s *sender) land(ctx context.Context, b *sent, bytes int) (*ledger.Batch, error) {
	if ctx.Err() != nil { // nothing more is sent
		return nil, s.book(ctx, b.Batch, b.answers)
	}
	next, err := s.ledger.BookNext(context.WithoutCancel(ctx), b.Batch, b.answers, s.least(), s.rows(), bytes)
	if err != nil {
		s.doubt(b.Batch)
	}
	return next, err
}

// failed does what the destination's error about a batch says to do next.
func (s *flight) failed(ctx context.Context, b *ledger.Batch, err error) error {
	if errors.Is(err, remote.ErrDry) {
		return s.book(ctx, b, make([]ledger.Answer, len(b.Operations)))
	}
	if ctx.Err() != nil {
		s.doubt(b)
		return ctx.Err()
	}
	e, ok := errors.AsType[*remote.Error](err)
	if !ok {
		return errors.Join(err, s.later(ctx, b))
	}
	switch e.Next.Do {
	case remote.Doubt:
		s.doubt(b)
		return err
	case remote.Halve, remote.RowRefused:
		if len(b.Operations) == 1 {
			answers := []Answer{{Refused: err.Error()}}
			s.count(b, answers)
			return s.book(ctx, b, booked(answers))
		}
		first, second, err := s.ledger.Halve(context.WithoutCancel(ctx), b)
		if err != nil {
			s.doubt(b)
			return err
		}
		return errors.Join(s.alone(ctx, first), s.alone(ctx, second))
	}
	return errors.Join(err, s.later(ctx, b))
}

// alone is send for a batch when others are already waiting to be sent: it takes no next one.
func (s *flight) alone(ctx context.Context, b *ledger.Batch) error {
	if err := s.load(ctx, b); err != nil {
		s.doubt(b) // as it may have been before
		return err
	}
	batch := batchOf(b)
	ledger.Unload(b.Operations) // the destination may release a row as soon as it needs it no more
	answers, err := s.Destination.Send(ctx, batch)
	if err != nil {
		return s.failed(ctx, b, err)
	}
	s.count(b, answers)
	return s.book(ctx, b, booked(answers))
}

// mostReason is how many bytes are kept of the reason why a row was refused, which may contain a column's name.
const mostReason = 2000

// count logs and counts refused rows, and shortens the reasons.
func (s *sender) count(b *ledger.Batch, answers []Answer) {
	for i := range answers {
		a := &answers[i]
		if a.Refused == "" {
			continue
		}
		if len(a.Refused) > mostReason {
			a.Refused = strings.ToValidUTF8(a.Refused[:mostReason], "") + "…"
		}
		s.log.Warn("row refused", zap.String("key", b.Operations[i].Key), zap.String("error", a.Refused))
		s.refused.Add(1)
	}
}

// later records that nothing of a batch was accepted.
func (s *sender) later(ctx context.Context, b *ledger.Batch) error {
	return s.book(ctx, b, slices.Repeat([]ledger.Answer{{Later: true}}, len(b.Operations)))
}

// unsent records that a batch was not sent.
func (s *sender) unsent(ctx context.Context, b *ledger.Batch) error {
	return s.book(ctx, b, slices.Repeat([]ledger.Answer{{Later: true, Unsent: true}}, len(b.Operations)))
}

// book records the answers to a batch, even if the run is being cancelled. If they cannot be saved, for example on a
// full disk, they count as lost.
func (s *sender) book(ctx context.Context, b *ledger.Batch, answers []ledger.Answer) error {
	err := s.ledger.Book(context.WithoutCancel(ctx), b, answers)
	if err != nil {
		s.doubt(b)
	}
	return err
}

// batchOf returns a batch as destinations see it.
func batchOf(b *ledger.Batch) *Batch {
	result := &Batch{ID: b.ID, Operations: make([]Operation, len(b.Operations))}
	for i := range b.Operations {
		o := &b.Operations[i]
		result.Operations[i] = Operation{Kind: kinds[o.Kind], Key: o.Key, ID: o.RemoteID, Data: o.Data, Event: o.Event}
	}
	return result
}

var kinds = map[ledger.Kind]Kind{ledger.Insert: Insert, ledger.Update: Update, ledger.Delete: Delete}

// booked returns answers as the ledger books them.
func booked(answers []Answer) []ledger.Answer {
	list := make([]ledger.Answer, len(answers))
	for i, a := range answers {
		list[i] = ledger.Answer{RemoteID: a.ID, Refused: a.Refused}
	}
	return list
}
