package mesh

import (
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Timing and bounds of the node's own topic of presence.
const (
	voiceTime = 2 * time.Second // how long the first message of a connection may take to come back
	voiceEnds = 2 * endedMost   // connections in a row that may end at it: an end may also be due to its being retained
)

// voice is what is known about the node's own topic, /here/{client}, and how the current connection uses it and /info. It is safe
// for concurrent use, and has no clock of its own.
type voice struct {
	wake chan struct{} // next has changed

	mu   sync.Mutex
	as   wire.Here // what is the same in all messages of this connection. The session is the run's until someone speaks in its name
	info infoUse   // of this connection

	sent    []sum         // the latest messages, to recognize them when they come back
	back    chan struct{} // closed once one has come back on this connection; nil: none was sent
	works   bool          // one has
	refused bool          // the broker refuses to deliver what others say there
	silent  bool          // none came back in time, when it was last tried
	deaf    bool          // others are heard elsewhere, but not there
	told    bool          // the log says that it does not work
	leaving bool          // it says that it leaves

	beats int       // sent on this connection, or since a newcomer came
	last  time.Time // when, or when it was considered
	ends  int       // connections in a row that ended at the first message
}

func newVoice(session uint64) *voice {
	return &voice{as: wire.Here{Session: session}, wake: make(chan struct{}, 1)}
}

// connects begins a connection; see connection.
func (v *voice) connects(info infoUse, will bool) wire.Here {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.as.Link++
	v.as.Info, v.info, v.back, v.works, v.refused, v.beats = will, info, nil, false, false, 0
	return v.as
}

// tries reports whether to use the topic on the next connection: not where brokers end connections because of it, except now and
// then.
func (v *voice) tries(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ends >= voiceEnds && now.Sub(v.last) >= ownEvery {
		v.ends = voiceEnds - 1
	}
	return v.ends < voiceEnds
}

// isQuiet reports whether the topic did not work when it was last tried.
func (v *voice) isQuiet() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.silent || v.refused
}

// denied notes that the broker refuses a subscription to another's topic.
func (v *voice) denied() {
	v.mu.Lock()
	v.refused = true
	v.mu.Unlock()
}

// speaks notes a message that is about to be published, and returns what is closed once one has come back.
func (v *voice) speaks(payload []byte, now time.Time) (back <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.sent) == announcementsKept {
		v.sent = slices.Delete(v.sent, 0, 1)
	}
	v.sent = append(v.sent, sha256.Sum256(payload))
	v.last = now
	v.beats++
	if v.back == nil {
		v.back = make(chan struct{})
	}
	return v.back
}

// rests notes that nothing can be published now.
func (v *voice) rests(now time.Time) {
	v.mu.Lock()
	v.last = now
	v.mu.Unlock()
}

// came handles a message on the topic. It reports whether it is ours, and whether it is the first of the connection to come back.
func (v *voice) came(payload []byte) (ours, first bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Contains(v.sent, sha256.Sum256(payload)) {
		return false, false
	}
	if v.back == nil || v.works { // a copy of an earlier connection's, or not the first
		return true, false
	}
	close(v.back)
	v.works, v.silent, v.told, v.ends = true, false, v.told && v.refused, 0
	v.kick()
	return true, true
}

// forged reports whether a message that came, and is not ours, claims to be of this connection or a later one of the session: others
// would ignore ours from then on. So ours are of another session now.
func (v *voice) forged(h wire.Here) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.leaving || h.Session != v.as.Session || h.Link < v.as.Link {
		return false
	}
	v.as.Session = rand.Uint64()>>1 + 1
	return true
}

// leaves notes that the node stops: what it says last comes back too.
func (v *voice) leaves() {
	v.mu.Lock()
	v.leaving = true
	v.mu.Unlock()
}

// fails notes that the first message has not come back in time. On a busy machine it may still come.
func (v *voice) fails() {
	v.mu.Lock()
	v.silent = !v.works
	v.mu.Unlock()
}

// disproves notes that a message on /info has come back. Both arrive on one connection and are read by one goroutine: if those on the
// node's own topic have not, they never will. It reports whether to log that.
func (v *voice) disproves() (tell bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.silent || v.works || v.back == nil || v.told {
		return false
	}
	v.told = true
	return true
}

// ended notes that the connection ended at the first message.
func (v *voice) ended() {
	v.mu.Lock()
	v.ends++
	v.mu.Unlock()
}

// awaits reports whether the node has spoken on this connection and what it said may still come back.
func (v *voice) awaits() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.back != nil && !v.works && !v.silent
}

// isUp reports whether what the node says on its topic comes back.
func (v *voice) isUp() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.works
}

// isHeard reports whether others hear the node on its topic, and it them on theirs, as far as is known.
func (v *voice) isHeard() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.works && !v.refused && !v.deaf
}

// isUnheard reports whether others are known not to hear the node on its topic, or it not to hear them. That the first message of a
// connection has yet to come back is no reason to think so.
func (v *voice) isUnheard() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused || v.deaf || !v.works && (v.silent || v.ends >= voiceEnds)
}

// hearsNot notes whether others are not heard on their topics.
func (v *voice) hearsNot(deaf bool) {
	v.mu.Lock()
	v.deaf = deaf
	v.mu.Unlock()
}

// down notes that the connection is lost.
func (v *voice) down() {
	v.mu.Lock()
	v.back, v.works, v.info = nil, false, withoutInfo
	v.mu.Unlock()
}

// owes has the next message follow as soon as the second of a connection does.
func (v *voice) owes() {
	v.mu.Lock()
	v.beats = min(v.beats, 1)
	v.mu.Unlock()
}

// next returns how long to wait until the next message.
func (v *voice) next(now time.Time) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	wait := ownEvery // someone may have mended the ACL
	switch {
	case v.works && v.beats <= 1:
		wait = hereSoon
	case v.works:
		wait = hereEvery
	}
	return max(0, min(wait, wait-now.Sub(v.last)))
}

// kick has next asked again.
func (v *voice) kick() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// subscribed returns how this connection uses /info, and which one it is.
func (v *voice) subscribed() (info infoUse, link uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.info, v.as.Link
}

// subscribes notes how a connection uses /info from now on, if done. The change may have come to the connection after it, or have
// been made though it failed: then it is made once more.
func (v *voice) subscribes(info infoUse, link uint64, done bool) {
	v.mu.Lock()
	if v.as.Link != link || !done {
		info = unsureInfo
	}
	v.info = info
	v.mu.Unlock()
}

// connection returns what is the same in all messages of the current connection.
func (v *voice) connection() wire.Here {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.as
}
