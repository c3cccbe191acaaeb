package job

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// begin settles what an earlier process or run left in doubt. A destination that is asked may still be at work on it: a
// process that was killed, or a run that was cancelled, did not wait for its answers.
func (s *flight) begin(ctx context.Context) error {
	if _, asks := s.compares(); asks {
		doubts, err := s.ledger.Doubts(ctx)
		if err != nil {
			return err
		}
		if len(doubts)+len(s.doubts) > 0 {
			if err := pause.For(ctx, s.pause); err != nil {
				return err
			}
		}
	}
	return s.resolve(ctx)
}

// resolve settles batches whose answers are unknown: if possible, it asks the destination what it has; otherwise it sends
// the same batch again. Promise 2.
func (s *flight) resolve(ctx context.Context) error {
	defer s.held.give()
	doubts, err := s.ledger.Doubts(ctx)
	if err != nil {
		return err
	}
	doubts, s.doubts = append(doubts, s.doubts...), nil
	if len(doubts) == 0 {
		return nil
	}
	s.log.Warn("batches in doubt: their answers were lost", zap.Int("batches", len(doubts)))
	c, asks := s.compares()
	if !asks {
		for i, b := range doubts {
			if err := s.alone(ctx, b); err != nil {
				s.doubts = append(s.doubts, fresh(doubts[i+1:])...)
				return err
			}
		}
		return nil
	}
	columns, err := s.columns(ctx, doubts)
	if err != nil {
		s.doubts = fresh(doubts)
		return err
	}
	if err := s.adopt(ctx, s.log, c, s.from, columns); err != nil {
		s.doubts = fresh(doubts)
		return err
	}
	for i, b := range doubts {
		answers, err := s.ledger.Judge(ctx, b)
		if err == nil {
			err = s.ledger.Book(ctx, b, answers)
		}
		if err != nil {
			s.doubts = fresh(doubts[i:])
			return err
		}
	}
	return nil
}

// doubt keeps a batch whose answer was lost for the next run. The ledger keeps those of earlier processes.
func (s *sender) doubt(b *ledger.Batch) {
	if b.Doubt {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts = append(s.doubts, b)
}

// fresh returns the batches that this process has sent: the ledger lists the others again.
func fresh(list []*ledger.Batch) []*ledger.Batch {
	return slices.DeleteFunc(slices.Clone(list), func(b *ledger.Batch) bool { return b.Doubt })
}

// columns returns the columns to compare, taken from one of the operations.
func (s *sender) columns(ctx context.Context, list []*ledger.Batch) ([]string, error) {
	for _, b := range list {
		for i := range b.Operations {
			if b.Operations[i].Size == 0 {
				continue
			}
			one := slices.Clone(b.Operations[i : i+1])
			if err := s.ledger.Load(ctx, one); err != nil {
				return nil, err
			}
			return s.compared(one[0].Data)
		}
	}
	return s.compared([]byte("{}"))
}
