package mesh

import (
	"sync"
	"time"
)

// announceTime is how long a remote that is there may take to announce itself until it is taken for an existing peer. What
// the broker keeps is asked for meanwhile: see askAgain.
const announceTime = 2 * time.Second

// meeting is the first time that a remote is there. A cluster may bring its presence before its announcement, and a row
// that went to a node by version 1 would have another version there than here. Promise 3.
type meeting struct {
	since time.Time // zero: it is not there
	over  bool      // it has announced itself, or had the time to
}

// waits reports whether a remote that is there may yet announce itself.
func (m *meeting) waits(now time.Time, announced bool) bool {
	if m.since.IsZero() {
		m.since = now
	}
	m.over = m.over || announced || now.Sub(m.since) >= announceTime
	return !m.over
}

// left says that the remote is not there.
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

// Reach is how far a remote can be sent anything.
type Reach int

// From worst to best.
const (
	Away  Reach = iota // it is not there, or this node is not, or it is not known yet what it speaks
	Unmet              // it must be sent sealed messages, and cannot be: it has not announced itself with a key that this node has
	Ready
)

// Reach tells how far a remote can be sent anything now. It is to be asked again and again: what a remote speaks is waited for
// from the first time that it was asked and the remote was there. Promises 3 and 8.
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
	case meeting.waits(m.c.Now(), m.peers.announced(remote) || m.peers.isVersion1(remote)):
		return Away
	case m.sealing.required(remote) && m.KeyOf(remote) == "":
		return Unmet
	}
	return Ready
}
