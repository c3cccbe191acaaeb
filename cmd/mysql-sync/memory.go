package main

import (
	"errors"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
)

// memoryShare is Go's share of the memory that the node may use; the rest is for the scripts' processes, the kernel's
// stacks and so on.
const memoryShare = 0.9

// limitMemory makes Go collect garbage sooner if a cgroup, such as a unit's or a container's, limits the memory: otherwise
// the kernel might kill a node whose memory the next collection would have freed. GOMEMLIMIT in the environment takes
// precedence. Promise 10.
func limitMemory(log *zap.Logger, cgroup memlimit.Provider) {
	bounded := false
	limit, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(func() (uint64, error) {
		limit, err := cgroup()
		bounded = err == nil
		return limit, err
	}))
	switch {
	case err != nil && !errors.Is(err, memlimit.ErrNoLimit): // for example if the kernel has no cgroups
		log.Debug("the memory limit cannot be read; none is set", zap.Error(err))
	case bounded:
		log.Info("memory is limited", zap.Int64("bytes", limit))
	}
}
