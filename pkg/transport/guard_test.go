package transport

import (
	"bytes"
	"slices"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

func TestGuardLetsPacketsPass(t *testing.T) {
	var wire bytes.Buffer
	for _, size := range []int{0, 1, 127, 128, 20_000, 3_000_000} {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload = "/info", make([]byte, size)
		if err := p.Write(&wire); err != nil {
			t.Fatal(err)
		}
		if err := packets.NewControlPacket(packets.Pingresp).Write(&wire); err != nil {
			t.Fatal(err)
		}
	}
	for _, piece := range []int{1, 2, 3, 1000, wire.Len()} {
		var g guard
		for p := range slices.Chunk(wire.Bytes(), piece) {
			if err := g.pass(p); err != nil {
				t.Fatalf("in pieces of %d: %v", piece, err)
			}
		}
		if g.body != 0 || g.inLength {
			t.Errorf("in pieces of %d: the guard waits for more", piece)
		}
	}
}

func TestGuardStopsWhatIsTooLarge(t *testing.T) {
	for name, header := range map[string][]byte{
		"one byte too many": {0x30, 0x81, 0x80, 0x80, 0x20},
		"256 MiB":           {0x30, 0xff, 0xff, 0xff, 0x7f},
		"a fifth byte":      {0x30, 0xff, 0xff, 0xff, 0xff},
	} {
		var g guard
		if g.pass(header[:len(header)-1]) != nil || g.pass(header[len(header)-1:]) == nil {
			t.Errorf("%s: not stopped at the last byte of the length", name)
		}
	}
	var g guard
	if err := g.pass([]byte{0x30, 0x80, 0x80, 0x80, 0x20}); err != nil {
		t.Errorf("the largest packet: %v", err)
	}
}

// FuzzGuard holds the guard against paho's own reading: what the guard lets pass, paho cuts into the same packets.
func FuzzGuard(f *testing.F) {
	f.Add([]byte{0xd0, 0x00, 0x30, 0x07, 0, 5, '/', 'i', 'n', 'f', 'o'}, 1)
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, 2)
	f.Fuzz(func(t *testing.T, wire []byte, piece int) {
		var whole, cut guard
		err := whole.pass(wire)
		var cutErr error
		for p := range slices.Chunk(wire, max(piece, 1)) {
			if cutErr = cut.pass(p); cutErr != nil {
				break
			}
		}
		if (err == nil) != (cutErr == nil) {
			t.Fatalf("whole: %v, in pieces: %v", err, cutErr)
		}
		if err != nil {
			return
		}
		if whole != cut {
			t.Fatalf("whole: %+v, in pieces: %+v", whole, cut)
		}
		for r := bytes.NewReader(wire); r.Len() > 0; {
			if _, err := packets.ReadPacket(r); err != nil {
				return // It is not the guard's business what is in a packet.
			}
			if r.Len() == 0 && (whole.body != 0 || whole.inLength) {
				t.Fatalf("paho has read all, the guard waits for more: %+v", whole)
			}
		}
	})
}
