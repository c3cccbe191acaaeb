package capture

import (
	"hash/maphash"
	"maps"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// writtenMost is how many rows whose local writes this run has recorded are remembered. Promise 10.
const writtenMost = 20_000

// written remembers the times of local writes, which the database forgets if it, or a table, is restored from a backup
// while the node is running. Its zero value is ready. It is safe for concurrent use.
type written struct {
	mu    sync.Mutex
	seed  maphash.Seed
	times map[uint64]int64 // by the row's hash: of two rows with the same, the later time counts for both
	since int64            // anything earlier is not remembered
}

func (w *written) of(r change.Row) uint64 { return maphash.Comparable(w.seed, r.Identity()) }

func (w *written) note(r change.Row, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times == nil {
		w.times, w.seed = map[uint64]int64{}, maphash.MakeSeed()
	}
	if len(w.times) >= writtenMost {
		w.forget(change.Micros(time.Now()))
	}
	h := w.of(r)
	w.times[h] = max(w.times[h], at) // even if the transaction is rolled back: that does no harm
}

// forget makes room. It keeps versions ahead of the clock: the time at which others were forgotten says nothing about them.
func (w *written) forget(now int64) {
	w.since = max(w.since, now)
	maps.DeleteFunc(w.times, func(_ uint64, at int64) bool { return at <= now })
	if len(w.times) <= writtenMost/2 {
		return
	}
	for _, at := range w.times {
		w.since = max(w.since, at)
	}
	clear(w.times)
}

// Written returns the time, in µs since 1970, up to which this run may have given versions to local writes of a row; 0 if
// it has not.
func (c *Capture) Written(r change.Row) int64 {
	w := &c.written
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.times == nil {
		return w.since
	}
	return max(w.since, w.times[w.of(r)])
}
