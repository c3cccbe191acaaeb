package capture

import (
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
		clear(w.times)
		w.since = change.Micros(time.Now())
	}
	w.times[r.Identity()] = at // of a transaction that is rolled back as well: it does no harm
}

// Written returns the time, in µs since 1970, up to which this run may have given a version to a local write of a row; 0: it has not.
func (c *Capture) Written(r change.Row) int64 {
	w := &c.written
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.since, w.times[r.Identity()])
}
