package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	backlog   = 1_000_000 // rows
	portion   = 10_000    // rows per statement
	mostBytes = 128 << 20 // most memory that a node may ever use
)

// large turns the other load off: a million rows are enough.
func large(w *world) { w.quiet = true }

// pileUp makes A write while B is away. It takes its numbers from a table that only MariaDB has.
func pileUp(w *world) {
	w.b.Node.Kill()
	for first := 0; first < backlog; first += portion {
		_, err := w.a.DB.Exec(fmt.Sprintf(`INSERT INTO orders SELECT seq, CONCAT('row ', seq), 1 FROM seq_%d_to_%d`, first+1, first+portion))
		if err != nil {
			w.tb.Fatalf("write %d rows: %v", portion, err)
		}
		for id := first + 1; id <= first+portion; id++ {
			w.writes = append(w.writes, write{id: int64(id), name: fmt.Sprintf("row %d", id), site: w.a.Name})
		}
		w.pause(0)
	}
}

// drain brings B back and waits until everything has arrived. Neither node may ever have used more memory than allowed.
func drain(w *world) {
	w.b.startNode()
	w.await()
	for _, s := range w.sites() {
		most, err := peak(s.Node.Pid())
		if err != nil {
			w.tb.Fatalf("read the memory of node %s: %v", s.Name, err)
		}
		if most > mostBytes {
			w.tb.Fatalf("node %s used %d MiB of memory", s.Name, most>>20)
		}
		w.notes = append(w.notes, fmt.Sprintf("%s used at most %d MiB", s.Name, most>>20))
	}
}

// peak returns a process's peak memory in bytes (VmHWM on Linux).
func peak(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if after, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(after), "kB")))
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
}
