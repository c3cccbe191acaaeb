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

func (b *Beat) begin(now time.Time) {
	b.mu.Lock()
	b.since = now
	b.mu.Unlock()
}

func (b *Beat) end() { b.begin(time.Time{}) }

// Since returns when the step began; zero is that there is nothing to do.
func (b *Beat) Since() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since
}

// Stalled returns the loop that has been at one step for longest, and since when; zero is that none is.
func (r *Receiver) Stalled() (loop string, since time.Time) {
	loop, since = "inbound", r.Beat.Since()
	for name, l := range r.lanes {
		if at := l.beat.Since(); !at.IsZero() && (since.IsZero() || at.Before(since)) {
			loop, since = "inbound of "+name, at
		}
	}
	return loop, since
}
