package main

import (
	"errors"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"
)

// memoryShare is how much of the memory that the node may have is for what Go counts; the rest is for the scripts' process, the
// stacks of the kernel and the like.
const memoryShare = 0.9

// limitMemory has Go collect garbage sooner where a cgroup, as of a unit or a container, bounds the memory: without, the kernel ends a
// node whose memory would have been free after the next collection. GOMEMLIMIT in the environment goes before it. Promise 10.
func limitMemory(log *zap.Logger, cgroup memlimit.Provider) {
	bounded := false
	limit, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(func() (uint64, error) {
		limit, err := cgroup()
		bounded = err == nil
		return limit, err
	}))
	switch {
	case err != nil && !errors.Is(err, memlimit.ErrNoLimit): // as where the kernel shows no cgroups
		log.Debug("the memory limit cannot be read; none is set", zap.Error(err))
	case bounded:
		log.Info("memory is limited", zap.Int64("bytes", limit))
	}
}
