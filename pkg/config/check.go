package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// checker walks a configuration along the schema and collects what is wrong.
type checker struct {
	dir       string            // of the file; relative paths start here
	environ   []string          // NAME=value
	overrides map[string]string // key path to the variable that set it
	mistakes  Mistakes
	warnings  []string
	ignored   map[string][]string // block to its keys that have no meaning here
}

// mistake notes what is wrong with key.
func (c *checker) mistake(key, format string, args ...any) {
	c.mistakes = append(c.mistakes, Mistake{key, fmt.Sprintf(format, args...)})
}

// warn notes what is odd about key, but not wrong.
func (c *checker) warn(key, format string, args ...any) {
	c.warnings = append(c.warnings, Mistake{key, fmt.Sprintf(format, args...)}.Error())
}

// wrong reports whether a mistake was noted for key, for something in it or for
// the block that it is in, so that no second one follows from the first.
func (c *checker) wrong(key string) bool {
	return slices.ContainsFunc(c.mistakes, func(m Mistake) bool {
		return m.Key == key || within(m.Key, key) || within(key, m.Key)
	})
}

// within reports whether key is inside the block or list at outer.
func within(key, outer string) bool {
	return strings.HasPrefix(key, outer+".") || strings.HasPrefix(key, outer+"[")
}

// lookup returns the value of an environment variable.
func (c *checker) lookup(name string) (string, bool) {
	for _, variable := range c.environ {
		if n, value, ok := strings.Cut(variable, "="); ok && n == name {
			return value, true
		}
	}
	return "", false
}

// value checks v against the schema and returns it in the form that the schema
// wants: references expanded, secrets read, defaults filled in. It returns nil
// for a value that is absent or wrong.
func (c *checker) value(key string, n *node, v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return c.text(key, n, v)
	case []any:
		if n.is("array") {
			return c.list(key, n, v)
		}
	case map[string]any:
		if n.is("object") {
			return c.object(key, n, v)
		}
	case bool:
		switch {
		case n.is("boolean") && n.is("object"): // ssl: true is an ssl block of defaults, false is none
			if !v {
				return nil
			}
			return c.object(key, n, map[string]any{})
		case n.is("boolean"):
			return v
		}
	default:
		if f, ok := number(v); ok && n.is("integer") {
			return c.integer(key, n, f, fmt.Sprint(v))
		}
	}
	c.mistakeType(key, n, v)
	return nil
}

// object checks each key of a block. Keys that the schema does not have are
// mistakes, unless it takes any; those that it calls deprecated are remembered
// for one warning.
func (c *checker) object(key string, n *node, block map[string]any) any {
	result := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(block)) {
		switch more := n.AdditionalProperties.node; {
		case n.property(name) != nil:
		case more == nil:
			c.mistake(join(key, name), "unknown key in %s%s", place(key), suggest(name, n))
		case block[name] == nil:
			c.mistake(join(key, name), "is empty; remove it")
		default:
			if checked := c.value(join(key, name), more, block[name]); checked != nil {
				result[name] = checked
			}
		}
	}
	for _, p := range n.Properties {
		v := block[p.name]
		if v == nil {
			v = p.node.Default
		}
		switch {
		case v == nil && slices.Contains(n.Required, p.name):
			c.mistake(join(key, p.name), "is missing: %s", sentence(p.node.Description))
		case v == nil:
		case p.node.Deprecated:
			c.ignored[key] = append(c.ignored[key], p.name)
		default:
			if checked := c.value(join(key, p.name), p.node, v); checked != nil {
				result[p.name] = checked
			}
		}
	}
	if n.WriteOnly {
		return c.secret(key, result)
	}
	return result
}

// list checks each item.
func (c *checker) list(key string, n *node, items []any) any {
	result := make([]any, 0, len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", key, i)
		v := c.value(at, n.Items, item)
		switch {
		case v == nil && item == nil:
			c.mistake(at, "is empty; remove it")
		case v == nil: // a mistake was noted
		case n.UniqueItems && slices.Contains(result, v):
			c.mistake(at, "%q is listed twice; remove one", v)
		default:
			result = append(result, v)
		}
	}
	return result
}

// join returns the path of the key name in the block at key.
func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// place names the block at key in a sentence.
func place(key string) string {
	if key == "" {
		return "the configuration"
	}
	return key
}

// suggest returns the end of a message about the unknown key name of n.
func suggest(name string, n *node) string {
	var names []string
	for _, p := range n.Properties {
		names = append(names, p.name)
	}
	if known := Nearest(name, names); known != "" {
		return fmt.Sprintf("; did you mean %q?", known)
	}
	return "; remove it"
}

// sentence returns the first sentence of a description, to stand after a colon.
func sentence(description string) string {
	first, _, _ := strings.Cut(description, ". ")
	_, size := utf8.DecodeRuneInString(first)
	return strings.ToLower(first[:size]) + strings.TrimSuffix(first[size:], ".")
}
