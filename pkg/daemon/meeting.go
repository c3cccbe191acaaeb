package daemon

import "time"

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
