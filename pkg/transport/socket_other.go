//go:build !linux

package transport

// tune leaves noticing a cut line to the keepalive.
func (s *socket) tune() {}

// acknowledge leaves TCP acknowledgements to the kernel: set_tcp_nodelay in Mosquitto's configuration avoids the delay.
func (s *socket) acknowledge() {}
