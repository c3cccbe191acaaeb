package mesh

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// Timing of the node's own announcement.
const (
	againFirst   = time.Second      // the first pause after announcing again
	againLongest = time.Minute      // and the longest
	ownTime      = 3 * time.Second  // how long the broker may take to deliver the copy that it retains
	ownEvery     = 10 * time.Minute // between two checks, while the broker retains it
	ownSeldom    = time.Minute      // between two announcements, while it does not: clients that missed one get the next
)

// Bounds of what is remembered about it.
const (
	announcementsKept = 8 // announcements that may still come back
	missedMost        = 2 // how many checks in a row may find it missing: a cluster takes its time
)

// sum identifies a message that may come back.
type sum = [sha256.Size]byte

// own is what is known about the node's announcement at the broker. It is safe for concurrent use, and has no clock of its own.
type own struct {
	again chan struct{} // announce again
	news  chan struct{} // next has changed

	mu     sync.Mutex
	sent   []sum     // the latest announcements, to recognize them when they come back
	out    bool      // one was published on this connection
	back   bool      // one has come back on it
	kept   bool      // the broker retains ours, by its last answer
	missed int       // how many answers in a row lacked it
	denied int       // how many attempts to ask have failed in a row
	told   bool      // the log says that the broker retains nothing
	robbed time.Time // when the log last said that someone removed it

	question question
	retain   retaining
}

func newOwn() *own {
	return &own{again: make(chan struct{}, 1), news: make(chan struct{}, 1)}
}

// connected begins a new connection to a broker about which nothing is known yet.
func (o *own) connected(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.question = question{}
	o.out, o.back, o.kept, o.missed, o.denied = false, false, false, 0, 0
	o.retain.connected(now)
}

// disconnected ends the wait for an answer: none will come before the next connection.
func (o *own) disconnected() {
	o.mu.Lock()
	o.question = question{}
	o.mu.Unlock()
	o.wake()
}

// published records an announcement that is about to be published, and returns whether to have the broker retain it.
func (o *own) published(payload []byte, now time.Time) (retain bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.sent) == announcementsKept {
		o.sent = slices.Delete(o.sent, 0, 1)
	}
	o.sent = append(o.sent, sha256.Sum256(payload))
	o.out = true
	return o.retain.published(now)
}

// retains returns whether to have the broker retain another message that is about to be published.
func (o *own) retains(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.retain.published(now)
}

// isOut reports whether an announcement was published on this connection.
func (o *own) isOut() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.out
}

// keepsNothing reports whether the broker is known to retain nothing.
func (o *own) keepsNothing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.told || o.retain.ends >= endedMost
}

// ended records that the connection ended when we announced ourselves.
func (o *own) ended() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retain.ended()
}

// asks records that the broker is being asked for its copy.
func (o *own) asks(now time.Time) {
	o.mu.Lock()
	o.question = question{asked: now}
	o.mu.Unlock()
	o.wake()
}

// takes records that the broker has accepted the question: its time starts now, unless it has already answered.
func (o *own) takes(now time.Time) {
	o.mu.Lock()
	if o.question.open() {
		o.question.asked, o.question.taken = now, true
	}
	o.mu.Unlock()
	o.wake()
}

// cannotAsk records that the broker could not be asked, which says nothing about what it retains: there is no connection,
// an ACL forbids it, or the broker is busy.
func (o *own) cannotAsk() {
	o.mu.Lock()
	o.question = question{}
	o.denied++
	o.mu.Unlock()
	o.wake()
}

// proves records a beat that is about to be published as a proof; see question.
func (o *own) proves(beat []byte) {
	o.mu.Lock()
	o.question.proofs = append(o.question.proofs, sha256.Sum256(beat))
	o.mu.Unlock()
}

// beatCame handles one of the node's own beats.
func (o *own) beatCame(beat []byte) {
	o.mu.Lock()
	came := o.question.heard(sha256.Sum256(beat))
	o.mu.Unlock()
	if came {
		o.wake()
	}
}

func (o *own) wake() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// came handles an announcement in the node's name. It reports whether it is ours; if not, tell says whether to log it.
func (o *own) came(payload []byte, retained bool, now time.Time) (ours, tell bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ours = slices.Contains(o.sent, sha256.Sum256(payload))
	switch {
	case ours && retained:
		o.question = question{}
		o.kept, o.missed, o.denied, o.told = true, 0, 0, false
		o.retain.works()
		o.wake() // otherwise the next question would wait until this one's time is up
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

// next returns how long to wait before calling judge.
func (o *own) next(now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.question.open():
		return o.question.rest(now)
	case o.missed >= missedMost:
		return ownSeldom
	case o.denied > 0:
		return min(ownTime<<min(o.denied-1, 10), ownEvery)
	}
	return ownEvery
}

// action is what to do about the announcement.
type action struct {
	publish bool // announce again
	prove   bool // publish a beat as a proof
	ask     bool // ask the broker for its copy
	tell    bool // log that the broker retains nothing
	back    bool // announcements do come back, so no ACL is in the way
}

// judge decides what to do once the time returned by next has passed.
func (o *own) judge(now time.Time) action {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.question.open() {
		return action{publish: o.missed >= missedMost, ask: o.missed < missedMost}
	}
	switch o.question.judge(now) {
	case pending:
		return action{}
	case unproven:
		return action{prove: true}
	case hopeless: // nothing comes back at all; the session's echo check logs that
		o.question = question{}
		o.denied++
		return action{}
	}
	o.question = question{}
	o.kept, o.denied = false, 0
	o.missed++
	a := action{publish: o.missed <= missedMost, tell: o.missed >= missedMost && !o.told, back: o.back}
	o.told = o.told || a.tell
	return a
}

// why says what is wrong with a broker that does not retain the announcement.
func (a action) why() string {
	if a.back {
		return "the broker keeps no retained messages, so new nodes do not learn about this one from it: enable them there"
	}
	return "the broker neither delivers nor keeps the announcement of this node: an ACL denies writing or reading its topic"
}

// isKept reports whether newcomers learn about this node from the broker.
func (o *own) isKept() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept
}

// unkept says why others may not learn about this node, or "".
func (o *own) unkept() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept || o.missed < missedMost {
		return ""
	}
	return action{back: o.back}.why()
}
