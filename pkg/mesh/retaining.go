package mesh

import "time"

// endedMost is how many connections in a row may end at a retained announcement.
const endedMost = 2

// retaining decides whether to publish announcements as retained: some brokers end the connection at such a message.
type retaining struct {
	last  bool      // the latest announcement was retained
	ends  int       // how many connections in a row ended at a retained one
	tried time.Time // when one was last published
}

// connected gives a broker that refused retained messages another chance, now and then.
func (r *retaining) connected(now time.Time) {
	if r.ends >= endedMost && now.Sub(r.tried) >= ownEvery {
		r.ends = endedMost - 1
	}
}

// published returns whether the announcement that is about to be published is retained.
func (r *retaining) published(now time.Time) bool {
	if r.last = r.ends < endedMost; r.last {
		r.tried = now
	}
	return r.last
}

// ended records that the connection ended at the latest announcement. If that was not retained, the cause lies elsewhere.
func (r *retaining) ended() {
	if r.last {
		r.ends++
	} else {
		r.ends = 0
	}
}

// works records that the broker delivered a retained announcement.
func (r *retaining) works() { r.ends = 0 }
