package change

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shownMost is how many characters of a row's id a log line shows.
const shownMost = 64

// Shown returns a row's id, or its key form, for a log line: shortened, and without
// terminal control characters. It is for people only; two rows may look alike.
func Shown(id string) string {
	cut := len(id) > shownMost*utf8.UTFMax
	if cut {
		id = id[:shownMost*utf8.UTFMax] // an id may be long
	}
	shown := []rune(strings.ToValidUTF8(id, "?"))
	if len(shown) > shownMost {
		shown, cut = shown[:shownMost], true
	}
	for i, r := range shown {
		if !unicode.IsPrint(r) {
			shown[i] = '?'
		}
	}
	if cut {
		return string(shown) + "…"
	}
	return string(shown)
}
