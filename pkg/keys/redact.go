package keys

import (
	"net/url"
	"regexp"
	"strings"
)

// Redact keeps only whether there is a secret.
func Redact(secret string) string {
	if secret == "" {
		return ""
	}
	return "***"
}

// RedactURL hides the password of a URL and its query, which may contain a token.
func RedactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "***"
	}
	u.RawQuery = Redact(u.RawQuery)
	return u.Redacted()
}

// alone is a value that is only a reference to the environment.
var alone = regexp.MustCompile(`^\$\{[^}]*\}$`)

// Redact returns a value as in the file, safe to show: without secrets, and without keys that the schema does not know,
// since a misspelled key may hold one.
func (s *Schema) Redact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if kind, _ := v[s.Discriminator.PropertyName].(string); s.Kind(kind) != nil {
			return s.Kind(kind).Redact(v)
		}
		shown := make(map[string]any, len(v))
		for name, inner := range v {
			known := s.Property(name)
			if known == nil {
				known = s.AdditionalProperties.Schema
			}
			if known == nil {
				known = new(Schema)
			}
			shown[name] = known.Redact(inner)
		}
		return shown
	case []any:
		items := s.Items
		if items == nil {
			items = new(Schema)
		}
		shown := make([]any, len(v))
		for i := range v {
			shown[i] = items.Redact(v[i])
		}
		return shown
	case string:
		switch {
		case alone.MatchString(v):
			return v
		case s.WriteOnly || s.free():
			return Redact(v)
		case strings.Contains(v, "://"):
			return RedactURL(v)
		case strings.Contains(v, "@"):
			return Redact(v)
		}
	}
	if _, ok := asNumber(v); ok && (s.WriteOnly || s.free()) {
		return "***"
	}
	return v
}
