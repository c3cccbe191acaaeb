package testkit

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Manager plays systemd for one service, which notifies it at a real socket.
type Manager struct {
	tb   TB
	conn *net.UnixConn
	path string
}

// Systemd returns a manager that listens until the test ends.
func Systemd(tb TB) *Manager {
	tb.Helper()
	path := filepath.Join(folder(tb, ""), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		tb.Fatalf("listen for notifications: %v", err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &Manager{tb, conn, path}
}

// Environment returns what the service finds in its environment, with a watchdog of that length.
func (m *Manager) Environment(watchdog time.Duration) []string {
	return []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=" + strconv.FormatInt(watchdog.Microseconds(), 10)}
}

// HangUp has the service reread its configuration, and waits until it has announced that and is ready again.
func (m *Manager) HangUp(pid int) {
	m.tb.Helper()
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		m.tb.Fatalf("hang up on %d: %v", pid, err)
	}
	if got := m.Wait("RELOADING=1"); !slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") }) {
		m.tb.Fatalf("the reload was announced with %q, want the monotonic clock too", got)
	}
	m.Wait("READY=1")
}

// Wait waits for a message with an assignment that begins with want, and returns all assignments of that message.
func (m *Manager) Wait(want string) []string {
	m.tb.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		m.tb.Fatalf("wait for %s: %v", want, err)
	}
	message := make([]byte, 4096)
	for {
		n, err := m.conn.Read(message)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			m.tb.Fatalf("wait for %s: nothing after %v", want, limit)
		}
		if err != nil {
			m.tb.Fatalf("wait for %s: %v", want, err)
		}
		lines := strings.Split(string(message[:n]), "\n")
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
			return lines
		}
	}
}
