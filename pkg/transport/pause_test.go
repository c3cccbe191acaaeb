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
		got = append(got, p.next(0.5, few))
	}
	want := []time.Duration{4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	p.after(30*time.Second, few)
	if d := p.next(0.5, few); d != 30*time.Second {
		t.Errorf("after a connection of half a minute %v, want no shorter one", d)
	}
	p.after(31*time.Second, few)
	if low, high := p.next(0, few), newPause(4*time.Second).next(0.999, few); low != 3*time.Second || high <= 4*time.Second {
		t.Errorf("after a reset %v to %v, want a quarter around 4s", low, high)
	}
	long := newPause(time.Minute)
	long.next(0.5, few)
	if d := long.next(0.5, few); d != time.Minute {
		t.Errorf("a pause configured as a minute becomes %v", d)
	}
	if newPause(0).next(0.5, few) != time.Second {
		t.Error("no pause at all")
	}
}

// TestManySitesReconnectAtRandomMoments: a broker that restarts is asked a hundred times a second, then less and less often.
func TestManySitesReconnectAtRandomMoments(t *testing.T) {
	const almost = 1 - 1e-12
	for _, c := range []struct {
		sites  int
		period time.Duration
		want   []time.Duration // the windows
	}{
		{few + 1, time.Second, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}},
		{1000, time.Second, []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute}},
		{1_000_000, time.Second, []time.Duration{time.Minute, time.Minute}},
		{300, time.Hour, []time.Duration{time.Hour, time.Hour}},
	} {
		p := newPause(c.period)
		for i, want := range c.want {
			q := *p
			if d := q.next(0, c.sites); d != 0 {
				t.Errorf("%d sites, attempt %d: the first comes after %v, want at once", c.sites, i, d)
			}
			if d := p.next(almost, c.sites).Round(time.Millisecond); d != want {
				t.Errorf("%d sites, attempt %d: the last comes after %v, want %v", c.sites, i, d, want)
			}
		}
	}
	p := newPause(time.Second)
	p.next(0.5, 1000)
	p.after(30*time.Second, 1000)
	if d := p.next(0.5, 1000); d != 5*time.Second {
		t.Errorf("after a connection of half a minute %v, want one from the first window", d)
	}
}
