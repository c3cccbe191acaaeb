package daemon

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// FuzzAssembly gives pieces of batches in any order: a batch that comes out is whole,
// in order and of one batch, and no more are kept than there may be.
func FuzzAssembly(f *testing.F) {
	f.Add([]byte{0, 0, 0, 3, 0, 0, 1, 3, 0, 0, 2, 3})
	f.Add([]byte{0, 0, 2, 3, 0, 1, 0, 2, 0, 0, 1, 3, 0, 0, 0, 3, 1, 1, 1, 2})
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, list []byte) {
		a := newAssembly()
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
			for s, open := range a.bySender {
				if len(open) == 0 || len(open) > assemblyMost {
					t.Fatalf("%d batches of %s are kept", len(open), s)
				}
			}
		}
	})
}

// FuzzRecords reads what a disk may have made of the records: a life that a client may
// have, which is written and read again as the same, or none.
func FuzzRecords(f *testing.F) {
	f.Add(`{"life": "7cgoqz2m"  , "last":                   17}` + "\n")
	f.Add(`{"life": ""          , "last": 18446744073709551615, "position":     1792046532000001, "database": ""                            }` + "\n") // of an older version
	f.Add(`{"life": "a~b", "last": 1}`)
	f.Add(`{"life": "` + strings.Repeat("x", 100) + `"}`)
	f.Add("")
	f.Add(string((&records{Life: "7cgoqz2m", Position: 1792046532000001, Database: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}).text()))
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseRecords([]byte(text))
		if !ok {
			return
		}
		if again, ok := parseRecords(r.text()); !ok || again.Life != r.Life || again.Position != r.Position || again.Database != r.Database || len(r.text()) != recordsLength {
			t.Errorf("%q is %q, written as %q", text, r.Life, r.text())
		}
	})
}
