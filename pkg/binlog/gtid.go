package binlog

import (
	"encoding/hex"
	"fmt"
)

// begin is what the event before a transaction says.
type begin struct {
	gtid       GTID
	standalone bool   // MariaDB: one statement, without an end
	micros     uint64 // MySQL: when it was committed
	xid        string // that it prepares, as far as is known
}

// MariaDB's flags.
const (
	flagStandalone = 1
	flagGroup      = 2
	flagPrepares   = 64
)

func parseMariaGTID(h header, body []byte) (begin, error) {
	c := cursor{b: body}
	g := GTID{Server: h.server, Number: c.uint(8), Domain: uint32(c.uint(4))}
	flags := c.byte()
	b := begin{gtid: g, standalone: flags&flagStandalone != 0}
	if flags&flagPrepares != 0 {
		if flags&flagGroup != 0 {
			c.take(8)
		}
		format, global, branch := c.uint(4), int(c.byte()), int(c.byte())
		b.xid = xid(c.take(global), c.take(branch), format)
	}
	if c.err != nil || g.Number == 0 {
		return begin{}, fmt.Errorf("read a GTID: %w", errShort)
	}
	return b, nil
}

// twoTimes is the bit of a commit's time that says that another follows.
const twoTimes = 1 << 55

func parseGTID(body []byte) (begin, error) {
	c := cursor{b: body}
	c.byte() // flags
	source, number := c.take(16), c.uint(8)
	if c.err != nil || number == 0 {
		return begin{}, fmt.Errorf("read a GTID: %w", errShort)
	}
	b := begin{gtid: GTID{Source: uuid(source), Number: number}}
	const logical = 2
	if kind := c.byte(); kind == logical {
		c.take(16)
		if t := c.uint(7); c.err == nil { // servers before 8.0.1 have none
			b.micros = t &^ twoTimes
		}
	}
	return b, nil
}

// uuid writes 16 bytes as servers do.
func uuid(b []byte) string {
	x := hex.EncodeToString(b)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// The fields of a GTID with a tag, in the order in which MySQL writes them.
const (
	fieldFlags = iota
	fieldSource
	fieldNumber
	fieldTag
	fieldLastCommitted
	fieldSequence
	fieldTime
	lastFieldRead
)

// parseTagged reads MySQL's serialization of a GTID with a tag: fields with numbers, absent ones left out.
func parseTagged(body []byte) (begin, error) {
	c := cursor{b: body}
	c.take(3) // version, size, and the last field that must be understood
	var source []byte
	var number, micros uint64
	var tag string
	for c.err == nil && len(c.b) > 0 {
		field := c.b[0] >> 1
		if c.b[0]&1 != 0 || field >= lastFieldRead {
			break
		}
		c.take(1)
		switch field {
		case fieldFlags:
			c.fixed(1)
		case fieldSource:
			source = c.fixed(16)
		case fieldNumber, fieldLastCommitted, fieldSequence:
			n := c.variable() >> 1 // signed, and never negative
			if field == fieldNumber {
				number = n
			}
		case fieldTag:
			tag = string(c.take(int(c.byte() >> 1)))
		case fieldTime:
			micros = c.variable()
		}
	}
	if c.err != nil || len(source) != 16 || number == 0 || len(tag) > mostTag {
		return begin{}, fmt.Errorf("read a GTID with a tag: %w", errShort)
	}
	g := GTID{Source: uuid(source), Number: number}
	if tag != "" {
		g.Source += ":" + tag
	}
	return begin{gtid: g, micros: micros}, nil
}

// variable returns an unsigned number of 1 to 9 bytes: the lowest bits of the first say how many follow.
func (c *cursor) variable() uint64 {
	first := c.byte()
	more := 0
	for ; more < 8 && first&(1<<more) != 0; more++ {
	}
	if more == 8 {
		return c.uint(8)
	}
	rest := c.uint(more)
	return uint64(first)>>(more+1) | rest<<(7-more)
}

// fixed returns n bytes, of which those from 128 on are written as two.
func (c *cursor) fixed(n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n && c.err == nil {
		switch first := c.byte(); {
		case first&1 == 0:
			b = append(b, first>>1)
		default:
			b = append(b, first>>2|c.byte()<<6)
		}
	}
	return b
}
