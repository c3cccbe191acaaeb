package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// largestPacket is how many bytes a packet from the broker may have: a larger one is not a broker's, or nobody could
// accept it.
const largestPacket = 64 << 20

// longestTopic is how long the topic of an accepted message may be, in bytes.
const longestTopic = 512

// droppedTopic replaces the topic of a dropped message: no one subscribes to topics of this kind.
const droppedTopic = "$dropped"

// The first half byte of a packet is its type.
const typePublish = 3

// filter cuts the bytes from the broker into MQTT packets, and lets nothing in that the node would not accept: of a message
// larger than its topic allows, only the frame passes, so that it is acknowledged, and its payload costs no memory. paho would
// allocate what a packet's header announces, up to 256 MiB, before a byte of it has come. Promises 8 and 10.
type filter struct {
	r       *bufio.Reader
	most    func(topic string) int        // bytes that a message on a topic may have
	dropped func(topic string, bytes int) // is told of larger ones

	head []byte // of the current packet, not yet handed out
	body int    // bytes of it that then pass unchanged
	err  error  // why nothing more comes
}

// Read hands out packets in pieces of any size.
func (f *filter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, f.err
	}
	for len(f.head) == 0 && f.body == 0 {
		if f.err == nil {
			f.err = f.next()
		}
		if f.err != nil {
			return 0, f.err
		}
	}
	if len(f.head) > 0 {
		n := copy(p, f.head)
		f.head = f.head[n:]
		return n, nil
	}
	n, err := f.r.Read(p[:min(len(p), f.body)])
	f.body -= n
	return n, err
}

// next reads enough of a packet to know what to do with it.
func (f *filter) next() error {
	kind, err := f.r.ReadByte()
	if err != nil {
		return err
	}
	length, err := f.length()
	if err != nil {
		return err
	}
	if length > largestPacket {
		return fmt.Errorf("read a packet from the broker: its %d bytes are more than %d", length, largestPacket)
	}
	if kind>>4 != typePublish || f.most == nil {
		f.head, f.body = header(kind, length), length
		return nil
	}
	return f.publish(kind, length)
}

// publish decides about a message.
func (f *filter) publish(kind byte, length int) error {
	head := 2 // of what comes before the payload
	if length < head {
		return errFrame
	}
	size, err := f.r.Peek(2)
	if err != nil {
		return unexpected(err)
	}
	topic := int(binary.BigEndian.Uint16(size))
	head += topic
	var id []byte
	if kind&0x06 != 0 { // QoS 1 and 2 have a packet's number
		head += 2
	}
	if length < head {
		return errFrame
	}
	name := ""
	if topic <= longestTopic {
		b, err := f.r.Peek(head)
		if err != nil {
			return unexpected(err)
		}
		name = string(b[2 : 2+topic])
		if length-head <= f.most(name) {
			f.head, f.body = header(kind, length), length
			return nil
		}
		id = append(id, b[2+topic:]...)
		if err := f.skip(length); err != nil {
			return err
		}
	} else {
		if err := f.skip(2 + topic); err != nil {
			return err
		}
		id = make([]byte, head-2-topic)
		if _, err := io.ReadFull(f.r, id); err != nil {
			return unexpected(err)
		}
		if err := f.skip(length - head); err != nil {
			return err
		}
	}
	f.dropped(name, length-head)
	f.head = append(header(kind, 2+len(droppedTopic)+len(id)), 0, byte(len(droppedTopic)))
	f.head = append(append(f.head, droppedTopic...), id...)
	return nil
}

var errFrame = errors.New("read a packet from the broker: it is shorter than its parts")

// skip passes over bytes.
func (f *filter) skip(n int) error {
	_, err := f.r.Discard(n)
	return unexpected(err)
}

// length reads how many bytes of a packet follow (MQTT 3.1.1, section 2.2.3).
func (f *filter) length() (n int, err error) {
	for shift := 0; shift < 28; shift += 7 {
		b, err := f.r.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		n |= int(b&0x7f) << shift
		if b&0x80 == 0 {
			return n, nil
		}
	}
	return 0, errors.New("read a packet from the broker: its length has more than four bytes")
}

// header is the beginning of a packet with so many bytes after it.
func header(kind byte, length int) []byte {
	b := []byte{kind}
	for ; length > 0x7f; length >>= 7 {
		b = append(b, byte(length)|0x80)
	}
	return append(b, byte(length))
}

// unexpected is the error for a packet that ends early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
