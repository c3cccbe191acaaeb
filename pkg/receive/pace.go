package receive

import (
	"sync/atomic"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
)

// A row that the database refuses costs a few transactions of its own, for which all senders wait. So a sender with
// refused rows gets smaller turns that take about this long.
const (
	turnTime  = 200 * time.Millisecond
	turnLeast = 16  // rows
	turnFirst = 125 // of a sender of which nothing is known yet
)

// pace is how many rows of a lane are applied in one turn. It is safe for concurrent use. Its zero value is ready.
type pace struct{ more atomic.Int64 } // than turnFirst

func (p *pace) rows() int { return turnFirst + int(p.more.Load()) }

// went notes what became of a turn, and how long its round took.
func (p *pace) went(took time.Duration, results []apply.Result) {
	failed := 0
	for i := range results {
		if results[i].Err != nil {
			failed++
		}
	}
	rows := p.rows()
	switch {
	case failed == 0:
		rows = min(2*rows, roundRows)
	case took > turnTime:
		rows = max(int(float64(min(rows, len(results)))*float64(turnTime)/float64(took)), turnLeast)
	}
	p.more.Store(int64(rows - turnFirst))
}
