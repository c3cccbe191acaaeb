package transport

import (
	"sync"
	"time"
)

// Status is the state of a session.
type Status struct {
	Online bool
	Server string    // host and port, of the connection or the last attempt
	Since  time.Time // since when it is online, or offline
	Err    error     // why there is no connection; nil if there is one, or none was tried yet
	Silent error     // why others may not hear this node despite a connection, until its own messages come back
}

// standing keeps a Status. It is safe for concurrent use.
type standing struct {
	mu sync.Mutex
	Status
}

// Status returns the state of the session.
func (s *Session) Status() Status {
	s.standing.mu.Lock()
	defer s.standing.mu.Unlock()
	return s.standing.Status
}

// silence records why others may not hear this node; nil if they do.
func (t *standing) silence(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Silent = why
}

// note records that there is a connection to a server, or why there is none.
func (t *standing) note(online bool, server string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Since.IsZero() || t.Online != online {
		t.Since = time.Now()
	}
	t.Online, t.Server, t.Err = online, server, err
}
