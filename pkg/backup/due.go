package backup

import "time"

// presence is what the bucket says about the newest copy.
type presence int

const (
	missing presence = iota
	there
	hidden // 403: it may be missing, but a client that may not list objects cannot tell
)

// found is what is known about the newest copy.
type found struct {
	presence
	at    time.Time // when it was stored, by the service's clock; if hidden, when the last one was uploaded, as recorded here
	now   time.Time // by the same clock
	older bool      // it was made before this state was restored
}

// farAhead is how far in the future a copy may appear to be: times are reported in whole seconds.
const farAhead = time.Minute

// due reports whether to make a copy now, or for how long the one in the bucket is still recent enough. A copy exactly as
// old as every is recent enough. A copy from the future means that the service's clock was wrong: its age is unknown.
func due(f found, every time.Duration) (bool, time.Duration) {
	age := f.now.Sub(f.at)
	switch {
	case f.presence == missing, f.older, f.at.IsZero(), age > every, age < -farAhead:
		return true, 0
	}
	return false, every - age + time.Second // times are reported in whole seconds
}

// again returns how long to wait before retrying a failed upload.
func again(failures int) time.Duration {
	const first, longest = time.Minute, time.Hour
	return min(first<<min(failures-1, 10), longest)
}
