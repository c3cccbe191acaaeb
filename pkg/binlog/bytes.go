package binlog

import (
	"encoding/binary"
	"errors"
)

// errShort says that bytes end too early, or claim to be longer than they are.
var errShort = errors.New("it is shorter than it says")

// cursor reads numbers and bytes from the front of b. After the first mistake all is zero, and err says so.
type cursor struct {
	b   []byte
	err error
}

// take returns the next n bytes, or nil.
func (c *cursor) take(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.b) {
		c.b, c.err = nil, errShort
		return nil
	}
	taken := c.b[:n:n]
	c.b = c.b[n:]
	return taken
}

// uint returns a number of n bytes, at most 8, the lowest first.
func (c *cursor) uint(n int) uint64 {
	var u uint64
	for i, b := range c.take(n) {
		u |= uint64(b) << (8 * i)
	}
	return u
}

func (c *cursor) byte() byte { return byte(c.uint(1)) }

// packed returns a number of 1, 3, 4 or 9 bytes.
func (c *cursor) packed() uint64 {
	switch first := c.byte(); first {
	case 0xfc:
		return c.uint(2)
	case 0xfd:
		return c.uint(3)
	case 0xfe:
		return c.uint(8)
	case 0xfb, 0xff:
		c.b, c.err = nil, errShort
		return 0
	default:
		return uint64(first)
	}
}

// length returns a packed number that is a length within the bytes.
func (c *cursor) length() int {
	n := c.packed()
	if n > uint64(len(c.b)) {
		c.b, c.err = nil, errShort
		return 0
	}
	return int(n)
}

// bigEndian returns a number of at most 8 bytes, the highest first.
func bigEndian(b []byte) uint64 {
	var full [8]byte
	copy(full[8-min(len(b), 8):], b)
	return binary.BigEndian.Uint64(full[:])
}

// bit reports whether a bit of a bitmap is set; the first is the lowest of the first byte.
func bit(bitmap []byte, i int) bool { return bitmap[i>>3]&(1<<(i&7)) != 0 }
