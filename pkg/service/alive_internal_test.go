package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/systemd"
)

// Health returns how the node is, once it can be told.
func (p *played) Health(ctx context.Context) error {
	if p.stuck != nil {
		<-p.stuck
	}
	return p.ill
}

// heard is what a service tells systemd.
type heard struct {
	mu   sync.Mutex
	list []string
}

// since returns what was told since the last call.
func (h *heard) since() (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list, h.list = h.list, nil
	return list
}

// newWatched is newWorld under systemd, with a watchdog of 3 s.
func newWatched(t *testing.T, change func(map[string]*played), reads ...string) (*world, *heard) {
	t.Helper()
	h := &heard{}
	watched := systemd.Over(zap.NewNop(), 3*time.Second, func(state string) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		first, _, _ := strings.Cut(state, "\nMONOTONIC")
		h.list = append(h.list, strings.ReplaceAll(first, "\n", " "))
		return nil
	})
	return newWorldUnder(t, watched, change, reads...), h
}

func TestSystemdHearsHowTheNodeIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWatched(t, nil, "old", "")
		if got := strings.Join(h.since(), " "); !strings.Contains(got, "READY=1") || !strings.Contains(got, "STATUS=replicating") {
			t.Errorf("at the start it was told %q", got)
		}
		says(t, "the reload", w.Reload(t.Context()), "a mistake")
		if got := h.since(); !slices.Equal(got, []string{"RELOADING=1", "READY=1"}) {
			t.Errorf("at a refused reload it was told %q", got)
		}
		w.over(t, "old runs", "old ends")
		if got := h.since(); len(got) == 0 || got[0] != "STOPPING=1" {
			t.Errorf("at the stop it was told %q", got)
		}
	})
}

// A database that is slow or gone, and a broker that is, must not get the node killed.
func TestANodeThatWaitsIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		w, h := newWatched(t, func(nodes map[string]*played) {
			nodes["old"].late, nodes["old"].ill = late, errors.New("it waits for its database")
		}, "old")
		time.Sleep(time.Hour + time.Millisecond)
		if got := h.since(); len(got) < 3600 || !slices.Contains(got, "WATCHDOG=1 READY=1") || got[0] != "WATCHDOG=1 STATUS=it waits for its database" {
			t.Errorf("in an hour it was told %d times, first %q", len(got), got[:min(3, len(got))])
		}
		w.over(t, "old runs", "old ends")
	})
}

// A node that waits for another to stop is alive, even if that takes long.
func TestASlowStopIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWatched(t, func(nodes map[string]*played) { nodes["old"].slow = 30 * time.Second }, "old", "new")
		h.since()
		says(t, "the reload", w.Reload(t.Context()), "")
		if got := h.since(); len(got) < 30 || got[0] != "RELOADING=1" || !slices.Contains(got, "READY=1") {
			t.Errorf("in 30 s it was told %d times: %q", len(got), got)
		}
		w.over(t, "old runs", "old ends", "new runs", "new ends")
	})
}

func TestAStuckNodeIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{}, 1)
		stuck <- struct{}{}
		w, h := newWatched(t, func(nodes map[string]*played) { nodes["old"].stuck = stuck }, "old")
		h.since()
		time.Sleep(time.Minute)
		if got := h.since(); len(got) > 0 {
			t.Errorf("a node whose state cannot be read is reported as alive: %q", got)
		}
		close(stuck)
		w.over(t, "old runs", "old ends")
	})
}
