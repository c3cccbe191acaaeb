package deliver

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Of many remotes that come online together, because the broker or this node was away, so many catch up at a time. Who needs
// longer than turnTime, such as one that does not answer, goes on beside the next ones: it holds no one up. Promise 5.
const (
	TurnsMost = 32
	turnTime  = 10 * time.Second
)

// Turns are the remotes that catch up with the stream, and those that wait to. It is safe for concurrent use.
type Turns struct {
	most int

	mu    sync.Mutex
	has   map[string]time.Time // whose turn it is, each since when
	queue []waits              // the one that has waited longest first
}

// waits is a remote that waits for its turn.
type waits struct {
	remote string
	wake   func()
}

// NewTurns returns the turns of remotes of which at most so many catch up at a time.
func NewTurns(most int) *Turns { return &Turns{most: most, has: map[string]time.Time{}} }

// Take reports whether it is a remote's turn. If not, the remote is in the queue, and wake is called when its turn may have come;
// ask again then, and now and then, since a turn also ends by time.
func (t *Turns) Take(remote string, now time.Time, wake func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, has := t.has[remote]; !has && !slices.ContainsFunc(t.queue, func(w waits) bool { return w.remote == remote }) {
		t.queue = append(t.queue, waits{remote, wake})
	}
	t.give(now)
	_, has := t.has[remote]
	return has
}

// Leave ends a remote's turn, or takes it out of the queue.
func (t *Turns) Leave(remote string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.has, remote)
	t.queue = slices.DeleteFunc(t.queue, func(w waits) bool { return w.remote == remote })
	t.give(now)
}

// give ends the turns that last too long if others wait, and gives free ones to who has waited longest.
func (t *Turns) give(now time.Time) {
	for remote, since := range t.has {
		if len(t.has) >= t.most && len(t.queue) > 0 && now.Sub(since).Abs() > turnTime {
			delete(t.has, remote)
		}
	}
	for len(t.has) < t.most && len(t.queue) > 0 {
		t.has[t.queue[0].remote] = now
		t.queue[0].wake()
		t.queue = slices.Delete(t.queue, 0, 1)
	}
}

// catchUp is where a sender is between its remote's coming online and having the stream as it was then.
type catchUp struct {
	waits bool  // for its turn
	began bool  // it had its turn
	goal  int64 // the end of the stream then; 0: reached
}

// maySend reports whether the remote may be sent anything: it has caught up, or it is its turn to.
func (s *Sender) maySend(ctx context.Context) (bool, error) {
	c := &s.catchUp
	if s.c.Turns == nil || c.began {
		return true, nil
	}
	if c.waits = !s.c.Turns.Take(s.remote, s.c.Now(), s.inbox.wake); c.waits {
		return false, nil
	}
	end, err := s.c.Stream.Visible(ctx)
	if err != nil {
		return false, err
	}
	*c = catchUp{began: true, goal: end}
	return true, nil
}

// caughtUp ends the sender's turn once everything is answered that was in the stream when it began.
func (s *Sender) caughtUp() {
	if c := &s.catchUp; c.goal > 0 && s.road.reached().Acked >= c.goal {
		c.goal = 0
		s.c.Turns.Leave(s.remote, s.c.Now())
	}
}

// leaveTurns has the sender wait for its turn again when its remote comes back.
func (s *Sender) leaveTurns() {
	if s.c.Turns != nil && s.catchUp != (catchUp{}) {
		s.catchUp = catchUp{}
		s.c.Turns.Leave(s.remote, s.c.Now())
	}
}
