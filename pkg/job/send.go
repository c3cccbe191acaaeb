package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

	asking  sync.RWMutex // is held for writing while the destination is asked: nothing is sent then
	unsure  atomic.Int32 // doubts since a batch was taken
	refused atomic.Int32 // rows
}

// mostUnsure is how many times in a row a destination may leave a batch in doubt before a run gives up.
const mostUnsure = 5

// run sends until the reading has ended and the outbox is empty, or the destination accepts no more.
func (s *sender) run(ctx context.Context) error {
	if err := s.news.ready(ctx); err != nil {
		return err
	}
	g, inner := errgroup.WithContext(ctx)
	for range max(1, s.Flights) {
		g.Go(func() error { return s.drain(inner) })
	}
	err := g.Wait()
	if n := s.refused.Load(); n > 0 {
		err = errors.Join(err, &forPerson{fmt.Errorf("%s refused %d of the rows; the log says why", s.Name, n)})
	}
	return err
}

// drain sends batches: full ones and, once the reading has ended, the rest.
func (s *sender) drain(ctx context.Context) error {
	var b *ledger.Batch
	for {
		over := s.news.over()
		if b == nil {
			c, err := s.ledger.Counts(ctx)
			if err != nil {
				return err
			}
			if over || c.Waiting >= s.rows() {
				if b, err = s.next(ctx); err != nil {
					return err
				}
			}
		}
		switch {
		case b != nil:
			var err error
			if b, err = s.carry(ctx, b); err != nil {
				return err
			}
		case over:
			return nil
		default:
			if err := s.news.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// next takes the next batch when no one is asking the destination what it has.
func (s *sender) next(ctx context.Context) (*ledger.Batch, error) {
	s.asking.RLock()
	defer s.asking.RUnlock()
	return s.ledger.Next(ctx, s.rows(), s.Destination.Limits().Bytes)
}

// carry brings a batch to the destination, and returns the next one if that has been taken along. If possible, the
// destination is asked what it has when a batch is in doubt, and when a row that it has created is to be changed: only
// then is its id known.
func (s *sender) carry(ctx context.Context, b *ledger.Batch) (*ledger.Batch, error) {
	c, compares := s.compares()
	if compares && slices.ContainsFunc(b.Operations, func(o ledger.Operation) bool { return o.Kind != ledger.Insert && o.RemoteID == "" }) {
		if err := s.later(ctx, b); err != nil {
			return nil, err
		}
		return nil, s.ask(ctx, c, b)
	}
	s.asking.RLock()
	next, err := s.send(ctx, b)
	s.asking.RUnlock()
	e, ok := errors.AsType[*remote.Error](err)
	if err == nil {
		s.unsure.Store(0)
	}
	if !compares || !ok || e.Next.Do != remote.Doubt || ctx.Err() != nil {
		return next, err
	}
	n := s.unsure.Add(1)
	if n >= mostUnsure {
		return nil, err
	}
	s.log.Warn("the answer to a batch was lost; asking the destination what it has", zap.Error(err))
	if err := pause.For(ctx, s.pause<<(n-1)); err != nil {
		return nil, err
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	return nil, s.resolve(ctx)
}

// ask reads what the destination has.
func (s *sender) ask(ctx context.Context, c Comparer, b *ledger.Batch) error {
	columns, err := s.compared(anyData([]*ledger.Batch{b}))
	if err != nil {
		return err
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	return s.adopt(ctx, s.log, c, s.from, columns)
}

// send brings a batch to the destination, records the answers, and takes the next one along if it is full, or is the
// rest. A refused batch is halved until the row at fault is alone (promise 6).
func (s *sender) send(ctx context.Context, b *ledger.Batch) (*ledger.Batch, error) {
	answers, err := s.Destination.Send(ctx, batchOf(b))
	if err != nil {
		return nil, s.failed(ctx, b, err)
	}
	s.count(b, answers)
	least := s.rows()
	if s.news.over() {
		least = 1
	}
	if ctx.Err() != nil { // it sends nothing more
		return nil, s.book(ctx, b, booked(answers))
	}
	next, err := s.ledger.BookNext(context.WithoutCancel(ctx), b, booked(answers), least, s.rows(), s.Destination.Limits().Bytes)
	if err != nil {
		s.doubt(b)
	}
	return next, err
}

// failed does what the destination's error about a batch says is next.
func (s *sender) failed(ctx context.Context, b *ledger.Batch, err error) error {
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
			s.log.Warn("row refused", zap.String("key", b.Operations[0].Key), zap.Error(err))
			s.refused.Add(1)
			return s.book(ctx, b, []ledger.Answer{{Refused: err.Error()}})
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

// alone is send for a batch beside which others are still to be sent: it takes none along.
func (s *sender) alone(ctx context.Context, b *ledger.Batch) error {
	answers, err := s.Destination.Send(ctx, batchOf(b))
	if err != nil {
		return s.failed(ctx, b, err)
	}
	s.count(b, answers)
	return s.book(ctx, b, booked(answers))
}

// count logs and counts refused rows.
func (s *sender) count(b *ledger.Batch, answers []Answer) {
	for i, a := range answers {
		if a.Refused != "" {
			s.log.Warn("row refused", zap.String("key", b.Operations[i].Key), zap.String("error", a.Refused))
			s.refused.Add(1)
		}
	}
}

// later records that nothing of a batch was accepted.
func (s *sender) later(ctx context.Context, b *ledger.Batch) error {
	answers := make([]ledger.Answer, len(b.Operations))
	for i := range answers {
		answers[i].Later = true
	}
	return s.book(ctx, b, answers)
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

// batchOf is a batch as destinations see it.
func batchOf(b *ledger.Batch) *Batch {
	result := &Batch{ID: b.ID, Operations: make([]Operation, len(b.Operations))}
	for i := range b.Operations {
		o := &b.Operations[i]
		result.Operations[i] = Operation{Kind: kinds[o.Kind], Key: o.Key, ID: o.RemoteID, Data: o.Data, Event: o.Event}
	}
	return result
}

var kinds = map[ledger.Kind]Kind{ledger.Insert: Insert, ledger.Update: Update, ledger.Delete: Delete}

// booked are answers as the ledger books them.
func booked(answers []Answer) []ledger.Answer {
	list := make([]ledger.Answer, len(answers))
	for i, a := range answers {
		list[i] = ledger.Answer{RemoteID: a.ID, Refused: a.Refused}
	}
	return list
}
