package config

import (
	stdjson "encoding/json"
	"regexp"
	"strings"
)

// environPrefix begins the variables that override keys of the file:
// MYSQL_SYNC_MQTTCONFIG__PASSWORD is mqttConfig.password.
const environPrefix = "MYSQL_SYNC_"

// serviceLink matches what Kubernetes sets in each container for a service
// named mysql-sync; such a variable is not meant for the node.
var serviceLink = regexp.MustCompile(`^MYSQL_SYNC_(SERVICE_|PORT(_|$))`)

// override turns an environment variable into a key path and a value of the
// type that the schema wants there. "" as the path leaves the variable out.
func (c *checker) override(name, value string) (string, any) {
	if serviceLink.MatchString(name) {
		return "", nil
	}
	n := root()
	var path []string
	for word := range strings.SplitSeq(strings.TrimPrefix(name, environPrefix), "__") {
		next := (*node)(nil)
		for _, p := range n.Properties {
			if strings.EqualFold(p.name, word) {
				next, path = p.node, append(path, p.name)
			}
		}
		if next == nil {
			c.mistake(name, "unknown key in %s%s", place(strings.Join(path, ".")), suggest(strings.ToLower(word), n))
			return "", nil
		}
		n = next
	}
	key := strings.Join(path, ".")
	for other, variable := range c.overrides {
		if key == other || within(key, other) || within(other, key) {
			c.mistake(key, "the variables %s and %s contradict each other; unset one of them", variable, name)
			return "", nil
		}
	}
	c.overrides[key] = name
	parsed, ok := n.parse(literal(value))
	if !ok {
		c.mistake(key, "the variable %s begins like JSON but is not valid JSON", name)
		return "", nil
	}
	return key, parsed
}

// parse splits or decodes a variable where the schema wants a list or an
// object. A secret is always taken as it is: it may begin with a brace.
func (n *node) parse(value string) (any, bool) {
	text := strings.TrimSpace(value)
	switch {
	case n.is("array") && strings.HasPrefix(text, "["), n.is("object") && !n.WriteOnly && strings.HasPrefix(text, "{"):
		var v any
		err := stdjson.Unmarshal([]byte(text), &v)
		return v, err == nil
	case n.is("array"):
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
