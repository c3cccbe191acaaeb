package transport

import "golang.org/x/sys/unix"

// tune makes the kernel give up the connection if sent data is not acknowledged within writeTime. So a cut line is noticed
// at the next presence message, long before the keepalive notices. If the option cannot be set, the keepalive remains.
func (s *socket) tune() {
	_ = s.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(writeTime.Milliseconds()))
	})
}

// acknowledge sends the TCP acknowledgement now instead of up to 40 ms later. Mosquitto leaves Nagle's algorithm on: its
// next small packet waits for this acknowledgement. The kernel forgets the option, so it is set after each read. Without
// it, only time is lost.
func (s *socket) acknowledge() {
	_ = s.raw.Control(quickAck)
}

func quickAck(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
}
