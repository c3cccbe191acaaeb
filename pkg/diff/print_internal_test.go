package diff

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// decoded is the fingerprint of content, as it is defined: each value is decoded and written again.
func decoded(columns []string, data []byte) (record.Hash, error) {
	members, err := record.Members(data)
	if err != nil {
		return record.Hash{}, err
	}
	slices.SortFunc(members, func(a, b record.Member) int { return cmp.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, m := range members {
		text := normal(m.Value)
		if _, ok := slices.BinarySearch(columns, m.Name); !ok || text == nil {
			continue
		}
		h.Write(append(binary.AppendUvarint(nil, uint64(len(m.Name))), m.Name...))
		h.Write(append(binary.AppendUvarint(nil, uint64(len(text))), text...))
	}
	hash := record.Hash(h.Sum(nil)[:16])
	hash[0] = isContent
	return hash, nil
}

// awkward are values in which a shortcut could go wrong, and parts of large ones.
var awkward = []string{
	`null`, `true`, `false`, `""`, `"a"`, `"a,b"`, `"\\"`, `"\n"`, `"\u00e9"`, `"é"`, "\"\xff\"", `"\ud800"`, `"\ud83d\ude00"`, `"\uD83Dx"`, `"<&>\u2028"`, `"\u0000"`, `0`, `-0`, `12`, `1.50`, `-1e3`,
	`18446744073709551615`, `[]`, `{}`, `[1, "x"]`, `[1,2]`, `[1.50,[]]`, `{"b":1,"a":null}`, `{"b":1,"b":2,"":{"z":[{}],"a":"<"}}`, `{"type":"Buffer","data":[1,255]}`, `{"type":"Buffer","data":[]}`,
}

// A fingerprint takes no decoder, and is what a decoder would make it.
func FuzzPrint(f *testing.F) {
	for _, v := range awkward {
		f.Add([]byte(`{"v":`+v+`,"a":1,"A\u0041":`+v+`}`), 1, 0)
		f.Add([]byte(`{"v":[`+v+`],"v":`+v+`}`), 20000, 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, often, offset int) {
		if !json.Valid(data) {
			_, _ = Compare{}.Fingerprint([]string{"v"}, data) // anything but a panic
			return
		}
		// What is short here is part of a long string, a long list, and a long object.
		inner := string(data[min(len(data), max(0, offset%8)):])
		quoted, _ := json.Marshal(inner)
		raw := `"` + strings.Repeat("x", max(0, offset%8)) + strings.Repeat(strings.Trim(string(quoted), `"`), min(max(often, 1), largeValue/len(quoted)+1)) + `"`
		list := "[" + strings.Repeat(string(data)+",", min(max(often, 1), largeValue/len(data)+1)) + "1]"
		for _, row := range [][]byte{data, []byte(`{"v":` + raw + `}`), []byte(`{"v":` + list + `,"a":2}`), []byte(`{"v":{"y":` + list + `,"x":` + raw + `}}`)} {
			columns := []string{"AA", "a", "v"}
			got, err := Compare{}.Fingerprint(columns, row)
			want, failed := decoded(columns, row)
			if failed == nil && (err != nil || got != want) {
				t.Errorf("%.300s: %s, %v, want %s", row, got, err, want)
			}
		}
	})
}

// Each way to write a string gives the same piece by piece.
func TestALongStringIsDividedBetweenCharacters(t *testing.T) {
	for _, part := range []string{`\u0001`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\ud83d\ud83d\ude00`, `\uD83D\uDE00é`, `é`, `\\`, `\"`, "\xff\xe2\x80", "\xe2\x80\xa8", "a", "<"} {
		for shift := range 6 {
			row := []byte(`{"v":"` + strings.Repeat("s", shift) + strings.Repeat(part, (largeValue+100)/len(part)+1) + `"}`)
			got, err := Compare{}.Fingerprint([]string{"v"}, row)
			want, failed := decoded([]string{"v"}, row)
			if err != nil || failed != nil || got != want {
				t.Errorf("%q after %d bytes: %v, %v, %s, want %s", part, shift, err, failed, got, want)
			}
		}
	}
}

// A large value is not copied.
func TestALargeRowIsComparedInPlace(t *testing.T) { //nolint:paralleltest // it measures what the process allocates
	for name, v := range map[string]string{
		"text":  `"` + strings.Repeat("x", 4<<20) + `"`,
		"bytes": `{"type":"Buffer","data":[` + strings.Repeat("200,", 1<<20) + `1]}`,
	} {
		row := []byte(`{"v":` + v + `}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := (Compare{}).Fingerprint([]string{"v"}, row); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 100<<10 {
			t.Errorf("%s: %d bytes were allocated", name, took)
		}
	}
}

// Nor does a row of plain values need any, where a decoder takes 80.
func TestPlainRowsAreComparedWithoutAllocations(t *testing.T) { //nolint:paralleltest // as above
	row, columns := []byte(`{"id":12,"name":"Ann","price":"1.50","at":"2026-01-02T00:00:00.000Z","none":null}`), []string{"at", "id", "name", "none", "price"}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := (Compare{}).Fingerprint(columns, row); err != nil {
			t.Fatal(err)
		}
	}); n > 5 { // the race detector empties pools at random
		t.Errorf("%v allocations", n)
	}
}
