package mesh

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestLeaseIsTheLongestThatSpeaksForALivePeer(t *testing.T) {
	for rule, x := range map[string]struct{ claim, interval, want time.Duration }{
		"the claim of a correct clock":                 {23 * time.Second, 0, 23 * time.Second},
		"a claim in the past":                          {-3 * time.Hour, 0, shortestLease},
		"a claim in the past, the second time":         {-3 * time.Hour, 12 * time.Second, 30 * time.Second},
		"a claim hours ahead":                          {3 * time.Hour, 0, longestLease},
		"a claim for a moment":                         {time.Millisecond, 10 * time.Millisecond, shortestLease},
		"a claim shorter than the interval":            {10 * time.Second, 12 * time.Second, 30 * time.Second},
		"an absence is no interval":                    {23 * time.Second, 3 * time.Hour, 23 * time.Second},
		"an absence is no interval, clock in the past": {-time.Hour, 5 * time.Minute, shortestLease},
	} {
		if got := leaseTime(x.claim, x.interval); got != x.want {
			t.Errorf("%s: %v, want %v", rule, got, x.want)
		}
	}
}

func TestASlowClockIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPresence(time.Now, []string{"alpha"}, false)
		for skew, want := range map[time.Duration]time.Duration{-time.Hour: time.Hour - 5*time.Second, 0: 0, time.Hour: 0} {
			p.beat("alpha", beatUntil(time.Now().Add(skew), time.Second))
			if got := p.behind("alpha"); got != want {
				t.Errorf("skew %v: behind by %v, want %v", skew, got, want)
			}
		}
		p.beat("alpha", beatUntil(time.Now().Add(-time.Hour), time.Second))
		p.lost("alpha")
		if got := p.behind("alpha"); got != 0 {
			t.Errorf("an offline client is behind by %v", got)
		}
		if got := p.behind("nobody"); got != 0 {
			t.Errorf("an unknown client is behind by %v", got)
		}
	})
}

// TestClientStaysOnlineWhateverItsClock sends heartbeats as existing peers do.
func TestClientStaysOnlineWhateverItsClock(t *testing.T) {
	const check = 10 * time.Second
	for _, skew := range []time.Duration{-72 * time.Hour, -25 * time.Second, 0, 25 * time.Second, 72 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := newPresence(time.Now, []string{"alpha"}, false)
			beat := func() bool { return p.beat("alpha", beatUntil(time.Now().Add(skew), check)) }
			if p.online("alpha") || !beat() || !p.online("alpha") {
				t.Errorf("skew %v: the first beat does not bring it online", skew)
			}
			time.Sleep(BeatInterval(check)) // A slow clock may make it look dead once, up to here.
			beat()
			for range 100 {
				for range BeatInterval(check) / time.Second {
					time.Sleep(time.Second)
					if !p.online("alpha") {
						t.Fatalf("skew %v: offline between two beats", skew)
					}
				}
				if beat() {
					t.Fatalf("skew %v: came online a second time", skew)
				}
			}
			time.Sleep(longestLease)
			if p.online("alpha") {
				t.Errorf("skew %v: online forever", skew)
			}
		})
	}
}

func TestLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPresence(time.Now, []string{"alpha", "beta"}, false)
		p.beat("alpha", time.Now().Add(30*time.Second))
		p.beat("beta", time.Now().Add(20*time.Second))
		time.Sleep(20*time.Second - 1)
		if gone := p.expire(); len(gone) != 0 || !p.online("beta") {
			t.Errorf("%v went too early", gone)
		}
		time.Sleep(time.Nanosecond)
		if p.online("beta") {
			t.Error("beta is online after its lease")
		}
		if gone := p.expire(); !slices.Equal(gone, []string{"beta"}) {
			t.Errorf("%v went, want beta", gone)
		}
		if gone := p.expire(); len(gone) != 0 {
			t.Errorf("%v went twice", gone)
		}
		if p.lost("beta") {
			t.Error("beta was lost after it had gone")
		}
		if !p.lost("alpha") || p.online("alpha") {
			t.Error("alpha is online though it said that it left")
		}
		if gone := p.expire(); len(gone) != 0 {
			t.Errorf("%v went though it was lost", gone)
		}
		if !p.beat("alpha", time.Now().Add(30*time.Second)) {
			t.Error("alpha did not come back")
		}
	})
}

func TestABeatAfterAnUnnoticedEndBringsAClientOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPresence(time.Now, []string{"alpha"}, false)
		p.beat("alpha", time.Now())
		time.Sleep(time.Hour)
		if !p.beat("alpha", time.Now()) {
			t.Error("the beat after an hour did not bring it online")
		}
	})
}

func TestStrangersAreBounded(t *testing.T) {
	p := newPresence(time.Now, []string{"alpha"}, false)
	if p.beat("eve", time.Now()) || p.online("eve") || p.lost("eve") {
		t.Error("a stranger is remembered though only known clients should be")
	}
	p = newPresence(time.Now, []string{"alpha"}, true)
	p.beat("alpha", time.Now())
	for i := range 3 * strangersKept {
		if !p.beat(fmt.Sprint("eve", i), time.Now()) {
			t.Fatal("a new stranger did not come online")
		}
	}
	if n := len(p.clients()); n != strangersKept+1 {
		t.Errorf("%d clients are remembered, want %d", n, strangersKept+1)
	}
	if !p.online("alpha") {
		t.Error("a known client gave way to strangers")
	}
}

func TestClientsReturnsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPresence(time.Now, []string{"alpha"}, false)
		p.beat("alpha", time.Now().Add(time.Minute))
		want := Client{Name: "alpha", Online: true, Heard: time.Now(), Until: time.Now().Add(time.Minute)}
		if all := p.clients(); len(all) != 1 || all[0] != want {
			t.Errorf("%+v, want %+v", all, want)
		}
	})
}

func TestBeatsHaveTheFormOfExistingPeers(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	if BeatInterval(time.Second) != 3*time.Second || !beatUntil(at, time.Second).Equal(at.Add(5*time.Second)) {
		t.Errorf("%v, %v", BeatInterval(time.Second), beatUntil(at, time.Second))
	}
}

// FuzzPresence: clients may claim to be online until any time, but a lease stays within its bounds, and no more clients are
// remembered than there is room for.
func FuzzPresence(f *testing.F) {
	f.Add("peer", int64(1), int64(-1<<63), int64(1<<63-1))
	f.Add("node-a", int64(1715000005000), int64(0), int64(1715000000000))
	f.Fuzz(func(t *testing.T, client string, first, second, pause int64) {
		now := time.UnixMilli(1715000000000)
		p := newPresence(func() time.Time { return now }, []string{"node-a"}, true)
		p.beat(client, time.UnixMilli(first))
		now = now.Add(time.Duration(uint64(pause) % uint64(time.Hour)))
		p.beat(client, time.UnixMilli(second))
		if p.ahead(client) < 0 || p.ahead(client) > farthestAhead {
			t.Errorf("the clock is ahead by %v", p.ahead(client))
		}
		if !p.online(client) {
			t.Errorf("%q is not online just after it said so", client)
		}
		now = now.Add(shortestLease - time.Second)
		if !p.online(client) {
			t.Errorf("%q is online for less than %v", client, shortestLease)
		}
		now = now.Add(3 * time.Hour) // more than 2.5 times the longest pause
		if p.online(client) {
			t.Errorf("%q is online forever", client)
		}
	})
}
