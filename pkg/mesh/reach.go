package mesh

import (
	"sync"
	"time"
)

// announceTime is how long a remote that is online may take to announce itself before it counts as an existing peer.
// Meanwhile the broker is asked for what it retains: see askAgain.
const announceTime = 2 * time.Second

// meeting is the first time that a remote is online. A cluster may deliver its presence before its announcement, and a
// row sent to a node by version 1 would get a version there that differs from ours. Promise 3.
type meeting struct {
	since time.Time // zero: the remote is away
	over  bool      // it has announced itself, or had time to
}

// waits reports whether a remote that is online may yet announce itself.
func (m *meeting) waits(now time.Time, announced bool) bool {
	if m.since.IsZero() {
		m.since = now
	}
	m.over = m.over || announced || now.Sub(m.since) >= announceTime
	return !m.over
}

// left records that the remote is away.
func (m *meeting) left() { m.since = time.Time{} }

// meetings has the meeting of each remote.
type meetings struct {
	mu sync.Mutex
	of map[string]*meeting
}

func newMeetings(remotes []string) *meetings {
	m := &meetings{of: map[string]*meeting{}}
	for _, r := range remotes {
		m.of[r] = &meeting{}
	}
	return m
}

// Reach is whether anything can be sent to a remote.
type Reach int

const (
	Away  Reach = iota // it is offline, or we are, or it has yet to announce itself
	Unmet              // messages to it must be sealed, and it has announced no key that this node has
	Ready
)

// Reach returns whether anything can be sent to a remote now. Its sender must ask before it sends: the remote's time to
// announce itself counts from the first call that finds it online. Promises 3 and 8.
func (m *Mesh) Reach(remote string) Reach {
	m.meetings.mu.Lock()
	defer m.meetings.mu.Unlock()
	meeting := m.meetings.of[remote]
	switch {
	case meeting == nil:
		return Away
	case !m.c.Broker.Online() || !m.Online(remote):
		meeting.left()
		return Away
	case !m.SpeaksBatches(remote) && m.presence.isCopy(remote): // what was there may have been a node, which version 1 would harm
		meeting.left()
		return Away
	case meeting.waits(m.c.Now(), m.Announced(remote) || m.peers.isVersion1(remote)):
		return Away
	case m.sealing.required(remote) && m.KeyOf(remote) == "":
		return Unmet
	}
	return Ready
}
