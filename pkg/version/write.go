package version

import (
	"context"
	"errors"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ErrNothing is wrapped by the error with which a transaction of Write is given up, and known to have written nothing.
var ErrNothing = errors.New("nothing was written")

// Write runs a transaction that decides about the versions of some rows, and may give them places in the stream. No other decides
// about one of the rows meanwhile, and all that ended before have ended for sure; what the transaction's end was is found out
// before anything is read past it. Promises 1 and 3. f may be called again, after a deadlock. The database may be another session's
// than the stream's own.
func (s *Stream) Write(ctx context.Context, db mysqldb.Beginner, rows []change.Row, f func(mysqldb.Tx, *Writing) error) error {
	return s.Decide(ctx, rows, func(w *Writing) error {
		return mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error { return f(tx, w) })
	})
}

// Decide is Write for whoever runs the transaction otherwise: run returns what its end was.
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
		w.End(nil)
	} else {
		w.End(err)
	}
	return err
}

// Latch keeps others from deciding about some rows until unlatch is called. Write does it by itself.
func (s *Stream) Latch(ctx context.Context, rows []change.Row) (unlatch func(), err error) {
	return s.latch.Lock(ctx, rows)
}
