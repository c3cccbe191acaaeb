package mesh

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// Times of the own announcement.
const (
	againFirst   = time.Second      // between two that are asked for, at first
	againLongest = time.Minute      // and at the longest
	ownTime      = 3 * time.Second  // in which the broker delivers what it keeps
	ownEvery     = 10 * time.Minute // between two looks at what it keeps, while that is right
	ownSeldom    = time.Minute      // while it is not: who missed the last announcement gets another
)

// Bounds of what is remembered of the own announcement.
const (
	announcementsKept = 8 // how many may be on their way back
	proofsMost        = 8 // and how many beats that are waited for
	missedMost        = 2 // how often in a row it may be missing: a cluster takes its time
	endedMost         = 2 // how many connections in a row may end at it
)

// own is what is known of the node's announcement at the broker. It is safe for
// concurrent use.
type own struct {
	again chan struct{} // asks for a further one
	news  chan struct{} // next is another time now

	mu     sync.Mutex
	sent   [][sha256.Size]byte // the last ones, to know them when they come back
	back   bool                // one came back on this connection
	asked  time.Time           // when the broker was asked for what it keeps; zero: it was not, or has answered, or had its time
	taken  bool                // it has taken the question
	proofs [][sha256.Size]byte // beats published since its time was over
	proven bool                // one of them has come back: so would have what the broker sent before it
	kept   bool                // it keeps ours, as it last said
	missed int                 // how often in a row it did not
	denied int                 // how often in a row it could not be asked
	told   bool                // that it keeps nothing
	robbed time.Time           // when it was told that somebody took it away

	retained bool      // the last one was to be kept
	ends     int       // connections in a row that ended at one that was to be kept
	tried    time.Time // when such a one was last published
}

func newOwn() *own {
	return &own{again: make(chan struct{}, 1), news: make(chan struct{}, 1)}
}

// connected says that there is a new connection: what its broker keeps is not known. One
// that did not take retained messages may do so now.
func (o *own) connected(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answered()
	o.back, o.kept, o.missed, o.denied = false, false, 0, 0
	if o.ends >= endedMost && now.Sub(o.tried) >= ownEvery {
		o.ends = endedMost - 1
	}
}

// published notes an announcement that is about to be published, and returns whether the
// broker is to keep it: not if it ends the connection at such a message.
func (o *own) published(payload []byte, now time.Time) (retain bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.sent) == announcementsKept {
		o.sent = slices.Delete(o.sent, 0, 1)
	}
	o.sent = append(o.sent, sha256.Sum256(payload))
	if o.retained = o.ends < endedMost; o.retained {
		o.tried = now
	}
	return o.retained
}

// ended says that a connection ended at the announcement. Where it ends at one that is not
// to be kept as well, something else is in the way.
func (o *own) ended() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.retained {
		o.ends++
	} else {
		o.ends = 0
	}
}

// asks says that the broker is asked for what it keeps.
func (o *own) asks(now time.Time) {
	o.mu.Lock()
	o.answered()
	o.asked = now
	o.mu.Unlock()
	o.wake()
}

// takes says that the broker has taken the question: its time begins, if it has not answered already.
func (o *own) takes(now time.Time) {
	o.mu.Lock()
	if !o.asked.IsZero() {
		o.asked, o.taken = now, true
	}
	o.mu.Unlock()
	o.wake()
}

// answered says that nothing is waited for. The caller holds mu.
func (o *own) answered() {
	o.asked, o.taken, o.proofs, o.proven = time.Time{}, false, nil, false
}

// proves notes a beat that is about to be published, now that the broker's time is over.
func (o *own) proves(beat []byte) {
	o.mu.Lock()
	o.proofs = append(o.proofs, sha256.Sum256(beat))
	o.mu.Unlock()
}

// beatCame takes a beat of the node's own.
func (o *own) beatCame(beat []byte) {
	o.mu.Lock()
	came := !o.asked.IsZero() && slices.Contains(o.proofs, sha256.Sum256(beat))
	o.proven = o.proven || came
	o.mu.Unlock()
	if came {
		o.wake()
	}
}

// cannotAsk says that the broker could not be asked: there is no connection, an ACL is in the
// way, or it was busy. Nothing is known then.
func (o *own) cannotAsk() {
	o.mu.Lock()
	o.answered()
	o.denied++
	o.mu.Unlock()
	o.wake()
}

func (o *own) wake() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// came takes an announcement in the node's name, and reports whether it is one of ours; tell
// is that somebody has to be told if it is not.
func (o *own) came(payload []byte, retained bool, now time.Time) (ours, tell bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ours = slices.Contains(o.sent, sha256.Sum256(payload))
	switch {
	case ours && retained:
		o.answered()
		o.kept, o.missed, o.denied, o.told, o.ends = true, 0, 0, false, 0
	case ours:
		o.back = true
	case !retained:
		o.kept = false
		if tell = o.robbed.IsZero() || now.Sub(o.robbed) > RefusalsTime; tell {
			o.robbed = now
		}
	}
	return ours, tell
}

// next returns how long it is until the broker is asked again, or has had its time.
func (o *own) next(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.asked.IsZero() && !o.taken:
		return ownEvery // it is told when there is more
	case o.proven:
		return 0
	case !o.asked.IsZero():
		return max(0, ownTime<<len(o.proofs)-now.Sub(o.asked))
	case o.missed >= missedMost:
		return ownSeldom
	case o.denied > 0:
		return min(ownTime<<min(o.denied-1, 10), ownEvery)
	}
	return ownEvery
}

// keeping says what is to be done about the announcement.
type keeping struct {
	publish bool // again
	prove   bool // by a beat that what was sent before it has come
	ask     bool // the broker for what it keeps
	tell    bool // that it keeps nothing
	back    bool // announcements come back, so that no ACL is in the way
}

// judge says what is to be done now that next is over. Time alone shows nothing: on a busy machine what has come is not read
// yet. So when the time is over a beat is published, and only where that has come back, and the announcement has not, is it
// missing: both come on one connection, and are read by one goroutine.
func (o *own) judge(now time.Time) keeping {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked.IsZero() {
		return keeping{publish: o.missed >= missedMost, ask: o.missed < missedMost}
	}
	switch due := o.taken && now.Sub(o.asked) >= ownTime<<len(o.proofs); {
	case o.proven:
	case due && len(o.proofs) == proofsMost: // nothing comes back at all; the connection tells that
		o.answered()
		o.denied++
		return keeping{}
	default:
		return keeping{prove: due}
	}
	o.answered()
	o.kept, o.denied = false, 0
	o.missed++
	k := keeping{publish: o.missed <= missedMost, tell: o.missed >= missedMost && !o.told, back: o.back}
	o.told = o.told || k.tell
	return k
}

// why says what is wrong with a broker that does not keep the announcement.
func (k keeping) why() string {
	if k.back {
		return "the broker keeps no retained messages, so that who comes does not hear of this node from it: switch them on there"
	}
	return "the broker neither delivers nor keeps the announcement of this node: an ACL denies writing or reading its topic"
}

// isKept reports whether the broker tells those who come of this node.
func (o *own) isKept() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept
}

// unkept says why others may not hear of this node; "" is nothing.
func (o *own) unkept() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept || o.missed < missedMost {
		return ""
	}
	return keeping{back: o.back}.why()
}
