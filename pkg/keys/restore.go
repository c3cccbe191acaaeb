package keys

import (
	"fmt"
	"slices"
	"strings"
)

// Restore returns a value in which what Redact has hidden is as it was: the reverse of Redact, for a value that came back
// from where it was shown. key is its path; kept is called with the keys of the secrets that it keeps, and lost with those
// of secrets that it does not know.
func (s *Schema) Restore(key string, was, v any, kept, lost func(key string)) any {
	switch v := v.(type) {
	case map[string]any:
		before, _ := was.(map[string]any)
		if kind, _ := v[s.Discriminator.PropertyName].(string); s.Kind(kind) != nil {
			return s.Kind(kind).Restore(key, was, v, kept, lost)
		}
		whole := make(map[string]any, len(v))
		for name, inner := range v {
			whole[name] = s.of(name).Restore(Join(key, name), before[name], inner, kept, lost)
		}
		return whole
	case []any:
		before, _ := was.([]any)
		items := s.items()
		whole := make([]any, len(v))
		for i, item := range v {
			at := slices.IndexFunc(before, func(b any) bool { return Same(items.Redact(b), item) })
			if i < len(before) && (at < 0 || Same(items.Redact(before[i]), item)) {
				at = i
			}
			var old any
			if at >= 0 {
				old = before[at]
			}
			whole[i] = items.Restore(fmt.Sprintf("%s[%d]", key, i), old, item, kept, lost)
		}
		return whole
	}
	switch {
	case was != nil && Same(s.Redact(was), v):
		if !Same(was, v) {
			kept(key)
		}
		return was
	case v == hiddenMark, s.partly(was, v):
		lost(key)
	}
	return v
}

// partly reports whether a value was made from a shown one, of which a part is hidden, such as the password of a URL.
func (s *Schema) partly(was, v any) bool {
	before, _ := was.(string)
	now, _ := v.(string)
	shown, _ := s.Redact(before).(string)
	for _, mark := range []string{hiddenMark, ":xxxxx@"} { // the other one is net/url's
		if shown != mark && strings.Contains(now, mark) && strings.Contains(shown, mark) && !strings.Contains(before, mark) {
			return true
		}
	}
	return false
}

// of returns the schema of a key's value; one that accepts anything if it is not known.
func (s *Schema) of(name string) *Schema {
	if p := s.Property(name); p != nil {
		return p
	}
	if s.AdditionalProperties.Schema != nil {
		return s.AdditionalProperties.Schema
	}
	return new(Schema)
}

// items returns the schema of a list's items, likewise.
func (s *Schema) items() *Schema {
	if s.Items != nil {
		return s.Items
	}
	return new(Schema)
}
