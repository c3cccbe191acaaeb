package log

import (
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
)

// clock dates transactions. It belongs to who reads.
type clock struct {
	now   func() int64 // µs since 1970
	last  int64        // given, to transactions without an exact time
	ahead int64        // µs by which the server's clock is ahead of the node's, as far as known
	// there is what the log had when its reading began; nil: all of that was read.
	there *binlog.Written
}

// behindMost is how old a transaction may seem that was read at once: its time has only whole seconds, of when its last
// statement began.
const behindMost = 2 * time.Second

// reached drops what was there once that has been read.
func (c *clock) reached(r binlog.Read) {
	if c.there != nil && r.Reached(*c.there) {
		c.there = nil
	}
}

// written returns when a transaction was written, in µs since 1970 by the node's clock. It is never later than its
// reading, whatever a session's SET timestamp says.
func (c *clock) written(t *binlog.Transaction) int64 {
	return c.at(t.Time, c.now())
}

func (c *clock) at(t binlog.Time, now int64) int64 {
	claimed := t.Micros - max(c.ahead, 0)
	if t.Exact {
		return min(claimed, now)
	}
	at := claimed
	if c.there == nil && now-claimed < behindMost.Microseconds() {
		at = now // it has just been written
	}
	// What follows in the log is later, though both are of the same second: of two rows that are one at a remote the last one wins.
	at = min(max(at, c.last+1), now)
	c.last = at
	return at
}
