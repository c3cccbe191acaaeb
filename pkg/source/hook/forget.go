package hook

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// forgetEvery is how often old rows are looked for.
const forgetEvery = time.Hour

// Run forgets rows that all jobs have read and whose time to keep is over, until ctx ends. read returns the number up
// to which all have.
func (s *Source) Run(ctx context.Context, read func(context.Context) (int64, error)) error {
	for {
		if err := s.forget(ctx, read); err != nil && ctx.Err() == nil {
			s.log.Warn("could not forget old rows of a hook", zap.Error(err))
		}
		if err := pause.For(ctx, forgetEvery); err != nil {
			return err
		}
	}
}

// forget forgets old rows once.
func (s *Source) forget(ctx context.Context, read func(context.Context) (int64, error)) error {
	upTo, err := read(ctx)
	if err != nil || upTo == 0 {
		return err
	}
	b, err := s.Inbox(ctx)
	if err != nil {
		return err
	}
	return b.Forget(ctx, upTo, s.now().Add(-s.keep))
}
