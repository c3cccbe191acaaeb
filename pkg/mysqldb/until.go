package mysqldb

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// Until calls f until it succeeds, or fails with an error that does not heal by itself (see Transient). what names, for
// the log, what is waited for. It pauses between, at first a second and then up to 10 s.
func Until(ctx context.Context, log *zap.Logger, what string, f func() error) error {
	for next := range pause.Doubling(ctx, time.Second, 10*time.Second) {
		err := f()
		if err == nil || !Transient(err) || ctx.Err() != nil {
			return err
		}
		log.Warn(what, zap.Duration("next", next), zap.Error(err))
	}
	return ctx.Err()
}
