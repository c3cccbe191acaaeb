package lead_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/lead"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// asked is a hub that answers a follower in a bubble of time.
type asked struct {
	reports []wire.Led
	tries   int
	logs    *observer.ObservedLogs
	said    *lead.Standing
}

// follows has a store follow a hub for some time, whose answers answer returns, by the number of the question.
func follows(t *testing.T, d time.Duration, key profile.PrivateKey, answer func(i int) ([]byte, error), wake time.Duration) (a asked) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		cfg := &config.Config{ClientName: "store-1", From: config.From{Client: "hq", Profile: "store", Key: key.Public(), File: profile.File{Path: filepath.Join(dir, "store-1.led")}}}
		f := lead.NewFollower(lead.FollowerConfig{
			Log: zap.New(core), Node: cfg, Now: time.Now, Ready: func() bool { return true },
			Try: func(_ context.Context, signed []byte) error {
				a.tries++
				p, err := cfg.From.Open(signed)
				if err == nil {
					err = cfg.From.File.Tries(p.Version, profile.DigestOf(signed), time.Now())
				}
				return errors.Join(err, cfg.From.File.Refuse(p.Version, "no table\nno column"), errors.New("no table\nno column")) // as the service does
			},
		})
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		if wake > 0 {
			var wakes sync.WaitGroup
			defer wakes.Wait()
			wakes.Go(func() {
				for pause.For(ctx, wake) == nil {
					f.Wake()
				}
			})
		}
		ask := func(_ context.Context, _ string, has wire.Led) ([]byte, error) {
			a.reports = append(a.reports, has)
			return answer(len(a.reports) - 1)
		}
		if err := f.Run(ctx, ask); err != nil {
			t.Error(err)
		}
		a.logs, a.said = logs, f.Look()
	})
	return a
}

func document(t *testing.T, key profile.PrivateKey, version profile.Version) []byte {
	t.Helper()
	b, err := key.Sign(profile.Profile{Hub: "hq", Name: "store", Version: version, Content: profile.Content{Keys: map[string]json.RawMessage{}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type denial struct{}

func (denial) Error() string { return "no" }
func (denial) Denies() bool  { return true }

func TestWhoeverAnswersTheHubIsAskedSeldom(t *testing.T) {
	t.Parallel()
	key, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	thief, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	good, forged := document(t, key, 100), document(t, thief, 101)
	for name, x := range map[string]struct {
		d              time.Duration
		answer         func(i int) ([]byte, error)
		wake           time.Duration
		asks, lines    int // at most
		tries          int
		refused, noted string
		denied         bool
	}{
		"the hub has nothing new":          {d: time.Hour, answer: func(int) ([]byte, error) { return nil, nil }, asks: 8},
		"it announces itself all the time": {d: time.Minute, answer: func(int) ([]byte, error) { return nil, nil }, wake: time.Millisecond, asks: 61},
		"it does not answer":               {d: 10 * time.Minute, answer: func(int) ([]byte, error) { return nil, errors.New("silent") }, asks: 26, noted: "silent"},
		"it has no such profile":           {d: 10 * time.Minute, answer: func(int) ([]byte, error) { return nil, denial{} }, asks: 26, noted: "no", denied: true},
		"someone forges answers":           {d: time.Hour, answer: func(int) ([]byte, error) { return forged, nil }, asks: 10, lines: 1, refused: "not signed"},
		"someone forges every other one": {d: 10 * time.Minute, answer: func(i int) ([]byte, error) {
			if i%2 == 0 {
				return forged, nil
			}
			return nil, nil
		}, asks: 601, lines: 1},
		"a version does not work": {d: time.Hour, answer: func(int) ([]byte, error) { return good, nil }, asks: 40, lines: 1, tries: 10, refused: "no table; no column"},
	} {
		a := follows(t, x.d, key, x.answer, x.wake)
		lines := a.logs.FilterMessage("the hub's configuration is refused; the one in use stays").Len()
		if n := len(a.reports); n == 0 || n > x.asks || lines > x.lines || a.tries > x.tries || x.tries > 0 && a.tries < x.tries/2 {
			t.Errorf("%s: asked %d times, tried %d times, %d lines", name, n, a.tries, lines)
		}
		if x.refused != "" && (!strings.Contains(a.said.Refused, x.refused) || !strings.Contains(a.reports[1].Refused, x.refused)) || !strings.Contains(a.said.Why, x.noted) || a.said.Denied != x.denied {
			t.Errorf("%s: %+v, %+v", name, a.said, a.reports)
		}
	}
}

// A hub that is replaced several times loses the questions that come meanwhile. The site asks anew when the hub is back, however
// many were lost: what it has is known at once.
func TestAHubThatComesBackIsAskedAtOnce(t *testing.T) {
	t.Parallel()
	key, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	for away := time.Second; away <= 40*time.Second; away += 1700 * time.Millisecond {
		for times := 1; times <= 6; times++ {
			back, told := replaced(t, key, away, times)
			if took := told.Sub(back); told.IsZero() || took > 4*time.Second {
				t.Errorf("after %d times %s away: %s", times, away, took)
			}
		}
	}
}

// replaced has a hub that is away some times, for some time each, and returns when it was back for good, and when a question of after
// that came.
func replaced(t *testing.T, key profile.PrivateKey, away time.Duration, times int) (back, told time.Time) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{ClientName: "store-1", From: config.From{Client: "hq", Profile: "store", Key: key.Public(), File: profile.File{Path: filepath.Join(dir, "store-1.led")}}}
		f := lead.NewFollower(lead.FollowerConfig{Log: zap.NewNop(), Node: cfg, Now: time.Now, Ready: func() bool { return true }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var mu sync.Mutex
		here := false
		ask := func(ctx context.Context, _ string, _ wire.Led) ([]byte, error) {
			mu.Lock()
			lost := !here
			mu.Unlock()
			if lost {
				<-ctx.Done()
				return nil, errors.New("silent")
			}
			mu.Lock()
			defer mu.Unlock()
			if !back.IsZero() {
				told = time.Now()
				cancel()
			}
			return nil, nil
		}
		set := func(now bool) {
			mu.Lock()
			defer mu.Unlock()
			here = now
		}
		go func() {
			for range times {
				set(false)
				time.Sleep(away)
				set(true)
				f.Wake()
				time.Sleep(500 * time.Millisecond)
			}
			mu.Lock()
			defer mu.Unlock()
			back = time.Now()
		}()
		if err := f.Run(ctx, ask); err != nil {
			t.Error(err)
		}
	})
	return back, told
}

// A version that could not even be tried, as while the disk is full, was not refused: it is tried again within minutes.
func TestAVersionThatCouldNotBeWrittenIsTriedAgain(t *testing.T) {
	t.Parallel()
	key, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	file, signed, tries := profile.File{Path: filepath.Join(t.TempDir(), "store-1.led")}, document(t, key, 100), 0
	synctest.Test(t, func(t *testing.T) {
		cfg := &config.Config{ClientName: "store-1", From: config.From{Client: "hq", Profile: "store", Key: key.Public(), File: file}}
		f := lead.NewFollower(lead.FollowerConfig{
			Log: zap.NewNop(), Node: cfg, Now: time.Now, Ready: func() bool { return true },
			Try: func(context.Context, []byte) error { tries++; return errors.New("no space left on device") },
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		if err := f.Run(ctx, func(context.Context, string, wire.Led) ([]byte, error) { return signed, nil }); err != nil {
			t.Error(err)
		}
		if s := f.Look(); s.Tried != 100 || !strings.Contains(s.Refused, "no space") {
			t.Errorf("%+v", s)
		}
	})
	if tries < 20 || tries > 45 {
		t.Errorf("tried %d times", tries)
	}
}
