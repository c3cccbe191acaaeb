package change_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

func TestShownIDsAreShortAndHarmless(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"17": "17", "": "", "eu,4711": "eu,4711", "Müller 注文": "Müller 注文",
		"\x1b[31mred\x07":         "?[31mred?",
		"a\u009b31m\u202egnp.x":   "a?31m?gnp.x", // the eight-bit form of an escape, and right-to-left text
		"\xff\x00\x01":            "???",
		"line\nline":              "line?line",
		strings.Repeat("ä", 64):   strings.Repeat("ä", 64),
		strings.Repeat("ä", 65):   strings.Repeat("ä", 64) + "…",
		strings.Repeat("😀", 1000): strings.Repeat("😀", 64) + "…",
	} {
		if got := change.Shown(id); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}
