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
	for _, c := range []struct{ live, most, want int64 }{
		{0, 64 * mib, 32 * mib},
		{9 * mib, 64 * mib, 32 * mib},
		{13 * mib, 64 * mib, 32 * mib},
		{20 * mib, 64 * mib, 38 * mib},
		{36 * mib, 64 * mib, 62 * mib},
		{40 * mib, 64 * mib, 64 * mib},
		{400 * mib, 64 * mib, 64 * mib},
		{9 * mib, 20 * mib, 20 * mib}, // as the environment or the cgroup has it
	} {
		if got := goal(c.live, c.most); got != c.want {
			t.Errorf("with %d MiB in use, at most %d: %d, want %d", c.live/mib, c.most/mib, got/mib, c.want/mib)
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
