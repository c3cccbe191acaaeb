package connector

import (
	"sync/atomic"
	"time"
)

// wake is when the loop of a job looks at its schedules next. It is safe for concurrent use.
type wake struct{ at atomic.Pointer[time.Time] } // nil: the job runs, or its loop has ended

// due notes when the loop looks next.
func (w *wake) due(at time.Time) { w.at.Store(&at) }

// busy notes that the loop does not look: a run takes as long as it takes.
func (w *wake) busy() { w.at.Store(nil) }

// late returns for how long the loop should have looked; 0: it is on time, or busy.
func (w *wake) late(now time.Time) time.Duration {
	at := w.at.Load()
	if at == nil {
		return 0
	}
	return max(0, now.Sub(*at))
}
