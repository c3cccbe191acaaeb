package pause_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

func TestPausesDoubleUpToTheMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var told, at []time.Duration
		for next := range pause.Doubling(t.Context(), time.Second, 5*time.Second) {
			told, at = append(told, next), append(at, time.Since(began))
			if len(told) == 5 {
				break
			}
		}
		if want := []time.Duration{1e9, 2e9, 4e9, 5e9, 5e9}; !slices.Equal(told, want) {
			t.Errorf("pauses of %v, want %v", told, want)
		}
		if want := []time.Duration{0, 1e9, 3e9, 7e9, 12e9}; !slices.Equal(at, want) {
			t.Errorf("attempts after %v, want %v", at, want)
		}
	})
}

func TestRetriesEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		attempts := 0
		for range pause.Even(ctx, time.Hour) {
			attempts++
			cancel()
		}
		if err := pause.For(ctx, time.Hour); attempts != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("%d attempts, then %v", attempts, err)
		}
	})
}

func TestASimulationCanWaitItself(t *testing.T) {
	t.Parallel()
	var waited []time.Duration
	kick := make(chan struct{}, 1)
	ctx := pause.By(t.Context(), func(k <-chan struct{}, d time.Duration) error {
		if waited = append(waited, d); k != nil {
			<-k
		}
		return nil
	})
	for next := range pause.Doubling(ctx, time.Hour, 3*time.Hour) {
		if next == 3*time.Hour {
			break
		}
	}
	kick <- struct{}{}
	if err := pause.Kicked(ctx, kick, 24*time.Hour); err != nil || len(kick) > 0 {
		t.Errorf("after a kick: %v", err)
	}
	if want := []time.Duration{time.Hour, 2 * time.Hour, 24 * time.Hour}; !slices.Equal(waited, want) {
		t.Errorf("waits of %v, want %v", waited, want)
	}
}

func TestAKickEndsAPause(t *testing.T) {
	t.Parallel()
	kick := make(chan struct{}, 1)
	kick <- struct{}{}
	if err := pause.Kicked(t.Context(), kick, time.Hour); err != nil {
		t.Error(err)
	}
}
