package fleet_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/history"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// recorded runs a node that records, in the test's bubble, with a state that changes with the time since its start.
func recorded(t *testing.T, cfg *config.Config, change func(s *status.State, since time.Duration), test func(m *fleet.Member)) *observer.ObservedLogs {
	t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer = func(_ context.Context, site string) (*wire.Summary, error) {
			s := well(site)
			s.Now, s.Rows.Pending, s.FreeDisk = time.Now(), 7, 5<<30
			return &s, nil
		}
		begin := time.Now()
		m := fleet.NewMember(zap.New(core), cfg, w, time.Now, func(context.Context) (*status.State, error) {
			s := hub(cfg.RemoteClients...)
			s.Now, s.Started = time.Now(), begin
			s.Broker.Since = begin
			change(s, time.Since(begin))
			return s, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx, w.ask) }()
		test(m)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return logs
}

func TestTheHistoryOfTheNodeAndItsSitesIsRecorded(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{ClientName: "hub", QueueDirectory: t.TempDir(), RemoteClients: []string{"store-1", "store-2"}, Fleet: true}
	logs := recorded(t, cfg, func(s *status.State, since time.Duration) {
		minutes := int64(since / time.Minute)
		s.Remotes[0].Sent.Rows, s.Remotes[0].Received.Rows = 10*minutes, 2*minutes
		s.Remotes[0].Online = since < 30*time.Minute || since >= 50*time.Minute
		s.Remotes[1].Sent.Rows, s.Remotes[1].Pending.Rows = minutes, 3
		if since >= 80*time.Minute { // the hub does not know whether its sites are online
			s.Broker.Online, s.Remotes[0].Online, s.Remotes[1].Online = false, false, false
		}
	}, func(m *fleet.Member) {
		time.Sleep(90*time.Minute + time.Second)
		own, err := m.History(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		store, err := m.History(t.Context(), "store-1")
		if err != nil {
			t.Fatal(err)
		}
		other, err := m.History(t.Context(), "store-2")
		if err != nil {
			t.Fatal(err)
		}
		if own.Site != "hub" || len(own.Day) < 18 || len(own.Month) < 2 || own.Away != nil {
			t.Errorf("the node's own: %+v", own)
		}
		if n := sum(own.Day, func(r history.Record) int64 { return r.Sent }); n != 90*11 {
			t.Errorf("%d rows were sent in all, want %d", n, 90*11)
		}
		if n := sum(store.Month, func(r history.Record) int64 { return r.Received }); n < 2*77 || n > 2*80 {
			t.Errorf("%d rows were received from store-1", n)
		}
		if store.Day[3].Pending != 7 || store.Day[3].FreeDisk < 5<<30-4<<20 || other.Day[3].ForIt != 3 {
			t.Errorf("%+v, %+v", store.Day[3], other.Day[3])
		}
		if a := store.Away; a == nil || a.Minutes < 19 || a.Minutes > 21 || a.Until.IsZero() {
			t.Errorf("store-1 was offline: %+v", a)
		}
		if other.Away != nil {
			t.Errorf("store-2 was offline: %+v", other.Away)
		}
		if _, err := m.History(t.Context(), "store-3"); !errors.Is(err, status.ErrNotFound) {
			t.Errorf("a site without a history: %v", err)
		}
	})
	if logs.Len() > 0 {
		t.Error(logs.All())
	}
}

func sum(list []history.Record, of func(history.Record) int64) (n int64) {
	for _, r := range list {
		n += of(r)
	}
	return n
}

// A node that collects from nobody records only itself.
func TestWithoutAFleetOnlyTheNodeIsRecorded(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{ClientName: "hub", QueueDirectory: t.TempDir(), RemoteClients: []string{"store-1"}}
	recorded(t, cfg, func(*status.State, time.Duration) {}, func(m *fleet.Member) {
		time.Sleep(10*time.Minute + time.Second)
		if _, err := m.History(t.Context(), ""); err != nil {
			t.Error(err)
		}
		if _, err := m.History(t.Context(), "store-1"); !errors.Is(err, status.ErrNotFound) {
			t.Error(err)
		}
	})
}

// A history that cannot be read or written costs the node nothing, is told once, and goes on by itself.
func TestAHistoryThatCannotBeWrittenIsToldOnce(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{ClientName: "hub", QueueDirectory: filepath.Join(t.TempDir(), "none")}
	logs := recorded(t, cfg, func(*status.State, time.Duration) {}, func(m *fleet.Member) {
		time.Sleep(10*time.Minute + time.Second)
		if err := os.MkdirAll(cfg.QueueDirectory, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(history.Path(cfg.QueueDirectory, "hub"), []byte("something else"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*time.Minute + time.Second)
		if h, err := m.History(t.Context(), ""); err != nil || len(h.Day) == 0 {
			t.Error(h, err)
		}
	})
	if logs.Len() != 2 || logs.FilterMessageSnippet("could not write the history").Len() != 1 || logs.FilterMessageSnippet("begins anew").Len() != 1 {
		t.Error(logs.All())
	}
}
