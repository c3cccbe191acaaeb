package version

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ErrNothing is wrapped by the error of a transaction that was given up and is known to have written nothing; see Decide.
var ErrNothing = errors.New("nothing was written")

// Write runs a transaction that decides about the versions of some rows, and may give them positions in the stream. No
// one else decides about these rows meanwhile, and the outcome of every earlier transaction is known; the outcome of
// this one is established before anything is read past it. Promises 1 and 3. f may be called again after a deadlock.
// The database session may differ from the stream's own.
func (s *Stream) Write(ctx context.Context, db mysqldb.Beginner, rows []change.Row, f func(mysqldb.Tx, *Writing) error) error {
	return s.Decide(ctx, rows, func(w *Writing) error {
		return mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
			w.after, w.wrote, w.told, w.unmade = nil, nil, false, true
			err := f(tx, w)
			w.unmade = err != nil
			return err
		})
	})
}

// Decide is Write for callers that run the transaction themselves: run returns its outcome.
func (s *Stream) Decide(ctx context.Context, rows []change.Row, run func(*Writing) error) error {
	unlatch, err := s.Latch(ctx, rows)
	if err != nil {
		return err
	}
	defer unlatch()
	w, err := s.Begin(ctx)
	if err != nil {
		return err
	}
	err = run(w)
	if errors.Is(err, ErrNothing) {
		w.Wrote(nil)
		w.End(nil)
		return err
	}
	w.End(err)
	for i := 0; err == nil && i < len(w.after); i++ {
		w.after[i]()
	}
	return err
}

// Latch keeps others from deciding about rows until unlatch is called. Write does this itself.
func (s *Stream) Latch(ctx context.Context, rows []change.Row) (unlatch func(), err error) {
	return s.latch.Lock(ctx, rows)
}
