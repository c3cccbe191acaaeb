package transform

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/iancoleman/strcase"
)

var (
	separator = regexp.MustCompile(`[_\-.:]`)
	camel     = regexp.MustCompile(`[a-z][A-Z]|[A-Z][a-z]`)
	hump      = regexp.MustCompile(`(.)([A-Z]+)`)
	between   = regexp.MustCompile(`[\W_]+(.|$)`)
	initial   = regexp.MustCompile(` \w`)
)

// fileNames returns the names that the file of table may have, the first that
// exists counts: the one by the npm package to-camel-case, which existing peers
// use, then the one by strcase where it differs. Both consist of letters,
// digits and "_" alone, so no name leads out of the directory.
func fileNames(table string) []string {
	var names []string
	for _, name := range []string{camelCase(table), strcase.ToLowerCamel(table)} {
		if name != "" && (len(names) == 0 || names[0] != name+".js") {
			names = append(names, name+".js")
		}
	}
	return names
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
