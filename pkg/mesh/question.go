package mesh

import (
	"slices"
	"time"
)

// proofsMost is how many proofs a question waits for.
const proofsMost = 8

// question asks the broker for its copy of the announcement.
//
// A broker without a copy sends nothing, and silence proves nothing: on a busy machine, a message may have arrived but not
// been read yet. So when the broker's time is up, the node publishes a beat. Beats and announcements arrive on one
// connection and are read by one goroutine: if the beat has come back but the copy has not, the copy is missing.
type question struct {
	asked  time.Time // zero: there is no question, or it has been answered
	taken  bool      // the broker has it
	proofs []sum     // beats published since its time was up
	proven bool      // one of them has come back
}

func (q *question) open() bool { return !q.asked.IsZero() }

// limit returns how long the broker has, which doubles with each proof.
func (q *question) limit() time.Duration { return ownTime << len(q.proofs) }

// heard handles a beat, and reports whether it is a proof.
func (q *question) heard(beat sum) bool {
	proof := q.open() && slices.Contains(q.proofs, beat)
	q.proven = q.proven || proof
	return proof
}

// rest returns how long until judge may decide differently.
func (q *question) rest(now time.Time) time.Duration {
	switch {
	case !q.taken:
		return ownEvery // own wakes its waiter when that changes
	case q.proven:
		return 0
	}
	return max(0, q.limit()-now.Sub(q.asked))
}

// answer is what a question has shown.
type answer int

const (
	pending  answer = iota // the broker or a proof has time left
	unproven               // the broker's time is up, but it remains to be proven that it has no copy
	hopeless               // no proof ever comes back
	missing                // the broker has no copy
)

func (q *question) judge(now time.Time) answer {
	switch {
	case q.proven:
		return missing
	case !q.taken || now.Sub(q.asked) < q.limit():
		return pending
	case len(q.proofs) == proofsMost:
		return hopeless
	}
	return unproven
}
