package main

import (
	"errors"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
)

func TestMemoryLimitFollowsTheCgroup(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	for name, x := range map[string]struct {
		cgroup      memlimit.Provider
		environment string
		want        int64
	}{
		"a limit":                          {memlimit.Limit(1000 << 20), "", 900 << 20},
		"none":                             {func() (uint64, error) { return 0, memlimit.ErrNoLimit }, "", math.MaxInt64},
		"no cgroups":                       {func() (uint64, error) { return 0, errors.New("no cgroups") }, "", math.MaxInt64},
		"the environment takes precedence": {memlimit.Limit(1000 << 20), "100MiB", math.MaxInt64}, // Go itself reads it
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOMEMLIMIT", x.environment)
			if x.environment == "" {
				if err := os.Unsetenv("GOMEMLIMIT"); err != nil {
					t.Fatal(err)
				}
			}
			debug.SetMemoryLimit(math.MaxInt64)
			limitMemory(zap.NewNop(), x.cgroup)
			if got := debug.SetMemoryLimit(-1); got != x.want {
				t.Errorf("limit %d, want %d", got, x.want)
			}
		})
	}
}
