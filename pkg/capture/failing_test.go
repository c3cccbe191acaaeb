package capture_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// broken is a source that cannot be read for a while.
type broken struct{ mended atomic.Bool }

func (b *broken) Next(ctx context.Context) (capture.Batch, error) {
	if !b.mended.Load() {
		return nil, errors.New("read table_changes: no right")
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Millisecond):
	}
	return nil, nil
}

func TestAnObstacleToCaptureIsReported(t *testing.T) {
	t.Parallel()
	source := &broken{}
	c := capture.New(zap.NewNop(), nil, source, nil, capture.Config{})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	later := time.Now().Add(time.Minute)
	testkit.Eventually(t, "the problem is logged", func() error {
		if c.Failing(later) == nil {
			return errors.New("nothing is")
		}
		return nil
	})
	if c.Failing(time.Now()) != nil {
		t.Error("a hiccup is logged")
	}
	source.mended.Store(true)
	testkit.Eventually(t, "it is over", func() error { return c.Failing(later) })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
