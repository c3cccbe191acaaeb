package keys

import (
	"fmt"
	"strings"
)

// Nearest returns the name that word is most likely a typo of, or "" if none is close.
func Nearest(word string, names []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	return best
}

// Suggest returns the end of a message about an unknown name.
func Suggest(name string, names []string) string {
	if known := Nearest(name, names); known != "" {
		return fmt.Sprintf("; did you mean %q?", known)
	}
	return "; remove it"
}

// distance is the number of single-byte insertions, deletions and replacements that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
