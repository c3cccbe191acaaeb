package keys

import (
	stdjson "encoding/json"
	"strings"
)

// override turns an environment variable into a key path and a value of the type that the file's schema expects there:
// with the prefix MYSQL_SYNC_, MYSQL_SYNC_MQTTCONFIG__PASSWORD is mqttConfig.password. A path of "" ignores the
// variable.
func (c *Checker) override(s *Schema, name, value string) (string, any) {
	if c.source.Except != nil && c.source.Except.MatchString(name) {
		return "", nil
	}
	var path []string
	for word := range strings.SplitSeq(strings.TrimPrefix(name, c.source.Prefix), "__") {
		next := (*Schema)(nil)
		for _, p := range s.Properties {
			if strings.EqualFold(p.Name, word) {
				next, path = p.Schema, append(path, p.Name)
			}
		}
		if next == nil {
			c.Mistakef(name, "unknown key in %s%s", nameOf(strings.Join(path, ".")), Suggest(strings.ToLower(word), s.names()))
			return "", nil
		}
		s = next
	}
	key := strings.Join(path, ".")
	for other, variable := range c.overrides {
		if key == other || within(key, other) || within(other, key) {
			c.Mistakef(key, "the variables %s and %s contradict each other; unset one of them", variable, name)
			return "", nil
		}
	}
	c.overrides[key] = name
	parsed, ok := s.parse(literal(value))
	if !ok {
		c.Mistakef(key, "the variable %s begins like JSON but is not valid JSON", name)
		return "", nil
	}
	return key, parsed
}

// parse splits or decodes a variable if the schema expects a list or an object. A secret is always used as it is: it
// may begin with a brace.
func (s *Schema) parse(value string) (any, bool) {
	text := strings.TrimSpace(value)
	switch {
	case s.Is("array") && strings.HasPrefix(text, "["), s.Is("object") && !s.WriteOnly && strings.HasPrefix(text, "{"):
		var v any
		err := stdjson.Unmarshal([]byte(text), &v)
		return v, err == nil
	case s.Is("array"):
		list := []any{}
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		return list, true
	}
	return value, true
}
