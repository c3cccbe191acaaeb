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

// Where changes come one by one, each is waited for less: as long as there has been one of late, polls come more often, and
// after a time without any, less often. Only short intervals are changed: a long one is meant as it is.
const (
	few       = 4 // changes: a poll that finds more has come early enough
	quick     = 5 * time.Millisecond
	lively    = 100 * time.Millisecond // after a change
	sooner    = 4                      // times as often, but at most every soonest
	soonest   = 2 * time.Millisecond
	quiet     = time.Second // after a change
	laterMost = 20 * time.Millisecond
	still     = 5 * time.Second // after a change
	stillMost = 40 * time.Millisecond
)

// pace says when it is time for the next poll. The zero value says at once.
type pace struct {
	began time.Time // of the last poll
	last  time.Time // when a poll found something
	found int       // by the last poll
	rests bool      // it found no backlog
	open  bool      // it is unknown whether what it found was recorded
}

// interval returns the pause between polls of a server that is not busy.
func (p *pace) interval(configured time.Duration, now time.Time) time.Duration {
	switch since := now.Sub(p.last); {
	case configured < lively && since < lively:
		return max(configured/sooner, min(configured, soonest))
	case since > still:
		return max(configured, min(4*configured, stillMost))
	case since > quiet:
		return max(configured, min(2*configured, laterMost))
	}
	return configured
}

// rest returns the pause after a poll that found no backlog.
func (p *pace) rest(configured time.Duration, now time.Time) time.Duration {
	interval, took := p.interval(configured, now), now.Sub(p.began)
	if p.found <= few && took < quick {
		return interval
	}
	return max(interval, min((share-1)*took, longestRest))
}

// wait waits until it is time, and reports whether the outcome of the previous poll is known.
func (p *pace) wait(ctx context.Context, configured time.Duration) (known bool, err error) {
	known = !p.open
	if p.rests && known {
		if err := pause.For(ctx, p.rest(configured, time.Now())); err != nil {
			return known, err
		}
	}
	*p = pace{began: time.Now(), last: p.last, open: true}
	return known, ctx.Err()
}

// over is called when the outcome of a poll is known: how many changes it found, and whether there may be more.
func (p *pace) over(found int, more bool) {
	p.open, p.rests, p.found = false, !more, found
	if found > 0 {
		p.last = time.Now()
	}
}
