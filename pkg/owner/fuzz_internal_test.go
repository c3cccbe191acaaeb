package owner

import (
	"strings"
	"testing"
)

// recordsLength is the file's size in bytes.
const recordsLength = 129

// FuzzRecords reads records that a disk may have damaged: the result is a valid life, which
// survives writing and reading, or none.
func FuzzRecords(f *testing.F) {
	f.Add(`{"life": "7cgoqz2m"  , "last":                   17}` + "\n")
	f.Add(`{"life": ""          , "last": 18446744073709551615, "position":     1792046532000001, "database": ""                            }` + "\n") // of an older version
	f.Add(`{"life": "a~b", "last": 1}`)
	f.Add(`{"life": "` + strings.Repeat("x", 100) + `"}`)
	f.Add("")
	f.Add(string((&Records{Life: "7cgoqz2m", Position: 1792046532000001, Database: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}).text()))
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseRecords([]byte(text))
		if !ok {
			return
		}
		if again, ok := parseRecords(r.text()); !ok || again.Life != r.Life || again.Position != r.Position || again.Database != r.Database || len(r.text()) != recordsLength {
			t.Errorf("%q reads as %q, written as %q", text, r.Life, r.text())
		}
	})
}
