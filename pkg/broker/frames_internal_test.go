package broker

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

// The packets of a connection are followed however they are cut, and what is too large is found before it is read.
func TestFramesAreFollowed(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{'x'}, 200)
	right := map[bool][]byte{
		false: append([]byte("\xc0\x00\x30\x08\x00\x05/infox\x32\x07\x00\x01a\x00\x01hi\x82\x07\x00\x01\x00\x02/a\x01\x30\xcb\x01\x00\x01a"), long...),
		true:  append([]byte("\xc0\x00\x30\x08\x00\x05/info\x00\x34\x06\x00\x01a\x00\x01\x00\x32\x08\x00\x01a\x00\x01\x02\x01\x01\xe0\x00\x30\x03\x00\x00\x00\x30\xcc\x01\x00\x01a\x00"), long...),
	}
	for v5, stream := range right {
		stream = append(bytes.Clone(stream), 0xc0, 0)
		for cut := 1; cut <= len(stream); cut++ {
			f := frames{v5: v5}
			for rest := stream; len(rest) > 0; rest = rest[min(cut, len(rest)):] {
				if err := f.follow(rest[:min(cut, len(rest))]); err != nil {
					t.Fatalf("MQTT 5 %t, cut at each %d: %v", v5, cut, err)
				}
			}
			if f.part != start {
				t.Fatalf("MQTT 5 %t, cut at each %d: in the middle of a packet at the end: %+v", v5, cut, f)
			}
		}
	}
	for name, x := range map[string]struct {
		v5   bool
		say  string
		want error
	}{
		"a large SUBSCRIBE":      {false, "\x82\x80\x80\x80\x01", packets.ErrPacketTooLarge},
		"its size":               {false, "\x82\xff\xff\x3f", nil},
		"large rows":             {false, "\x32\xff\xff\xff\x7f", nil},
		"large properties":       {true, "\x30\xff\xff\x7f\x00\x01a\x81\x08", packets.ErrPacketTooLarge},
		"properties":             {true, "\x30\xff\xff\x7f\x00\x01a\x80\x08", nil},
		"a topic without an end": {true, "\x30\x05\x00\x04a", packets.ErrMalformedPacket},
		"a size without an end":  {false, "\x30\xff\xff\xff\xff", packets.ErrMalformedPacket},
	} {
		f := frames{v5: x.v5}
		if err := f.follow([]byte(x.say)); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
