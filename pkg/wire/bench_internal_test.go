package wire

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// rows is how many rows a batch of the benchmarks has.
const rows = 500

// plenty returns a batch of rows of about 200 bytes, in the given number of columns.
func plenty(columns int) *Batch {
	b := &Batch{Session: 1, Seq: 1, Sent: 1715000000123}
	names := make([]string, columns)
	for k := range names {
		names[k] = "column" + strconv.Itoa(k)
	}
	for i := range rows {
		values := make([][]byte, columns)
		for k := range values {
			values[k] = []byte(strings.Repeat(fmt.Sprintf("%d %d is ", k, i*7919), 30)[:200/columns])
		}
		v := change.Version{Time: 1715000000000000 + int64(i)*137, Origin: "node-a"}
		b.Changes = append(b.Changes, change.Change{
			Row:     change.Row{Table: "orders", Key: strconv.Itoa(i)},
			State:   change.State{Version: v, Seen: change.Vector{{Time: v.Time - 1000, Origin: "node-a"}, {Time: v.Time - 2000, Origin: "node-b"}}},
			Columns: names, Values: values,
		})
	}
	return b
}

// pieces packs a batch and reads the messages' headers.
func pieces(t testing.TB, c *Codec, b *Batch) []Piece {
	t.Helper()
	var list []Piece
	for _, m := range c.Pack(b, 256<<10) {
		p, err := ParsePiece(m)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// TestPackingAllocatesLittle bounds a batch's allocations: unpacking allocates a row's key and
// vector, however many columns it has; packing allocates nothing.
func TestPackingAllocatesLittle(t *testing.T) {
	c := codec(t)
	for _, columns := range []int{1, 8, 40} {
		b := plenty(columns)
		list := pieces(t, c, b)
		unpack := testing.AllocsPerRun(10, func() {
			if got, err := c.Unpack(list); err != nil || len(got.Changes) != rows {
				t.Fatalf("%d rows, %v", len(got.Changes), err)
			}
		})
		if most := 2.0*rows + float64(columns) + 40; unpack > most {
			t.Errorf("unpacking %d rows of %d columns takes %.0f allocations, limit %.0f", rows, columns, unpack, most)
		}
		if pack := testing.AllocsPerRun(10, func() { c.Pack(b, 256<<10) }); pack > 100 {
			t.Errorf("packing %d rows of %d columns takes %.0f allocations", rows, columns, pack)
		}
	}
}

// TestClaimedRowsReserveNoMemory reads a section that claims far more rows than it has: no memory
// is reserved for them.
func TestClaimedRowsReserveNoMemory(t *testing.T) {
	b := plenty(40)
	b.Changes = b.Changes[:1]
	body := b.appendBody(nil)
	at := strings.Index(string(body), "column39") + len("column39")
	if body[at] != 1 {
		t.Fatalf("the number of rows has moved: %q", body[at:])
	}
	body = append(append(body[:at:at], 0xff, 0xff, 0x3f), body[at+1:]...) // 2^20 - 1 rows
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := decodeBody(body, &Batch{})
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 100<<10 {
		t.Errorf("%d bytes were used for %d, %v", took, len(body), err)
	}
}

func BenchmarkPack(b *testing.B) {
	c, batch := codec(b), plenty(8)
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		size = len(c.Pack(batch, 256<<10)[0])
	}
	perRow(b, size)
}

func BenchmarkUnpack(b *testing.B) {
	c := codec(b)
	list := pieces(b, c, plenty(8))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Unpack(list); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(list[0].data))
}

func perRow(b *testing.B, size int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	b.ReportMetric(float64(size)/rows, "wire-B/row")
}

func BenchmarkParseChange(b *testing.B) {
	payload := []byte(`{"sender":"node-a","table":"orders","id":"4711","date":1715000000123,"entity":{"id":4711,"customer":"about above account",` +
		`"state":"paid","amount":"1234.50","paid":1,"made":"2026-05-06 07:08:09","changed":"2026-05-06 05:08:09.123456","comment":"` +
		strings.Repeat("delivered to the door ", 6) + `"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseChange(payload); err != nil {
			b.Fatal(err)
		}
	}
}
