package receive

import (
	"sync"
	"time"
)

// Beat tells how long a loop has been at one step. Its zero value is at rest. It is safe for concurrent use.
type Beat struct {
	mu    sync.Mutex
	since time.Time // zero: it waits for something to do
}

// Begin says that a step begins.
func (b *Beat) Begin(now time.Time) {
	b.mu.Lock()
	b.since = now
	b.mu.Unlock()
}

// End says that there is nothing to do.
func (b *Beat) End() { b.Begin(time.Time{}) }

// Since returns when the step began; zero is that there is nothing to do.
func (b *Beat) Since() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since
}

// Longest returns the loop that has been at one step for longest, and since when; zero is that none is at anything.
func (r *Receiver) Longest() (loop string, since time.Time) {
	note := func(name string, b *Beat) {
		if at := b.Since(); !at.IsZero() && (since.IsZero() || at.Before(since)) {
			loop, since = name, at
		}
	}
	note("inbound", &r.Beat)
	for name, l := range r.lanes {
		note("inbound of "+name, &l.beat)
	}
	if r.others != nil {
		note("inbound of others", &r.others.beat)
	}
	return loop, since
}
