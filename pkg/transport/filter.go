package transport

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// largestPacket is how many bytes a packet from the broker may have: a larger one is not from a broker, or no one could
// accept it.
const largestPacket = 64 << 20

// longestTopic is how long the topic of an accepted message may be, in bytes.
const longestTopic = 512

// droppedTopic replaces the topic of a dropped message: no one subscribes to topics of this kind.
const droppedTopic = "$dropped"

// typePublish is the type of a PUBLISH packet: the first four bits.
const typePublish = 3

// filter splits the bytes from the broker into MQTT packets, and drops whatever the node would not accept: of a message
// larger than its topic allows, only the frame passes, so that it is acknowledged, and its payload costs no memory. paho
// would allocate whatever size a packet's header announces, up to 256 MiB, before any of it has arrived. Promises 8 and 10.
type filter struct {
	r       *bufio.Reader
	most    func(topic string) int        // bytes that a message on a topic may have
	dropped func(topic string, bytes int) // called for larger ones; may be nil

	head []byte // of the current packet, not yet handed out
	body int    // how many bytes of it then pass unchanged
	err  error  // why reading has ended
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
	head := 2 // size of everything before the payload
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
	if kind&0x06 != 0 { // QoS 1 and 2 have a packet identifier
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
	if f.dropped != nil {
		f.dropped(name, length-head)
	}
	f.head = append(header(kind, 2+len(droppedTopic)+len(id)), 0, byte(len(droppedTopic)))
	f.head = append(append(f.head, droppedTopic...), id...)
	return nil
}

var errFrame = errors.New("read a packet from the broker: it is shorter than its parts")

// skip discards bytes.
func (f *filter) skip(n int) error {
	_, err := f.r.Discard(n)
	return unexpected(err)
}

// length reads a packet's remaining length (MQTT 3.1.1, section 2.2.3).
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

// header returns the fixed header of a packet with the given remaining length.
func header(kind byte, length int) []byte {
	b := []byte{kind}
	for ; length > 0x7f; length >>= 7 {
		b = append(b, byte(length)|0x80)
	}
	return append(b, byte(length))
}

// unexpected turns EOF into the error for a packet that ends early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
