package transport

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// writeTime is how long the network may take to accept one piece of a message.
	writeTime = 20 * time.Second

	// writePiece is the size of such a piece, in bytes: whatever a message's size, a line that moves is not cut.
	writePiece = 64 << 10
)

// socket is a TCP connection that notices by itself when its data is no longer accepted. paho writes acknowledgements and
// pings without a deadline: on a dead line they would block for a quarter of an hour, and so would the check that should
// notice it.
type socket struct {
	net.Conn
	raw     syscall.RawConn
	writing sync.Mutex // the pieces of one write stay together
}

func dialSocket(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: conn}
	if s.raw, err = conn.(*net.TCPConn).SyscallConn(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	s.tune()
	return s, nil
}

// Read reads, and makes the kernel acknowledge the data at once: see acknowledge.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.acknowledge()
	}
	return n, err
}

// Write writes p in pieces, each with its own deadline.
func (s *socket) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	written := 0
	for written < len(p) {
		if err := s.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return written, err
		}
		n, err := s.Conn.Write(p[written:min(written+writePiece, len(p))])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
