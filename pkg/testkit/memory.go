package testkit

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// PeakMemory is the peak resident memory of the broker's process in bytes.
func (b *Broker) PeakMemory() int64 {
	b.tb.Helper()
	return peakMemory(b.tb, b.child)
}

// PeakMemory is the peak resident memory of the node's process in bytes.
func (n *NodeProcess) PeakMemory() int64 {
	n.tb.Helper()
	return peakMemory(n.tb, n.child)
}

// peakMemory reads Linux's VmHWM.
func peakMemory(tb TB, c *child) int64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		tb.Fatalf("read the memory of a process: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	field, _, _ := strings.Cut(rest, "kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(field), 10, 64)
	if err != nil {
		tb.Fatalf("read the memory of a process: %v", err)
	}
	return kib << 10
}
