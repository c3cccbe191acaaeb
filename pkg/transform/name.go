package transform

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/iancoleman/strcase"
	"golang.org/x/text/unicode/norm"
)

var (
	plain     = regexp.MustCompile(`^\w+$`)
	separator = regexp.MustCompile(`[_\-.:]`)
	camel     = regexp.MustCompile(`[a-z][A-Z]|[A-Z][a-z]`)
	hump      = regexp.MustCompile(`(.)([A-Z]+)`)
	between   = regexp.MustCompile(`[\W_]+(.|$)`)
	initial   = regexp.MustCompile(` \w`)
)

// FileName returns the name of a table's file: the table's name in camel case, as the npm package to-camel-case, which
// existing peers use, writes it. That package knows only English letters; a table whose name has others, or no letters
// at all, has a file named after it unchanged. No two platforms read the name differently, and it never leads out of
// the directory.
func FileName(table string) string {
	if name := camelCase(table); name != "" && isPlain(table) {
		return name + ".js"
	}
	return ownName(table) + ".js"
}

// fileNames returns the names that a table's file may have, of which the first that exists counts: FileName, then the
// names used by earlier programs: camel case without non-English letters, and strcase's.
func fileNames(table string) []string {
	names := []string{FileName(table)}
	for _, name := range []string{camelCase(table), strcase.ToLowerCamel(table)} {
		if !slices.Contains(names, name+".js") && plain.MatchString(name) {
			names = append(names, name+".js")
		}
	}
	return names
}

// isPlain reports whether camel case loses nothing of a name but word separators.
func isPlain(table string) bool {
	return !strings.ContainsFunc(table, func(r rune) bool { return r > unicode.MaxASCII })
}

// ownName is a table's name as a file name: in lower case and composed, since systems differ in both, with characters
// that some system rejects or reads differently as hexadecimal digits of their bytes.
func ownName(table string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(strings.ToLower(strings.ToValidUTF8(table, "_"))) {
		if r > unicode.MaxASCII && unicode.IsPrint(r) && !unicode.IsSpace(r) || strings.ContainsRune("_-0123456789abcdefghijklmnopqrstuvwxyz", r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// camelCase is to-camel-case 1.0.0 step by step: remove the case of s, turn each run of punctuation into a space,
// capitalize the letter after a space.
func camelCase(s string) string {
	switch {
	case strings.ContainsFunc(s, unicode.IsSpace):
	case separator.MatchString(s):
		s = orElse(between.ReplaceAllStringFunc(s, spaced), s)
	case camel.MatchString(s):
		s = hump.ReplaceAllStringFunc(s, flattened)
	}
	s = strings.TrimSpace(between.ReplaceAllStringFunc(strings.ToLower(s), spaced))
	return initial.ReplaceAllStringFunc(s, func(m string) string { return strings.ToUpper(m[1:]) })
}

// spaced replaces a match of between with a space and keeps the character after it.
func spaced(match string) string {
	next := between.FindStringSubmatch(match)[1]
	if next == "" {
		return ""
	}
	return " " + next
}

// flattened puts a space before each capital of a match of hump.
func flattened(match string) string {
	groups := hump.FindStringSubmatch(match)
	return groups[1] + " " + strings.Join(strings.Split(strings.ToLower(groups[2]), ""), " ")
}

// orElse returns s, or other if s is empty.
func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
