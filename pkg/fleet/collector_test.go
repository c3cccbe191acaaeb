package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// world plays the sites.
type world struct {
	mu     sync.Mutex
	away   map[string]bool
	old    map[string]bool // speak version 1
	asked  map[string][]time.Time
	atOnce int
	most   int
	answer func(ctx context.Context, site string) (*wire.Summary, error)
}

func newWorld() *world {
	return &world{away: map[string]bool{}, old: map[string]bool{}, asked: map[string][]time.Time{}, answer: func(_ context.Context, site string) (*wire.Summary, error) {
		s := well(site)
		return &s, nil
	}}
}

func (w *world) Online(site string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.away[site]
}

func (w *world) SpeaksBatches(site string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.old[site]
}

func (w *world) leaves(site string, away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away[site] = away
}

func (w *world) ask(ctx context.Context, site string) (*wire.Summary, error) {
	w.mu.Lock()
	w.asked[site] = append(w.asked[site], time.Now())
	w.atOnce++
	w.most = max(w.most, w.atOnce)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.atOnce--
		w.mu.Unlock()
	}()
	return w.answer(ctx, site)
}

func (w *world) times(site string) []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[site]
}

// runs runs a Collector against the world, in the test's bubble.
func (w *world) runs(t *testing.T, sites []string, test func(c *fleet.Collector)) {
	synctest.Test(t, func(t *testing.T) {
		c := fleet.New(fleet.Config{Sites: sites, Presence: w, Now: time.Now})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx, w.ask) }()
		test(c)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestEachSiteIsAskedOnceAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.runs(t, []string{"store-1", "store-2"}, func(*fleet.Collector) { time.Sleep(time.Hour) })
	for _, site := range []string{"store-1", "store-2"} {
		times := w.times(site)
		if len(times) < 48 || len(times) > 76 {
			t.Errorf("%s was asked %d times", site, len(times))
		}
		for i := range times[1:] {
			if d := times[i+1].Sub(times[i]); d < 47*time.Second || d > 75*time.Second {
				t.Errorf("%s was asked after %v", site, d)
			}
		}
	}
}

func TestNobodyIsAskedWithoutSites(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.runs(t, nil, func(*fleet.Collector) { time.Sleep(time.Hour) })
	if len(w.asked) > 0 {
		t.Error(w.asked)
	}
}

// An offline site is not asked; once it is online, it is asked at once.
func TestASiteThatComesIsAskedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.away["store-1"] = true
	w.runs(t, []string{"store-1"}, func(*fleet.Collector) {
		time.Sleep(time.Hour)
		if n := len(w.times("store-1")); n != 0 {
			t.Errorf("it was asked %d times while offline, want 0", n)
		}
		for range 3 { // each time, not only the first
			before := len(w.times("store-1"))
			w.leaves("store-1", false)
			time.Sleep(2 * time.Second)
			if n := len(w.times("store-1")); n != before+1 {
				t.Errorf("it was asked %d times", n-before)
			}
			w.leaves("store-1", true)
			time.Sleep(2 * time.Second)
		}
	})
}

func TestAtMostSixteenSitesAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.answer = func(ctx context.Context, _ string) (*wire.Summary, error) {
		select {
		case <-time.After(30 * time.Second):
		case <-ctx.Done():
		}
		return nil, errors.New("it does not answer")
	}
	var sites []string
	for i := range 300 {
		sites = append(sites, fmt.Sprintf("store-%d", i))
	}
	w.runs(t, sites, func(c *fleet.Collector) {
		time.Sleep(12 * time.Minute)
		for _, x := range c.Look(hub(sites...), -1).Sites {
			if !x.Own && x.Why != "it does not answer" {
				t.Errorf("%s: %q", x.Name, x.Why)
			}
		}
	})
	if w.most != 16 {
		t.Errorf("%d sites were asked at the same time", w.most)
	}
	for _, site := range sites { // each gets its turn, and none is asked all the time
		if n := len(w.times(site)); n < 1 || n > 3 {
			t.Errorf("%s was asked %d times", site, n)
		}
	}
}

func TestAnExistingPeerIsNotAsked(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.old["peer"] = true
	w.runs(t, []string{"peer"}, func(c *fleet.Collector) {
		time.Sleep(time.Hour)
		for _, x := range c.Look(hub("peer"), -1).Sites {
			if !x.Own && (x.Standing != fleet.Untold || x.Why == "") {
				t.Errorf("%+v", x)
			}
		}
	})
	if len(w.asked) > 0 {
		t.Error(w.asked)
	}
}
