// Package pause waits between two attempts, for as long as a context lasts.
package pause

import (
	"context"
	"iter"
	"time"
)

// For waits for a time, or until ctx ends. Then it returns why.
func For(ctx context.Context, d time.Duration) error { return Kicked(ctx, nil, d) }

// Kicked waits for a kick, at most for a time, or until ctx ends. Then it returns why.
func Kicked(ctx context.Context, kick <-chan struct{}, d time.Duration) error {
	if wait, ok := ctx.Value(waiting{}).(Wait); ok {
		return wait(kick, d)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-kick:
		return nil
	case <-time.After(d):
		return nil
	}
}

// Wait waits as Kicked does.
type Wait func(kick <-chan struct{}, d time.Duration) error

// waiting is the key of a context's Wait.
type waiting struct{}

// By returns a context under which all that waits here waits as wait does: not by the clock, where time is simulated.
func By(ctx context.Context, wait Wait) context.Context {
	return context.WithValue(ctx, waiting{}, wait)
}

// Doubling begins an attempt at once, and another after each pause, until ctx ends. It gives an attempt the pause that
// follows. That is first after the first one, and then doubles up to longest.
func Doubling(ctx context.Context, first, longest time.Duration) iter.Seq[time.Duration] {
	return func(attempt func(time.Duration) bool) {
		for next := first; attempt(next) && For(ctx, next) == nil; next = min(2*next, longest) {
		}
	}
}

// Even is Doubling with pauses of one length.
func Even(ctx context.Context, d time.Duration) iter.Seq[time.Duration] { return Doubling(ctx, d, d) }
