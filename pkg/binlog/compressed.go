package binlog

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// mostEvent is how long an event may be: the servers' own limit, max_allowed_packet, is 1 GiB.
const mostEvent = 1<<30 + 1<<20

// inflate expands what MariaDB compressed: a length and zlib.
func inflate(b []byte) ([]byte, error) {
	c := cursor{b: b}
	first := c.byte()
	size := bigEndian(c.take(int(first & 7)))
	switch {
	case c.err != nil, first&0x70 != 0:
		return nil, fmt.Errorf("expand an event: %w", errShort)
	case size > mostEvent:
		return nil, errors.New("expand an event: it is too long")
	}
	z, err := zlib.NewReader(bytes.NewReader(c.b))
	if err != nil {
		return nil, fmt.Errorf("expand an event: %w", err)
	}
	var out bytes.Buffer // grows with what is there, not with what is claimed
	n, err := io.Copy(&out, io.LimitReader(z, int64(size)+1))
	if err == nil && uint64(n) != size { //nolint:gosec // n is not negative
		err = errShort
	}
	if err != nil {
		return nil, fmt.Errorf("expand an event: %w", err)
	}
	return out.Bytes(), nil
}

// payload is the events of a transaction that MySQL compressed.
type payload struct {
	from *zstd.Decoder
	head [headerSize]byte
	body []byte
}

// mostWindow is how much of a payload may be needed to expand the rest; MySQL uses 8 MiB at most.
const mostWindow = 64 << 20

// openPayload reads MySQL's fields before a payload, and begins to expand it.
func openPayload(body []byte) (*payload, error) {
	const (
		fieldsEnd    = 0
		fieldType    = 2
		typeZstd     = 0
		typeNone     = 255
		doingPayload = "expand a transaction: %w"
	)
	c := cursor{b: body}
	kind := uint64(typeZstd)
	for c.err == nil {
		field := c.packed()
		if c.err != nil || field == fieldsEnd {
			break
		}
		v := cursor{b: c.take(c.length())}
		if field == fieldType {
			kind = v.packed()
		}
	}
	if c.err != nil {
		return nil, fmt.Errorf(doingPayload, c.err)
	}
	if kind != typeZstd {
		return nil, fmt.Errorf("expand a transaction: its compression is of the unknown type %d", kind)
	}
	z, err := zstd.NewReader(bytes.NewReader(bytes.Clone(c.b)), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(mostWindow))
	if err != nil {
		return nil, fmt.Errorf(doingPayload, err)
	}
	return &payload{from: z}, nil
}

// next returns the next event, which is valid until the next call; io.EOF follows the last.
func (p *payload) next() ([]byte, error) {
	if _, err := io.ReadFull(p.from, p.head[:]); err != nil {
		if err == io.EOF {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("expand a transaction: %w", err)
	}
	c := cursor{b: p.head[9:]}
	size := c.uint(4)
	if size < headerSize || size > mostEvent {
		return nil, fmt.Errorf("expand a transaction: %w", errShort)
	}
	b := bytes.NewBuffer(p.body[:0])
	b.Write(p.head[:])
	if n, err := io.CopyN(b, p.from, int64(size)-headerSize); err != nil { //nolint:gosec // bounded
		return nil, fmt.Errorf("expand a transaction after %d bytes: %w", n, errShort)
	}
	p.body = b.Bytes()
	return p.body, nil
}

func (p *payload) close() { p.from.Close() }
