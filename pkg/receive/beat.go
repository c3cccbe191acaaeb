package receive

import (
	"sync"
	"time"
)

// Beat tells how long a loop has been in its current step. The zero value is idle. It is safe for concurrent use.
type Beat struct {
	mu    sync.Mutex
	since time.Time // zero: idle
}

// Begin notes that a step begins.
func (b *Beat) Begin(now time.Time) {
	b.mu.Lock()
	b.since = now
	b.mu.Unlock()
}

// End notes that the loop is idle.
func (b *Beat) End() { b.Begin(time.Time{}) }

// Since returns when the step began; zero if the loop is idle.
func (b *Beat) Since() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since
}

// Longest returns the loop that has been in one step the longest, and since when; zero if all are idle.
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
