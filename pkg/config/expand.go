package config

import (
	"regexp"
	"strings"
)

// reference is ${NAME}, or $${ with which a literal ${ is written.
var reference = regexp.MustCompile(`\$\$\{|\$\{([^}]*)\}`)

// expand puts the environment's values in the place of ${NAME}. It returns the
// names that are not set. A $ that no brace follows stands for itself, so that
// passwords of existing files stay what they are.
func expand(text string, lookup func(string) (string, bool)) (expanded string, unset []string) {
	expanded = reference.ReplaceAllStringFunc(text, func(match string) string {
		if match == "$${" {
			return "${"
		}
		name := match[len("${") : len(match)-len("}")]
		value, ok := lookup(name)
		if !ok {
			unset = append(unset, name)
		}
		return value
	})
	return expanded, unset
}

// literal returns the text that expand turns into text again.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }
