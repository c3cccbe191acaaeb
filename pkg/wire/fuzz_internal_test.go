package wire

import (
	"bytes"
	"reflect"
	"testing"
)

// FuzzBody checks that an accepted body keeps its meaning when written again.
func FuzzBody(f *testing.F) {
	f.Add(file(f, "body.bin"))
	f.Add(file(f, "counts.bin"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		b := &Batch{}
		if decodeBody(bytes.Clone(body), b) != nil {
			return
		}
		again := &Batch{}
		if err := decodeBody(b.appendBody(nil), again); err != nil || !reflect.DeepEqual(again, b) {
			t.Errorf("%x reads as %+v, and rewritten as %+v, %v", body, b, again, err)
		}
	})
}

// FuzzPiece checks that any message is either unpacked or refused.
func FuzzPiece(f *testing.F) {
	for _, name := range []string{"whole.bin", "piece-0.bin", "piece-1.bin"} {
		f.Add(file(f, name))
	}
	c := codec(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		p, err := ParsePiece(payload)
		if err != nil {
			return
		}
		if p.Index < 0 || p.Index >= p.Of || p.Of > maxPieces {
			t.Fatalf("%x is piece %d of %d", payload, p.Index, p.Of)
		}
		b, err := c.Unpack([]Piece{p})
		if err != nil {
			return
		}
		again, err := c.Unpack(parse(t, c.Pack(b, MostBody)...))
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Errorf("%x reads as %+v, and repacked as %+v, %v", payload, b, again, err)
		}
	})
}
