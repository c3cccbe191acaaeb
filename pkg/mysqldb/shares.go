package mysqldb

import (
	"context"
	"slices"
	"sync"
)

// shares divides places among clients: one that holds some gets another only while more than that
// many are free. So one that takes all it can leaves half of them, two leave a quarter; and among
// those waiting, whoever holds the fewest comes first. It is safe for concurrent use.
type shares struct {
	mu      sync.Mutex
	free    int
	held    map[string]int
	waiting []*wish
}

// wish is a client's wait for a place.
type wish struct {
	who string
	got chan struct{} // closed when the place is granted
}

func newShares(places int) *shares { return &shares{free: places, held: map[string]int{}} }

// take waits for a place.
func (s *shares) take(ctx context.Context, who string) error {
	w := &wish{who, make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.grant()
	s.mu.Unlock()
	select {
	case <-w.got:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.Index(s.waiting, w); at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
	} else {
		s.back(who)
	}
	return ctx.Err()
}

// give gives a place back.
func (s *shares) give(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.back(who)
}

// back is give; s.mu is held.
func (s *shares) back(who string) {
	s.free++
	if s.held[who]--; s.held[who] == 0 {
		delete(s.held, who)
	}
	s.grant()
}

// grant gives places to those waiting. s.mu is held.
func (s *shares) grant() {
	for {
		next := -1
		for i, w := range s.waiting {
			if s.held[w.who] < s.free && (next < 0 || s.held[w.who] < s.held[s.waiting[next].who]) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		w := s.waiting[next]
		s.waiting = slices.Delete(s.waiting, next, next+1)
		s.free--
		s.held[w.who]++
		close(w.got)
	}
}
