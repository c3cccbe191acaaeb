package testkit

import (
	"errors"
	"fmt"
	"time"
)

// limit is how long a condition may take to come true. It is generous because only failures ever
// reach it: a busy machine may be many times slower, and a node resends a lost message after 20
// seconds.
const limit = 90 * time.Second

// Eventually calls f until it returns nil, with growing pauses, for at most 90 seconds. Then the
// test fails with f's last error. The argument what completes the sentence "waited for".
func Eventually(tb TB, what string, f func() error) {
	tb.Helper()
	Within(tb, limit, what, f)
}

// Within is Eventually with an explicit limit.
func Within(tb TB, limit time.Duration, what string, f func() error) {
	tb.Helper()
	if err := poll(limit, nil, f); err != nil {
		tb.Fatalf("waited %v for %s: %v", limit, what, err)
	}
}

// errEnded says that what was waited for can no longer happen.
var errEnded = errors.New("ended")

// poll calls f until it returns nil. It gives up after limit or when over is closed.
func poll(limit time.Duration, over <-chan struct{}, f func() error) error {
	deadline := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(pause*3/2, 100*time.Millisecond) {
		err := f()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-over:
			return fmt.Errorf("%w: %w", errEnded, err)
		case <-time.After(pause):
		}
	}
}
