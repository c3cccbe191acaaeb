package transport

import "fmt"

// largestPacket is how many bytes a packet from or to the broker may have. It is the largest row that MySQL takes in one
// statement by default, and what our brokers let through.
const largestPacket = 64 << 20

// guard watches the lengths of the MQTT packets that pass. paho allocates what a packet's header announces, up to
// 256 MiB, before a byte of it has come. Promise 10.
type guard struct {
	body     int  // bytes of the current packet that are still to come
	inLength bool // the type is read, the length is not
	length   int
	shift    uint
}

// pass looks at bytes in the order in which they come, in pieces of any size.
func (g *guard) pass(p []byte) error {
	for len(p) > 0 {
		if g.body > 0 {
			n := min(g.body, len(p))
			g.body -= n
			p = p[n:]
			continue
		}
		b := p[0]
		p = p[1:]
		if !g.inLength { // b is the packet's type.
			g.inLength, g.length, g.shift = true, 0, 0
			continue
		}
		g.length |= int(b&0x7f) << g.shift
		g.shift += 7
		switch {
		case b&0x80 != 0 && g.shift == 28:
			return fmt.Errorf("read a packet from the broker: its length has more than four bytes")
		case b&0x80 != 0:
		case g.length > largestPacket:
			return fmt.Errorf("read a packet from the broker: its %d bytes are more than %d", g.length, largestPacket)
		default:
			g.body, g.inLength = g.length, false
		}
	}
	return nil
}
