package wire

import (
	"bytes"
	"testing"
)

// TestTheSizeOfABatchIsKnownBeforehand, even for a small one, whose header does not say.
func TestTheSizeOfABatchIsKnownBeforehand(t *testing.T) {
	c := codec(t)
	for _, n := range []int{0, 1, 10, 100, 255, 256, 1000, 100_000, 300_000, 2_000_000} {
		for kind, body := range map[string][]byte{"zeros": make([]byte, n), "text": bytes.Repeat([]byte("some text, "), n/11+1)[:n], "noise": noise(n)} {
			pieces := parse(t, Messages(1, 1, c.enc.EncodeAll(body, nil), 4<<20)...)
			if got := c.Unpacked(pieces); got < n || got > n+128<<10 {
				t.Errorf("%d bytes of %s count as %d", n, kind, got)
			}
			got, err := c.dec.DecodeAll(pieces[0].data, make([]byte, 0, c.Unpacked(pieces)))
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes of %s: got %d, %v", n, kind, len(got), err)
			}
		}
	}
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i, x := 0, uint32(1); i < len(b); i++ {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// TestABatchIsOneFrame: memory is reserved for the size in the first frame; a second frame would not be counted.
func TestABatchIsOneFrame(t *testing.T) {
	c := codec(t)
	body := example().appendBody(nil)
	small, rest := c.enc.EncodeAll(body[:10], nil), c.enc.EncodeAll(append(body[10:], bytes.Repeat([]byte{0}, 1<<20)...), nil)
	pieces := parse(t, Messages(1, 1, append(small, rest...), 1<<20)...)
	if n := c.Unpacked(pieces); n >= 1<<20 {
		t.Fatalf("it claims %d bytes", n)
	}
	n := allocated(func() {
		if b, err := c.Unpack(pieces); err == nil {
			t.Errorf("reads as %+v", b)
		}
	})
	if n > 256<<10 {
		t.Errorf("%d bytes were used, 10 claimed", n)
	}
}
