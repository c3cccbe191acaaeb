package mesh

import (
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Timing of presence on a node's own topic.
const (
	hereEvery = 30 * time.Second // between two messages
	hereSoon  = 5 * time.Second  // until the second: a cluster may deliver the first to no one
	hereKept  = 40 * time.Second // and the broker's copy, which says no more than that nobody has replaced it
	hereMiss  = 90 * time.Second // after which a client whose own topic is silent, though it was heard elsewhere, cannot be heard there
)

// HereLease is how long after its sending such a message says that its sender is online: one may be lost.
const HereLease = 75 * time.Second

// topic is what is known of a client by its own topic, /here/{client}.
type topic struct {
	session, link uint64    // the latest connection heard of
	until         time.Time // it is online, by our clock
	info          bool      // its will is on /info
	heard         bool      // anything, on this connection
	live          bool      // and not only the broker's copy
	spoke         time.Time // when it was first heard on other topics on this connection
	deaf          bool      // nothing arrives, though it should; see judge
}

// hears returns what is known after a message, and whether that counts. Messages of an earlier connection come late: a broker that
// ends a connection may deliver its will after the next one's first message, and a cluster delivers copies when it likes.
func (t topic) hears(h wire.Here, retained bool, now time.Time) (_ topic, counts bool) {
	t.heard, t.deaf = true, false
	switch {
	case retained && t.live, // heard from itself, on this connection
		h.Session == t.session && h.Link < t.link,               // an earlier connection of this run
		h.Gone && !retained && t.live && h.Session != t.session: // the will of an earlier run
		return t, false
	}
	t.session, t.link, t.info, t.live = h.Session, h.Link, h.Info, !retained
	switch {
	case h.Gone:
		t.until = now
	case retained:
		t.until = now.Add(hereKept)
	default:
		t.until = now.Add(HereLease)
	}
	return t, true
}

// judge returns what is known once it is considered whether the client's own topic reaches us: not if it was heard elsewhere long ago,
// and does not count as online. That lasts until something arrives.
func (t topic) judge(online bool, now time.Time) topic {
	t.deaf = t.deaf || !t.heard && !online && !t.spoke.IsZero() && now.Sub(t.spoke) >= hereMiss
	return t
}
