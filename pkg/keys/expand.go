package keys

import (
	"regexp"
	"strings"
)

// reference is ${NAME}, or $${, which escapes a literal ${.
var reference = regexp.MustCompile(`\$\$\{|\$\{([^}]*)\}`)

// expand replaces ${NAME} with the environment's values. It returns the names that are not set. A $ without a brace
// stands for itself, so that passwords in existing files keep their meaning.
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

// literal returns the text that expand turns back into text.
func literal(text string) string { return strings.ReplaceAll(text, "${", "$${") }
