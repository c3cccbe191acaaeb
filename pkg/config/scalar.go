package config

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// text checks a string. One that spells a number or a boolean is taken where
// the schema wants such: the environment and ${NAME} have only strings, and so
// do existing files here and there ("port": "1883").
func (c *checker) text(key string, n *node, raw string) any {
	s, unset := expand(raw, c.lookup)
	if len(unset) > 0 {
		c.mistake(key, "refers to %s, which is not set in the environment", strings.Join(unset, ", "))
		return nil
	}
	switch {
	case n.is("string"):
		if !c.fits(key, n, raw, s) {
			return nil
		}
		if n.is("array") {
			return []any{s}
		}
		return s
	case n.is("integer"):
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return c.integer(key, n, f, show(raw, s))
		}
	case n.is("boolean"):
		if b, err := strconv.ParseBool(strings.TrimSpace(s)); err == nil {
			return c.value(key, n, b)
		}
	}
	c.mistakeType(key, n, raw)
	return nil
}

// fits reports whether a string keeps the schema's limits, and notes what it breaks.
func (c *checker) fits(key string, n *node, raw, s string) bool {
	length := utf8.RuneCountInString(s)
	switch {
	case length == 0 && n.MinLength > 0:
		c.mistake(key, "is empty")
	case length < n.MinLength:
		c.mistake(key, "is shorter than %d characters", n.MinLength)
	case n.MaxLength > 0 && length > n.MaxLength:
		c.mistake(key, "is longer than %d characters", n.MaxLength)
	case len(n.Enum) > 0 && !slices.Contains(n.Enum, s):
		c.mistake(key, "%s is not one of %s", show(raw, s), strings.Join(n.Enum, ", "))
	case n.Pattern != "" && !regexp.MustCompile(n.Pattern).MatchString(s):
		c.mistake(key, "%s is not %s", show(raw, s), n.Title)
	default:
		return true
	}
	return false
}

// integer checks a number; shown is how the file has it.
func (c *checker) integer(key string, n *node, f float64, shown string) any {
	switch {
	case f != math.Trunc(f): // also when it is not a number at all
		c.mistake(key, "%s is not a whole number", shown)
	case f < *n.Minimum:
		c.mistake(key, "%s is less than %.0f", shown, *n.Minimum)
	case f > *n.Maximum:
		c.mistake(key, "%s is greater than %.0f", shown, *n.Maximum)
	default:
		return int(f)
	}
	return nil
}

// number returns what the parsers give for a number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// secret returns the content of the file that a secret stands in, without the
// line end that editors and echo put after it.
func (c *checker) secret(key string, block any) any {
	name, ok := block.(map[string]any)["file"].(string)
	if !ok {
		return nil // a mistake was noted
	}
	content, err := readFile(c.path(name))
	if err != nil {
		c.mistake(key+".file", "%v", err)
		return nil
	}
	return strings.TrimRight(string(content), "\r\n")
}

// path returns name as an absolute path; relative names start at the file.
func (c *checker) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}

// paths is path for each name.
func (c *checker) paths(names []string) []string {
	var result []string
	for _, name := range names {
		result = append(result, c.path(name))
	}
	return result
}

// mistakeType notes that v has a type that the schema does not want.
func (c *checker) mistakeType(key string, n *node, v any) {
	wanted := n.Title
	if wanted == "" || len(n.Type) == 1 {
		wanted = map[string]string{
			"string": "a string", "integer": "a number", "boolean": "true or false",
			"array": "a list", "object": "a block of keys",
		}[n.Type[0]]
	}
	hint := ""
	if _, ok := number(v); ok && n.is("string") {
		hint = "; put it in quotes"
	}
	c.mistake(place(key), "%s is not %s%s", describe(n, v), wanted, hint)
}

// describe names the value v in a message. A scalar that stands for a secret,
// or for a block that may hold one, is named by its kind alone.
func describe(n *node, v any) string {
	hidden := n.WriteOnly || n.is("object") || n.is("array")
	switch v := v.(type) {
	case []any:
		return "a list"
	case map[string]any:
		return "a block of keys"
	case string:
		if hidden {
			return "a string"
		}
		return show(v, v)
	case bool:
		return strconv.FormatBool(v)
	}
	if _, ok := number(v); !ok {
		return "a date"
	}
	if hidden {
		return "a number"
	}
	return fmt.Sprint(v)
}

// show quotes a string for a message: as the file has it where it refers to
// the environment, and not at all where it may hold a login.
func show(raw, expanded string) string {
	switch {
	case strings.Contains(raw, "${"):
		return strconv.Quote(raw)
	case strings.Contains(expanded, "@"):
		return "the value"
	}
	return strconv.Quote(expanded)
}
