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

// FileName returns the name that the file of a table has: the table's in camel case, as by
// the npm package to-camel-case, which existing peers use. It knows letters of English alone;
// a table whose name has others, or none at all, has a file of its own name. No two platforms
// take the name for different ones, and it leads nowhere out of the directory.
func FileName(table string) string {
	if name := camelCase(table); name != "" && isPlain(table) {
		return name + ".js"
	}
	return ownName(table) + ".js"
}

// fileNames returns the names that the file of table may have, the first that exists counts:
// FileName, then those that it had with earlier programs: in camel case without the letters that
// are not English, and the one by strcase.
func fileNames(table string) []string {
	names := []string{FileName(table)}
	for _, name := range []string{camelCase(table), strcase.ToLowerCamel(table)} {
		if !slices.Contains(names, name+".js") && plain.MatchString(name) {
			names = append(names, name+".js")
		}
	}
	return names
}

// isPlain reports whether nothing of a name but what stands between words is lost in camel case.
func isPlain(table string) bool {
	return !strings.ContainsFunc(table, func(r rune) bool { return r > unicode.MaxASCII })
}

// ownName is a table's name as that of a file: in small letters, composed, as systems differ
// in that, and what none takes, or some read otherwise, as its bytes in hexadecimal digits.
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

// camelCase is to-camel-case 1.0.0 step by step: remove the case that s has,
// make every run of punctuation a space, raise the letter after a space.
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

// spaced makes a space of a match of between and keeps the character after it.
func spaced(match string) string {
	next := between.FindStringSubmatch(match)[1]
	if next == "" {
		return ""
	}
	return " " + next
}

// flattened separates each capital of a match of hump by a space.
func flattened(match string) string {
	groups := hump.FindStringSubmatch(match)
	return groups[1] + " " + strings.Join(strings.Split(strings.ToLower(groups[2]), ""), " ")
}

// orElse returns s, or other where s is empty.
func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
