package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// host is the machine on which a run was made.
type host struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int    `json:"memoryMiB"`
	Kernel string `json:"kernel"`
	// Load is the load average over the minute before the run: what else went on.
	Load float64 `json:"loadBefore"`
}

// machine describes this machine, as far as Linux does.
func machine() host {
	h := host{CPU: line("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Kernel: runtime.GOOS}
	if kib, err := strconv.Atoi(strings.TrimSuffix(line("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		h.Memory = kib >> 10
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = "Linux " + strings.TrimSpace(string(release))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		h.Load, _ = strconv.ParseFloat(first, 64) // Linux writes a number
	}
	return h
}

// line returns the value of a "key : value" line of a file; empty if there is none.
func line(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for l := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// peak returns a process's peak memory in MiB (VmHWM on Linux).
func peak(pid int) (float64, error) {
	kib, err := strconv.ParseFloat(strings.TrimSuffix(line(fmt.Sprintf("/proc/%d/status", pid), "VmHWM"), " kB"), 64)
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	return kib / 1024, nil
}

// used returns the CPU time that processes have used so far, together.
func (b *bench) used(pids ...int) (sum time.Duration) {
	for _, pid := range pids {
		d, err := busy(pid)
		b.must("look at a process", err)
		sum += d
	}
	return sum
}

// memory returns the peak memory of processes in MiB, together.
func (b *bench) memory(pids ...int) (sum float64) {
	for _, pid := range pids {
		m, err := peak(pid)
		b.must("look at a process", err)
		sum += m
	}
	return sum
}

// shares returns the memory of processes in MiB, together, now: what several have in common, such as the program itself, counts once (Pss
// on Linux).
func (b *bench) shares(pids ...int) (sum float64) {
	for _, pid := range pids {
		kib, err := strconv.ParseFloat(strings.TrimSuffix(line(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss"), " kB"), 64)
		b.must("look at a process", err)
		sum += kib / 1024
	}
	return sum
}

// tick is the unit in which Linux counts the time of processes for programs, on all its platforms.
const tick = 10 * time.Millisecond

// busy returns the CPU time that a process has used so far.
func busy(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the time of process %d: %w", pid, err)
	}
	return parseBusy(string(text))
}

// parseBusy reads utime and stime of a line of /proc/PID/stat. The name of the
// program, in parentheses, may itself have spaces and parentheses.
func parseBusy(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("read the time of a process: %.60q is too short", stat)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the time of a process: %w", err)
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the time of a process: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}
