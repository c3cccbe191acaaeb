package log

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// Who reads each transaction at once is woken by each, and so takes time from those who write. So while they crowd, the log is read
// now and then: the server sends it into the connection's buffer meanwhile. What was read is recorded at most a part of the time,
// as with triggers, since fewer and larger batches cost less. Who waits for a row's last change reads it at once, and a
// backlog is read without pauses. Promise 7.
const (
	crowdRate   = 1000 // transactions a second
	crowdWindow = 100 * time.Millisecond
	crowdRest   = 10 * time.Millisecond
	crowdMost   = 50 * time.Millisecond
	crowdShare  = 5 // at most one part in this many
)

// crowd says how fast the log grows.
type crowd struct {
	since time.Time // when the window began
	count int       // of transactions in it
	dense bool      // they crowded in the one before
	more  bool      // there was more than what was read last
	swept time.Time // when capture had read all that was there
}

// read notes that a transaction was read, and whether more of the log is there already.
func (c *crowd) read(now time.Time, more bool) {
	c.count++
	c.more = more
	if took := now.Sub(c.since); took >= crowdWindow {
		c.dense = float64(c.count) >= crowdRate*took.Seconds()
		c.since, c.count = now, 0
	}
}

// isCrowded reports whether transactions crowd now.
func (s *Source) isCrowded() bool {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	c := &s.known.crowd
	return c.dense && s.waits.Now().Sub(c.since) < 2*crowdWindow
}

// await waits until it is time to read again.
func (s *Source) await(ctx context.Context) error {
	s.known.mu.Lock()
	swept := s.known.crowd.swept
	s.known.crowd.swept = time.Time{}
	s.known.mu.Unlock()
	if swept.IsZero() || s.pending.count() > 0 { // a backlog
		return nil
	}
	took := s.waits.Now().Sub(swept) // to record it
	return pause.For(ctx, max(crowdRest, min((crowdShare-1)*took, crowdMost)))
}

// sweep reads what the server has sent, which may have nothing to record, but not more than a batch.
func (s *Source) sweep(ctx context.Context) error {
	limited, cancel := s.waits.Limit(ctx, gatherMost) // others may have read it meanwhile
	defer cancel()
	for s.pending.count() < batchSize {
		if err := s.step(limited, nil); err != nil {
			return timely(limited, err)
		}
		if s.swept() {
			return nil
		}
	}
	return nil
}

// swept notes, and reports, that all is read that the server has sent.
func (s *Source) swept() bool {
	s.known.mu.Lock()
	defer s.known.mu.Unlock()
	c := &s.known.crowd
	if !c.more {
		c.swept = s.waits.Now()
	}
	return !c.more
}
