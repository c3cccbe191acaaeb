package transport

import (
	"slices"
	"testing"
	"time"
)

func TestPausesGrowToHalfAMinute(t *testing.T) {
	p := newPause(4 * time.Second)
	var got []time.Duration
	for range 5 {
		got = append(got, p.next(0.5))
	}
	want := []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	p.after(30 * time.Second)
	if d := p.next(0.5); d != 30*time.Second {
		t.Errorf("after a connection of half a minute %v, want no shorter one", d)
	}
	p.after(31 * time.Second)
	if low, high := p.next(0), newPause(4*time.Second).next(0.999); low != 3*time.Second || high <= 4*time.Second {
		t.Errorf("after a reset %v to %v, want a quarter around 4s", low, high)
	}
	long := newPause(time.Minute)
	long.next(0.5)
	if d := long.next(0.5); d != time.Minute {
		t.Errorf("a pause configured as a minute becomes %v", d)
	}
	if newPause(0).next(0.5) != time.Second {
		t.Error("no pause at all")
	}
}
