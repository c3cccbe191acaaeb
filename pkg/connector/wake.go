package connector

import (
	"sync/atomic"
	"time"
)

// wake is when a job's loop checks its schedules next. It is safe for concurrent use.
type wake struct{ at atomic.Pointer[time.Time] } // nil: the job runs, or its loop has ended

// due notes when the loop checks next.
func (w *wake) due(at time.Time) { w.at.Store(&at) }

// busy notes that a run is in progress, which may take any amount of time.
func (w *wake) busy() { w.at.Store(nil) }

// late returns how overdue the check is; 0: it is on time, or a run is in progress.
func (w *wake) late(now time.Time) time.Duration {
	at := w.at.Load()
	if at == nil {
		return 0
	}
	return max(0, now.Sub(*at))
}
