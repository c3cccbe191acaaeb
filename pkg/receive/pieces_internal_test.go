package receive

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// FuzzPieces feeds pieces of batches in any order: a resulting batch is complete, in order and made
// of one batch, and no more than the limit are kept.
func FuzzPieces(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 0, 0, 1, 3, 0, 0, 2, 3})
	f.Add([]byte{0, 0, 2, 3, 0, 1, 0, 2, 0, 0, 1, 3, 0, 0, 0, 3, 1, 1, 1, 2})
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, list []byte) {
		a := newPieces(time.Now, 8<<10, 12<<10)
		for ; len(list) >= 4; list = list[4:] {
			sender, seq, index, of := list[0], list[1], list[2], list[3]
			message := append([]byte("msb\x02"), make([]byte, 8)...)
			for _, n := range []byte{seq, index, of} {
				message = binary.AppendUvarint(message, uint64(n))
			}
			p, err := wire.ParsePiece(message)
			if err != nil {
				continue
			}
			whole := a.add(string(rune('a'+sender%3)), p)
			for i, got := range whole {
				if got.Index != i || got.Of != len(whole) || got.Seq != p.Seq {
					t.Fatalf("piece %d of batch %d is %+v", i, p.Seq, got)
				}
			}
			bytes := 0
			for s, open := range a.bySender {
				if len(open) == 0 || len(open) > partialMost {
					t.Fatalf("%d batches of %s are kept", len(open), s)
				}
				if bytesOf(open) > a.each {
					t.Fatalf("%d bytes of %s are kept, limit %d", bytesOf(open), s, a.each)
				}
				bytes += bytesOf(open)
			}
			if bytes != a.bytes || bytes > a.all {
				t.Fatalf("%d bytes are counted as %d, limit %d", bytes, a.bytes, a.all)
			}
		}
	})
}
