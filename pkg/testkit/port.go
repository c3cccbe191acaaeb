package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// taken holds the ports that this process has handed out.
var taken sync.Map

// FreePort returns a loopback port on which nothing listens. It lies below the range of ports for
// outgoing connections, so that none of these takes it while its server is down. As long as this
// process lives, no other process that uses testkit, such as another package's tests, gets it.
func FreePort(tb TB) int {
	tb.Helper()
	for range 1000 {
		port := 10000 + rand.IntN(20000)
		if _, given := taken.LoadOrStore(port, true); given {
			continue
		}
		ours, err := reserve(port)
		if err != nil {
			tb.Fatalf("find a free port: %v", err)
		}
		if !ours {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	tb.Fatalf("find a free port: none between 10000 and 30000")
	return 0
}

const loopback = "127.0.0.1"

// reserve locks a port's byte of a file that all processes share, and reports whether it got the
// lock. The kernel releases it when this process dies.
func reserve(port int) (bool, error) {
	f, err := ports()
	if err != nil {
		return false, err
	}
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Start: int64(port), Len: 1}
	switch err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &l); err {
	case nil:
		return true, nil
	case syscall.EAGAIN, syscall.EACCES:
		return false, nil
	default:
		return false, fmt.Errorf("lock port %d in %s: %w", port, f.Name(), err)
	}
}

// ports opens the file, which stays open: closing it would release all locks.
var ports = sync.OnceValues(func() (*os.File, error) {
	if err := os.MkdirAll(cacheFolder(), 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(cacheFolder(), "ports"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the file of ports: %w", err)
	}
	return f, nil
})
