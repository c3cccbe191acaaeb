package capture

import (
	"maps"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// writtenMost is how many rows are remembered with the local writes that this run has recorded. Promise 10.
const writtenMost = 20_000

// written remembers what the database may forget, where it or a table is set back to a backup while the node runs. Its zero value is
// ready. It is safe for concurrent use.
type written struct {
	mu    sync.Mutex
	times map[change.Row]int64
	since int64 // what was before is not remembered
}

func (w *written) note(r change.Row, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times == nil {
		w.times = map[change.Row]int64{}
	}
	if len(w.times) >= writtenMost {
		w.forget(change.Micros(time.Now()))
	}
	r = r.Identity()
	w.times[r] = max(w.times[r], at) // of a transaction that is rolled back as well: it does no harm
}

// forget makes room. Of a version that lies ahead of the clock the time says nothing at which others are forgotten.
func (w *written) forget(now int64) {
	w.since = max(w.since, now)
	maps.DeleteFunc(w.times, func(_ change.Row, at int64) bool { return at <= now })
	if len(w.times) <= writtenMost/2 {
		return
	}
	for _, at := range w.times {
		w.since = max(w.since, at)
	}
	clear(w.times)
}

// Written returns the time, in µs since 1970, up to which this run may have given a version to a local write of a row; 0: it has not.
func (c *Capture) Written(r change.Row) int64 {
	w := &c.written
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.since, w.times[r.Identity()])
}
