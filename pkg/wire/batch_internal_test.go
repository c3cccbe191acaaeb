package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// example is the batch of the golden files in testdata/batch. From the first release on, nodes in
// the field speak protocol 2 as in these files: then they are never regenerated; a new format is a
// new protocol with its own files.
//
// body.bin, before it is packed:
//
//	fbfcdceff431                                sent: 1715000000123 ms, as a varint
//	02 06 "node-a" 06 "node-b"                  the clients named, their number first
//	05 "items"                                  a section: its table,
//	02 02 "id" 04 "name"                        its columns
//	02                                          and its rows
//	  01 "1" 00                                 key, not deleted
//	  80f9e9dc91f28b06 00                       version: µs after the one before, here 1970; number of the client
//	  00                                        versions seen: none
//	  02 "1"  04 "one"                          values: length + 1 and bytes,
//	  01 "2" 00 02 01
//	  02 02 00 06 01                            two versions seen: µs before this one, number of the client
//	  02 "2"  00                                0 is NULL
//	05 "items" 00 01                            a section of deletes has no columns
//	  01 "3" 01 02 00 00
//	06 "images" 01 04 "data" 01                 a section of another table
//	  02 ff00 00 02 00 00
//	  01                                        1 is the empty string
//
// whole.bin is the batch in one message, piece-0.bin and so on are the same in
// pieces; each begins with
//
//	6d736202                                    "msb" and the protocol, 2
//	0123456789abcdef 2a                         session, sequence number as a varint
//	00 01                                       number of the piece, number of pieces
//
// and goes on with its part of the body as zstd packed it.
func example() *Batch {
	const at = 1715000000200256
	columns := []string{"id", "name"}
	a := func(t int64) change.State { return change.State{Version: change.Version{Time: t, Origin: "node-a"}} }
	b := change.State{
		Version: change.Version{Time: at + 1, Origin: "node-b"},
		Seen:    change.Vector{{Time: at, Origin: "node-a"}, {Time: at - 2, Origin: "node-b"}},
	}
	return &Batch{Session: 0x0123456789abcdef, Seq: 42, Sent: 1715000000123, Changes: []change.Change{
		{Row: change.Row{Table: "items", Key: "1"}, State: a(at), Columns: columns, Values: [][]byte{[]byte("1"), []byte("one")}},
		{Row: change.Row{Table: "items", Key: "2"}, State: b, Columns: columns, Values: [][]byte{[]byte("2"), nil}},
		{Row: change.Row{Table: "items", Key: "3"}, State: a(at + 2)},
		{Row: change.Row{Table: "images", Key: "\xff\x00"}, State: a(at + 3), Columns: []string{"data"}, Values: [][]byte{{}}},
	}}
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "batch", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func codec(t testing.TB) *Codec {
	t.Helper()
	c, err := NewCodec(MostBody)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t testing.TB, messages ...[]byte) []Piece {
	t.Helper()
	pieces := make([]Piece, len(messages))
	for i, m := range messages {
		p, err := ParsePiece(m)
		if err != nil {
			t.Fatal(err)
		}
		if p.Index != i || p.Of != len(messages) {
			t.Fatalf("piece %d of %d claims to be %d of %d", i, len(messages), p.Index, p.Of)
		}
		pieces[i] = p
	}
	return pieces
}

func TestBodyMatchesProtocol2(t *testing.T) {
	want := file(t, "body.bin")
	if got := example().appendBody(nil); !bytes.Equal(got, want) {
		t.Errorf("got body\n%x, want\n%x", got, want)
	}
	got := &Batch{Session: example().Session, Seq: example().Seq}
	if err := decodeBody(want, got); err != nil || !reflect.DeepEqual(got, example()) {
		t.Errorf("the body reads as\n%+v, %v, want\n%+v", got, err, example())
	}
}

func TestPiecesMatchProtocol2(t *testing.T) {
	for _, names := range [][]string{{"whole.bin"}, {"piece-0.bin", "piece-1.bin", "piece-2.bin"}} {
		var messages [][]byte
		for _, n := range names {
			messages = append(messages, file(t, n))
		}
		got, err := codec(t).Unpack(parse(t, messages...))
		if err != nil || !reflect.DeepEqual(got, example()) {
			t.Errorf("%s: %+v, %v, want %+v", names, got, err, example())
		}
	}
}

func TestHeaderMatchesProtocol2(t *testing.T) {
	const header = "msb\x02\x01\x23\x45\x67\x89\xab\xcd\xef\x2a\x00\x01"
	got := codec(t).Pack(example(), 1<<20)
	if len(got) != 1 || !bytes.HasPrefix(got[0], []byte(header)) || !bytes.HasPrefix(file(t, "whole.bin"), []byte(header)) {
		t.Errorf("packed as %x, want one message that begins with %x", got, header)
	}
}

func TestALargeRowIsSentInPieces(t *testing.T) {
	const limit = 2048
	b := example()
	noise := make([]byte, 20_000) // that zstd cannot compress
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	b.Changes[3].Values[0] = noise
	c := codec(t)
	messages := c.Pack(b, limit)
	if len(messages) < 2 {
		t.Fatalf("packed in %d messages", len(messages))
	}
	for i, m := range messages {
		if len(m) > limit {
			t.Errorf("message %d has %d bytes, more than %d", i, len(m), limit)
		}
	}
	got, err := c.Unpack(parse(t, messages...))
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("the pieces do not add up to the batch: %v", err)
	}
	if got, err := c.Unpack(parse(t, messages...)[1:]); err == nil {
		t.Errorf("a batch without its first piece reads as %+v", got)
	}
}

func TestAnEmptyBatchIsABatch(t *testing.T) {
	c := codec(t)
	want := &Batch{Session: 1, Seq: 2, Sent: 3}
	if got, err := c.Unpack(parse(t, c.Pack(want, 1<<10)...)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Unpack = %+v, %v, want %+v", got, err, want)
	}
}

func TestWrongPiecesAreRefused(t *testing.T) {
	const session = "\x00\x00\x00\x00\x00\x00\x00\x01"
	for _, payload := range []string{
		"", "msb", "msb\x02", "msb\x01" + session + "\x01\x00\x01", "msb\x02" + session, "msb\x02" + session + "\x01\x00",
		"msb\x02" + session + "\x01\x01\x01", "msb\x02" + session + "\x01\x00\x00", "msb\x02" + session + "\x01\x00\xff\xff\xff\xff\x0f",
		`{"sender":"node-a"}`,
	} {
		if got, err := ParsePiece([]byte(payload)); err == nil {
			t.Errorf("ParsePiece(%q) = %+v, want an error", payload, got)
		}
	}
}

// TestADecisionKeepsItsOwnOrigin sends versions made by a conflict policy.
func TestADecisionKeepsItsOwnOrigin(t *testing.T) {
	seen := change.Vector{{Time: 1, Origin: "hq"}, {Time: 2, Origin: "node-b"}}
	want := &Batch{Changes: []change.Change{
		{Row: change.Row{Table: "t", Key: "1"}, State: change.State{Version: change.Decided(3, "hq", "0123456789abcdef"), Seen: seen}},
		{Row: change.Row{Table: "t", Key: "2"}, State: change.State{Version: change.Decided(3, "", "0123456789abcdef"), Seen: seen}},
	}}
	got := &Batch{}
	if err := decodeBody(want.appendBody(nil), got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read as %+v, %v", got, err)
	}
	for _, origin := range []string{"a b@mark", "hq@", "@", "hq@one@two", "h@mark"} {
		want.Changes[0].Version.Origin = origin
		if err := decodeBody(want.appendBody(nil), &Batch{}); err == nil {
			t.Errorf("the origin %q is accepted", origin)
		}
	}
}

func TestWrongBodiesAreRefused(t *testing.T) {
	uvarint := func(n uint64) string { return string(binary.AppendUvarint(nil, n)) }
	const head = "\x00\x01\x06node-a\x01t"
	for name, body := range map[string]string{
		"nothing":                            "",
		"an invalid client":                  "\x00\x01\x03a b",
		"more clients than listed":           "\x00\x05\x06node-a",
		"a table that ends early":            "\x00\x00\x05t",
		"a row without columns":              head + "\x00\x01\x011\x00\x05\x00\x00",
		"an unlisted client":                 head + "\x00\x01\x011\x01\x05\x01\x00",
		"a time before 1970":                 head + "\x00\x01\x011\x01\x01\x00\x00",
		"a time that overflows":              head + "\x00\x01\x011\x01" + string(binary.AppendVarint(nil, 1<<62+1)) + "\x00\x00",
		"a value that ends early":            head + "\x01\x01c\x01\x011\x00\x05\x00\x00\x05ab",
		"a value of almost 2^64 bytes":       head + "\x01\x01c\x01\x011\x00\x05\x00\x00" + uvarint(1<<64-1),
		"missing rows":                       head + "\x00\x02\x011\x01\x05\x00\x00",
		"a number that never ends":           strings.Repeat("\xff", 20),
		"more columns than a table can have": head + uvarint(maxColumns+1),
		"a column twice":                     head + "\x02\x01c\x01c\x01\x011\x00\x05\x00\x00\x01\x01",
		"a column twice in different case":   head + "\x02\x01c\x01C\x01\x011\x00\x05\x00\x00\x01\x01",
		"a column without a name":            head + "\x01\x00\x01\x011\x00\x05\x00\x00\x01",
		"a long column":                      head + "\x01" + uvarint(maxName+1) + strings.Repeat("c", maxName+1),
		"a long table":                       "\x00\x00" + uvarint(maxName+1) + strings.Repeat("t", maxName+1) + "\x00\x00",
		"a long key":                         head + "\x00\x01" + uvarint(maxKey+1) + strings.Repeat("1", maxKey+1) + "\x01\x05\x00\x00",
		"a long client":                      "\x00\x01" + uvarint(maxName+1) + strings.Repeat("a", maxName+1),
		"a section without rows":             head + "\x00\x00",
	} {
		b := &Batch{}
		if err := decodeBody([]byte(body), b); err == nil || len(err.Error()) > 200 {
			t.Errorf("%s: reads as %+v, %v, want a short error", name, b, err)
		}
	}
}

// TestClaimedCountsReserveNoMemory checks that small bodies, and highly compressed ones, do not
// make the reader reserve what they claim.
func TestClaimedCountsReserveNoMemory(t *testing.T) {
	uvarint := func(n uint64) string { return string(binary.AppendUvarint(nil, n)) }
	for name, body := range map[string]string{
		"clients": "\x00" + uvarint(maxRows),
		"columns": "\x00\x00\x01t" + uvarint(maxColumns),
		"rows":    "\x00\x00\x01t\x00" + uvarint(maxRows),
		"seen":    "\x00\x01\x06node-a\x01t\x00\x01\x011\x01\x05\x00" + uvarint(maxSeen),
		"bytes":   "\x00\x00" + uvarint(1<<40),
	} {
		if n := allocated(func() { _ = decodeBody([]byte(body), &Batch{}) }); n > 1<<16 {
			t.Errorf("%s: a body of %d bytes made the reader reserve %d", name, len(body), n)
		}
	}
}

// TestValuesOfABatchAreBounded checks a body of empty values: each is one byte in it, next to
// nothing when compressed, and 24 bytes in memory.
func TestValuesOfABatchAreBounded(t *testing.T) {
	columns := binary.AppendUvarint([]byte("\x00\x01\x06node-a\x01t"), maxColumns)
	for range maxColumns {
		columns = append(columns, 0)
	}
	row := append([]byte("\x011\x00\x05\x00\x00"), make([]byte, maxColumns)...)
	const rows = 4 * maxValues / maxColumns
	body := append(binary.AppendUvarint(columns, rows), bytes.Repeat(row, rows)...)
	n := allocated(func() {
		if err := decodeBody(body, &Batch{}); err == nil {
			t.Error("accepted")
		}
	})
	if n > 48*maxValues {
		t.Errorf("%d bytes were reserved", n)
	}
}

// TestItemsLargerInMemoryAreCounted checks bodies that compress to next to nothing and would take
// many times their size in memory: each kind of item is counted over the whole batch.
func TestItemsLargerInMemoryAreCounted(t *testing.T) {
	uvarint := func(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }
	const head, row = "\x00\x01\x06node-a", "\x011\x01\x05\x00\x00"
	var columns strings.Builder
	columns.WriteString(uvarint(maxColumns))
	for i := range maxColumns {
		columns.WriteString("\x04" + fmt.Sprintf("%04x", i))
	}
	vector := "\x011\x01\x05\x00" + uvarint(maxSeen) + strings.Repeat("\x00\x00", maxSeen)
	for name, body := range map[string]string{
		"rows":             head + "\x01t\x00" + uvarint(maxRows+1) + strings.Repeat(row, maxRows+1),
		"rows of sections": head + strings.Repeat("\x01t\x00\x01"+row, maxRows+1),
		"clients":          "\x00" + uvarint(maxOrigins+1) + strings.Repeat("\x02ab", maxOrigins+1),
		"names":            head + strings.Repeat("\x01t"+columns.String()+"\x01"+row, maxNames/maxColumns+1),
		"vectors":          head + "\x01t\x00" + uvarint(maxSeenAll/maxSeen+1) + strings.Repeat(vector, maxSeenAll/maxSeen+1),
	} {
		var err error
		n := allocated(func() { err = decodeBody([]byte(body), &Batch{}) })
		if err == nil || errors.Is(err, errShort) || n > 16<<20 {
			t.Errorf("%s: a body of %d bytes used %d bytes: %v", name, len(body), n, err)
		}
	}
}

func TestDecompressionBombsAreRefused(t *testing.T) {
	var packed bytes.Buffer
	enc, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range MostBody>>20 + 1 {
		if _, err := enc.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	if packed.Len() > 1<<20 {
		t.Fatalf("the bomb has %d bytes", packed.Len())
	}
	if got, err := codec(t).Unpack([]Piece{{Of: 1, data: packed.Bytes()}}); err == nil {
		t.Errorf("a bomb reads as %d changes", len(got.Changes))
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
