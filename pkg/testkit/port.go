package testkit

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// taken holds the ports that this process has given away.
var taken sync.Map

// FreePort returns a loopback port on which nothing listens. It lies below the range from which systems choose ports for
// outgoing connections, so that none of these takes it while its server is down.
func FreePort(tb TB) int {
	tb.Helper()
	for range 1000 {
		port := 10000 + rand.IntN(20000)
		if _, given := taken.LoadOrStore(port, true); given {
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
