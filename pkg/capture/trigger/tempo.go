package trigger

import "time"

// A check costs the server and this process time in proportion to the number of tables. So the longer it takes, the longer
// the rest after it, and an idle node costs the same with many tables as with few.
const (
	restTimes = 30
	restMost  = 30 * time.Second
)

// tempo says how long a watcher rests.
type tempo struct {
	mended bool          // whether the last check had something to do
	took   time.Duration // how long a check takes, as far as that shows on a busy machine
}

// rest returns how long to wait before the next check.
func (t *tempo) rest(interval time.Duration, err error) time.Duration {
	if err != nil || t.mended {
		return min(interval, watchLeast)
	}
	return max(interval, min(restTimes*t.took, restMost))
}

// timed records how long a check with nothing to do took. It keeps the minimum of recent ones, since other processes may
// slow a check down.
func (t *tempo) timed(took time.Duration) {
	if t.took *= 2; t.took == 0 || took < t.took {
		t.took = took
	}
}
