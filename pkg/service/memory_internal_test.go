package service

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// TestTheGoalFollowsWhatIsInUse: a node that needs little takes little; one that needs much does not spend its time collecting.
func TestTheGoalFollowsWhatIsInUse(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct{ live, besides, want int64 }{
		{0, 8, 32},
		{9, 8, 32},
		{13, 8, 32},
		{20, 8, 38},
		{36, 12, 62},
		{40, 8, 64},
		{48, 16, 76}, // room for a fourth is left
		{400, 40, 540},
	} {
		if got := goal(c.live*mib, c.besides*mib, 64*mib); got != c.want*mib {
			t.Errorf("with %d and %d MiB in use: %d, want %d", c.live, c.besides, got/mib, c.want)
		}
	}
}

// TestTheGoalIsSetAnew: it grows and shrinks with what is in use.
func TestTheGoalIsSetAnew(t *testing.T) {
	boundMemory(&config.Config{MaxRowBytes: 16 << 20})
	until := func(what string, is func(limit int64) bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; {
			runtime.GC()
			if is(debug.SetMemoryLimit(-1)) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s, and the goal is %d MiB", what, debug.SetMemoryLimit(-1)>>20)
			}
		}
	}
	until("little is in use", func(limit int64) bool { return limit < 48<<20 })
	func() {
		large := make([]byte, 40<<20)
		until("much is in use", func(limit int64) bool { return limit >= 64<<20 })
		runtime.KeepAlive(large)
	}()
	until("it is in use no more", func(limit int64) bool { return limit < 48<<20 })
}

// TestMuchInUseIsNotCollectedAllTheTime: a node that has much in use, above the bound, and makes little garbage collects little.
func TestMuchInUseIsNotCollectedAllTheTime(t *testing.T) {
	boundMemory(&config.Config{MaxRowBytes: 1 << 20})
	used := make([][]byte, 100_000)
	for i := range used {
		used[i] = make([]byte, 1000)
	}
	runtime.GC() // the goal follows
	for end := time.Now().Add(time.Minute); debug.SetMemoryLimit(-1) < 100<<20 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		for range 10 {
			garbage = make([]byte, 1000)
		}
		time.Sleep(100 * time.Microsecond)
	}
	runtime.ReadMemStats(&after)
	if n := after.NumGC - before.NumGC; n > 3 {
		t.Errorf("%d collections for 10 MB of garbage beside 100 MB in use", n)
	}
	runtime.KeepAlive(used)
}

var garbage []byte // so that it is allocated
