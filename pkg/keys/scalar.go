package keys

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

// formatPath is the only format of a Schema.
const formatPath = "path"

// text checks a string. One that spells a number or a boolean is accepted where the schema expects one: the environment
// and ${NAME} have only strings, and so do some existing files ("port": "1883").
func (c *Checker) text(key string, s *Schema, raw string) any {
	text, unset := expand(raw, c.lookup)
	if len(unset) > 0 {
		c.Mistakef(key, "refers to %s, which is not set in the environment", strings.Join(unset, ", "))
		return nil
	}
	switch {
	case s.Is("string"):
		if !c.fits(key, s, raw, text) {
			return nil
		}
		if s.Format == formatPath {
			text = c.Path(text)
		}
		if s.Is("array") {
			return []any{text}
		}
		return text
	case s.Is("integer"), s.Is("number"):
		if f, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
			return c.number(key, s, f, show(raw, text))
		}
	case s.Is("boolean"):
		if b, err := strconv.ParseBool(strings.TrimSpace(text)); err == nil {
			return c.Check(key, s, b)
		}
	}
	c.mistakeType(key, s, raw)
	return nil
}

// fits reports whether a string keeps the schema's limits, and notes those it violates.
func (c *Checker) fits(key string, s *Schema, raw, text string) bool {
	length := utf8.RuneCountInString(text)
	switch {
	case length == 0 && s.MinLength > 0:
		c.Mistakef(key, "is empty")
	case length < s.MinLength:
		c.Mistakef(key, "is shorter than %d characters", s.MinLength)
	case s.MaxLength > 0 && length > s.MaxLength:
		c.Mistakef(key, "is longer than %d characters", s.MaxLength)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
		c.Mistakef(key, "%s is not one of %s", show(raw, text), strings.Join(s.Enum, ", "))
	case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text):
		c.Mistakef(key, "%s is not %s", show(raw, text), s.Title)
	default:
		return true
	}
	return false
}

// number checks a number; shown is how the file writes it.
func (c *Checker) number(key string, s *Schema, f float64, shown string) any {
	switch whole := !s.Is("number"); {
	case whole && f != math.Trunc(f): // true for NaN as well
		c.Mistakef(key, "%s is not a whole number", shown)
	case math.IsNaN(f):
		c.Mistakef(key, "%s is not a number", shown)
	case s.Minimum != nil && f < *s.Minimum:
		c.Mistakef(key, "%s is less than %s", shown, decimal(*s.Minimum))
	case s.Maximum != nil && f > *s.Maximum:
		c.Mistakef(key, "%s is greater than %s", shown, decimal(*s.Maximum))
	case whole:
		return int(f)
	default:
		return f
	}
	return nil
}

// decimal writes a limit without an exponent.
func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// asNumber converts what the parsers give for a number.
func asNumber(v any) (float64, bool) {
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

// secret returns the content of a secret's file, without the newline that editors and echo append.
func (c *Checker) secret(key string, block any) any {
	name, ok := block.(map[string]any)["file"].(string)
	if !ok {
		return nil // a mistake was noted
	}
	content, err := ReadFile(c.Path(name))
	if err != nil {
		c.Mistakef(key+".file", "%v", err)
		return nil
	}
	return strings.TrimRight(string(content), "\r\n")
}

// Path returns name as an absolute path; relative names start at the file's folder.
func (c *Checker) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(c.source.Path), name)
}

// Paths is Path for each name.
func (c *Checker) Paths(names []string) []string {
	var result []string
	for _, name := range names {
		result = append(result, c.Path(name))
	}
	return result
}

// mistakeType notes that v has a type that the schema does not want.
func (c *Checker) mistakeType(key string, s *Schema, v any) {
	wanted := s.Title
	if wanted == "" || len(s.Type) == 1 {
		wanted = map[string]string{
			"string": "a string", "integer": "a number", "number": "a number", "boolean": "true or false",
			"array": "a list", "object": "a block of keys",
		}[s.Type[0]]
	}
	hint := ""
	if _, ok := asNumber(v); ok && s.Is("string") {
		hint = "; put it in quotes"
	}
	c.Mistakef(nameOf(key), "%s is not %s%s", describe(s, v), wanted, hint)
}

// describe names the value v in a message. For a secret's scalar, or one in place of a block that may hold a secret, it
// names only the kind.
func describe(s *Schema, v any) string {
	hidden := s.WriteOnly || s.Is("object") || s.Is("array")
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
	if _, ok := asNumber(v); !ok {
		return "a date"
	}
	if hidden {
		return "a number"
	}
	return fmt.Sprint(v)
}

// show quotes a string for a message: as in the file if it refers to the environment, and not at all if it may contain
// a login.
func show(raw, expanded string) string {
	switch {
	case strings.Contains(raw, "${"):
		return strconv.Quote(raw)
	case strings.Contains(expanded, "@"):
		return "the value"
	}
	return strconv.Quote(expanded)
}

// Show quotes a value of the configuration for a message, unless it may contain a login.
func Show(value string) string { return show(value, value) }
