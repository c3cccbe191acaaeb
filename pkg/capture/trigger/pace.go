package trigger

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// After a poll that takes long because the server is busy, the next one comes later: capture uses only a share of one
// session's time, and users' writes come first. Promise 7. Whatever accumulates meanwhile is recorded at once, which is
// cheaper. A backlog is processed without pauses.
const (
	share       = 5 // at most one part in this many
	longestRest = 100 * time.Millisecond
)

// pace says when it is time for the next poll. The zero value says at once.
type pace struct {
	began time.Time // of the last poll
	rests bool      // it found no backlog
	open  bool      // it is unknown whether what it found was recorded
}

// rest returns the pause after a poll that found no backlog.
func rest(interval, took time.Duration) time.Duration {
	return max(interval, min((share-1)*took, longestRest))
}

// wait waits until it is time, and reports whether the outcome of the previous poll is known.
func (p *pace) wait(ctx context.Context, interval time.Duration) (known bool, err error) {
	known = !p.open
	if p.rests && known {
		if err := pause.For(ctx, rest(interval, time.Since(p.began))); err != nil {
			return known, err
		}
	}
	*p = pace{began: time.Now(), open: true}
	return known, ctx.Err()
}

// over is called when the outcome of a poll is known; more says whether there may be more.
func (p *pace) over(more bool) { p.open, p.rests = false, !more }
