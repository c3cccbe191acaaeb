package transport

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// through returns what passes a filter.
func through(t *testing.T, stream []byte, most func(string) int, dropped func(string, int)) ([]byte, error) {
	t.Helper()
	f := &filter{r: bufio.NewReaderSize(bytes.NewReader(stream), readBuffer), most: most, dropped: dropped}
	return io.ReadAll(f)
}

func published(t *testing.T, topic string, qos byte, id uint16, payload []byte) []byte {
	t.Helper()
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.MessageID, p.Payload = topic, qos, id, payload
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAllowedMessagesPassUnchanged(t *testing.T) {
	var stream []byte
	for _, size := range []int{0, 1, 127, 128, 20_000, 3_000_000} {
		stream = append(stream, published(t, "/info", 1, 7, make([]byte, size))...)
		stream = append(stream, 0xd0, 0) // a PINGRESP
	}
	for name, reader := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader,
	} {
		f := &filter{r: bufio.NewReaderSize(reader(bytes.NewReader(stream)), readBuffer), most: func(string) int { return 3_000_000 }}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, stream) {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(stream), err)
		}
	}
}

// Who limits messages need not be told about those that are dropped.
func TestOversizedMessagesAreDroppedUntold(t *testing.T) {
	got, err := through(t, published(t, "/joined/hq", 1, 7, make([]byte, 100)), func(string) int { return 99 }, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := packets.ReadPacket(bytes.NewReader(got))
	if p, ok := first.(*packets.PublishPacket); err != nil || !ok || p.TopicName != droppedTopic {
		t.Errorf("%v, %v", first, err)
	}
}

// TestOversizedMessagesCostNothing: only the frame of an oversized message passes, with its packet identifier.
func TestOversizedMessagesCostNothing(t *testing.T) {
	long := strings.Repeat("x", longestTopic+1)
	for _, topic := range []string{"/batch/a/b", long} {
		for qos, id := range map[byte]uint16{0: 0, 1: 77, 2: 78} {
			stream := append(published(t, topic, qos, id, make([]byte, 5<<20)), published(t, "/info", 1, 9, []byte("here"))...)
			var told int
			var got []byte
			n := testing.AllocsPerRun(1, func() {
				told = 0
				var err error
				got, err = through(t, stream, func(topic string) int { return len(topic) * 2 }, func(name string, size int) {
					told += size
					if name != topic && name != "" {
						t.Errorf("reported topic %q", name)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			})
			r := bytes.NewReader(got)
			first, err := packets.ReadPacket(r)
			p, ok := first.(*packets.PublishPacket)
			if err != nil || !ok || p.TopicName != droppedTopic || p.MessageID != id || p.Qos != qos || len(p.Payload) > 0 {
				t.Errorf("QoS %d: %v, %v", qos, first, err)
			}
			if second, err := packets.ReadPacket(r); err != nil || second.(*packets.PublishPacket).TopicName != "/info" {
				t.Errorf("QoS %d: next message %v, %v", qos, second, err)
			}
			if told != 5<<20 || n > 40 {
				t.Errorf("QoS %d: reported %d bytes, with %v allocations", qos, told, n)
			}
		}
	}
}

func TestAnOversizedPacketEndsTheConnection(t *testing.T) {
	for name, head := range map[string][]byte{
		"one byte too many": {0x30, 0x81, 0x80, 0x80, 0x20},
		"256 MiB":           {0x30, 0xff, 0xff, 0xff, 0x7f},
		"a fifth byte":      {0x30, 0xff, 0xff, 0xff, 0xff},
		"no room for topic": {0x32, 0x03, 0x00, 0x01, 'a'},
		"no topic":          {0x30, 0x01, 0x00},
	} {
		if got, err := through(t, head, func(string) int { return 10 }, nil); err == nil || errors.Is(err, io.ErrUnexpectedEOF) || len(got) > 0 {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
}

// FuzzFilter compares with paho's own reading: behind the filter, paho reads the same messages.
func FuzzFilter(f *testing.F) {
	f.Add([]byte{0xd0, 0x00, 0x30, 0x07, 0, 5, '/', 'i', 'n', 'f', 'o'}, 1)
	f.Add([]byte{0x32, 0x0a, 0, 5, '/', 'i', 'n', 'f', 'o', 0, 1, 'x'}, 0)
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, 2)
	f.Fuzz(func(t *testing.T, stream []byte, most int) {
		got, _ := through(t, stream, func(string) int { return most }, func(string, int) {})
		before, after := bytes.NewReader(stream), bytes.NewReader(got)
		for after.Len() > 0 {
			b, err := packets.ReadPacket(after)
			a, wantErr := packets.ReadPacket(before)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("behind the filter %v, %v, without it %v, %v", b, err, a, wantErr)
			}
			if err != nil {
				return
			}
			p, ok := b.(*packets.PublishPacket)
			if !ok || p.TopicName != droppedTopic {
				continue
			}
			if q, ok := a.(*packets.PublishPacket); !ok || q.MessageID != p.MessageID || q.Qos != p.Qos {
				t.Fatalf("%v was dropped as %v", a, b)
			}
		}
	})
}
