//go:build !linux

package transport

// tune leaves the noticing of a cut line to the keepalive.
func (s *socket) tune() {}

// acknowledge leaves TCP's acknowledgements to the kernel: set_tcp_nodelay in Mosquitto's configuration spares the
// delay.
func (s *socket) acknowledge() {}
