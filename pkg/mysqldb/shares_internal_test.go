package mysqldb

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// TestGreedyClientsLeavePlacesToOthers has more and more greedy clients, each of which wants more than all places.
func TestGreedyClientsLeavePlacesToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShares(mostGuests)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		want := func(who string, n int) {
			for range n {
				go func() { _ = s.take(ctx, who) }()
			}
			synctest.Wait()
		}
		for i, left := range []int{6, 3, 1, 0} {
			want(fmt.Sprint("greedy ", i), 2*mostGuests)
			if s.free != left {
				t.Fatalf("%d of them left %d places, want %d", i+1, s.free, left)
			}
		}
		// The next place goes to whoever holds none, no matter who returns it or waits longer.
		want("modest", 1)
		s.give("greedy 0")
		synctest.Wait()
		if s.held["modest"] != 1 || s.held["greedy 0"] != 5 || s.free != 0 {
			t.Errorf("they hold %v", s.held)
		}
		s.give("modest")
		cancel()
		synctest.Wait()
		for who, n := range map[string]int{"greedy 0": 5, "greedy 1": 3, "greedy 2": 2} {
			for range n {
				s.give(who)
			}
		}
		for who, n := range s.held { // some got one more of those returned
			for range n {
				s.give(who)
			}
		}
		if len(s.waiting) > 0 || s.free != mostGuests || len(s.held) > 0 {
			t.Errorf("%d wait, %d are free, %v are held", len(s.waiting), s.free, s.held)
		}
	})
}

func TestACancelledWaiterHoldsNoPlace(t *testing.T) {
	s := newShares(1)
	if err := s.take(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.take(ctx, "other"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.give("one")
	if s.free != 1 || len(s.waiting)+len(s.held) > 0 {
		t.Errorf("%+v", s)
	}
}
