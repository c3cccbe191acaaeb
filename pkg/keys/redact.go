package keys

import (
	"net/url"
	"regexp"
	"strings"
)

// hiddenMark stands for a secret that is not shown.
const hiddenMark = "***"

// Redact keeps only whether there is a secret.
func Redact(secret string) string {
	if secret == "" {
		return ""
	}
	return hiddenMark
}

// RedactURL hides the password of a URL and its query, which may contain a token.
func RedactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return hiddenMark
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
			shown[name] = s.of(name).Redact(inner)
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i := range v {
			shown[i] = s.items().Redact(v[i])
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
		return hiddenMark
	}
	return v
}
