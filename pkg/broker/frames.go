package broker

import "github.com/mochi-mqtt/server/v2/packets"

// A client with a login may send rows, of any size that the broker allows. mochi reads each packet as a whole and takes many times
// its size for filters and properties, so these are bounded before it sees them. Promise 10.
const (
	packetBytes     = 1 << 20 // of anything but a message: a hub subscribes to two filters a site
	propertiesBytes = 1 << 10 // of a message (MQTT 5), which are kept with it
)

// frames follows the packets that a client sends after its CONNECT, however they are cut. Its zero value is at the start of one.
type frames struct {
	v5    bool
	part  part
	first byte // of the packet
	left  int  // bytes of the packet that are to come
	skip  int  // of them, how many belong to this part
	n     int  // the number that is being read
	shift int
}

// part is a part of a packet.
type part uint8

const (
	start      part = iota // the first byte
	size                   // the packet's length
	topicSize              // of a PUBLISH of MQTT 5: two bytes
	topic                  // and the packet's number
	properties             // their length
	rest
)

// follow returns packets.ErrPacketTooLarge once a packet is too large for its kind, or packets.ErrMalformedPacket.
func (f *frames) follow(p []byte) error {
	for len(p) > 0 {
		if f.part == topic || f.part == rest {
			n := min(len(p), f.skip)
			p, f.skip, f.left = p[n:], f.skip-n, f.left-n
			if f.skip == 0 {
				f.enter(f.part + 1)
			}
			continue
		}
		if err := f.read(p[0]); err != nil {
			return err
		}
		p = p[1:]
	}
	return nil
}

// enter begins a part, or what follows if it has no bytes.
func (f *frames) enter(p part) {
	f.part, f.n, f.shift = p, 0, 0
	switch {
	case p > rest || f.left <= 0 && p > size:
		f.part = start
	case p == rest:
		f.skip = f.left
	}
}

// read reads one byte of a number.
func (f *frames) read(b byte) error {
	if f.part > size {
		f.left--
	}
	switch f.part {
	case start:
		f.first = b
		f.enter(size)
		return nil
	case topicSize:
		f.n, f.shift = f.n<<8|int(b), f.shift+8
		if f.shift == 16 {
			f.skip = f.n
			if f.first&0x06 != 0 { // QoS
				f.skip += 2
			}
			if f.skip > f.left {
				return packets.ErrMalformedPacket
			}
			if f.enter(topic); f.skip == 0 {
				f.enter(properties)
			}
		}
		return nil
	}
	// The length: seven bits a byte, the lowest first, while the eighth is set (MQTT 3.1.1, 2.2.3).
	f.n |= int(b&0x7f) << f.shift
	if f.shift += 7; b&0x80 != 0 {
		if f.shift > 21 {
			return packets.ErrMalformedPacket
		}
		return nil
	}
	message := f.first>>4 == packets.Publish
	switch {
	case f.part == properties && f.n > propertiesBytes, f.part == size && !message && f.n > packetBytes:
		return packets.ErrPacketTooLarge
	case f.part == properties || !message || !f.v5:
		if f.part == size {
			f.left = f.n
		}
		f.enter(rest)
	default:
		f.left = f.n
		f.enter(topicSize)
	}
	return nil
}

// isV5 reports whether a CONNECT says MQTT 5: its version follows its length and the protocol's name.
func isV5(hello []byte) bool {
	at := 1
	for at < len(hello) && hello[at]&0x80 != 0 {
		at++
	}
	if at+2 >= len(hello) {
		return false
	}
	at += 3 + int(hello[at+1])<<8 + int(hello[at+2])
	return at < len(hello) && hello[at] >= 5
}
