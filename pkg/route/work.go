package route

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

const (
	chunk      = 500              // rows per transaction
	lookEvery  = 2 * time.Second  // between two reads of the lookup tables
	restMost   = time.Second      // between two checks for other work
	queuedMost = 20_000           // marked rows of a remote, beyond which no more are marked
	waitMost   = 10 * time.Second // for a remote that has so many, before the others go on
)

// Run labels tables with new routes, moves children along with their parents, and marks rows that remotes win or lose
// through a lookup table, until ctx ends. Errors are logged and retried: progress is in the database.
func (r *Router) Run(ctx context.Context) error {
	if len(r.cfg.Routes) == 0 {
		<-ctx.Done()
		return nil
	}
	var looked, told time.Time
	said := ""
	for {
		more, err := false, error(nil)
		for _, step := range []func(context.Context) (bool, error){r.labelNext, r.moveNext, r.rerouteNext} {
			again, failed := step(ctx)
			more, err = more || again, errors.Join(err, failed)
		}
		if now := r.now(); now.Sub(looked) >= lookEvery {
			looked = now
			err = errors.Join(err, r.lookAgain(ctx))
		}
		if err != nil && ctx.Err() == nil && (said != err.Error() || r.now().Sub(told) > tellEach) {
			said, told = err.Error(), r.now()
			r.log.Warn("rows could not be routed; retrying", zap.Error(err))
		}
		rest := restMost
		if more && err == nil {
			rest = 0
		}
		if pause.For(ctx, rest) != nil {
			return nil
		}
	}
}
