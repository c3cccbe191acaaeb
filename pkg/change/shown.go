package change

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shownMost is how many characters of a row's id are shown in a line of log.
const shownMost = 64

// Shown is a row's id, or its key form, as a line of log shows it: shortened, and
// without what a terminal would take for an order. It only serves people; two rows may
// be shown alike.
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
