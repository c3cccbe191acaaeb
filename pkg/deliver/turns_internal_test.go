package deliver

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/outbox"
)

// TestWhoHasWaitedLongestIsNext: so many remotes catch up at a time.
func TestWhoHasWaitedLongestIsNext(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	turns := NewTurns(2)
	var woken []string
	take := func(remote string) bool {
		return turns.Take(remote, now, func() { woken = append(woken, remote) })
	}
	var got []bool
	for _, remote := range []string{"a", "b", "c", "d", "c"} {
		got = append(got, take(remote))
	}
	if !slices.Equal(got, []bool{true, true, false, false, false}) {
		t.Fatalf("turns %v", got)
	}
	woken = nil
	turns.Leave("b", now)
	if !slices.Equal(woken, []string{"c"}) || !take("c") || take("d") {
		t.Errorf("after the second has left, %v were woken, want the one that has waited longest", woken)
	}
	turns.Leave("d", now) // it is gone
	turns.Leave("a", now)
	if turns.Leave("c", now); len(turns.has) > 0 || len(turns.queue) > 0 {
		t.Errorf("left %+v", turns)
	}
}

// TestARemoteThatNeedsLongHoldsUpNoOne. Promise 5.
func TestARemoteThatNeedsLongHoldsUpNoOne(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	turns := NewTurns(1)
	take := func(remote string) bool { return turns.Take(remote, now, func() {}) }
	if !take("mute") || take("b") {
		t.Fatal("two at a time")
	}
	if now = now.Add(turnTime); take("b") {
		t.Error("the turn ended early")
	}
	if now = now.Add(time.Second); !take("b") {
		t.Error("the turn of a mute remote does not end")
	}
	if now = now.Add(-time.Hour); !take("c") {
		t.Error("a turn does not end when the clock is set back")
	}
}

// TestASenderWaitsForItsTurn: it sends nothing before, and may from then on, until its remote has been away.
func TestASenderWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	c := &Config{Log: zap.NewNop(), Now: time.Now, Turns: NewTurns(1), Stream: ends{upTo: 7}}
	var senders []*Sender
	for i := range 2 {
		senders = append(senders, New(c, fmt.Sprint(i), ready{}))
	}
	first, second := senders[0], senders[1]
	may := func(s *Sender) bool {
		t.Helper()
		may, err := s.maySend(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return may
	}
	if !may(first) || may(second) {
		t.Fatal("both send")
	}
	first.road.Place = outbox.Place{Acked: 6}
	if first.caughtUp(); may(second) {
		t.Error("the turn ends before everything is answered")
	}
	first.road.Place = outbox.Place{Acked: 7}
	if first.caughtUp(); !may(second) || !may(first) {
		t.Error("the turn does not end, or the first waits for another")
	}
	if first.leaveTurns(); may(first) {
		t.Error("a remote that was away does not wait for its turn")
	}
	if second.leaveTurns(); !may(first) {
		t.Error("the turn of a remote that is gone does not end")
	}
}

// ends is a stream that ends somewhere.
type ends struct {
	Stream
	upTo int64
}

func (e ends) Visible(context.Context) (int64, error) { return e.upTo, nil }
