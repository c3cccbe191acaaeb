package keys

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Source says where a configuration comes from.
type Source struct {
	Path    string         // of the file, absolute
	Content []byte         // in the place of what the file has; nil: the file is read
	Name    string         // of the file in messages, as the user gave it; "" is the path
	Environ []string       // NAME=value
	Prefix  string         // of the variables that override keys, such as MYSQL_SYNC_; "" is none
	Except  *regexp.Regexp // variables with the prefix that are meant for others; nil is none
	Manual  string         // where the keys are described
}

// name is how messages call the file.
func (s Source) name() string { return cmp.Or(s.Name, s.Path) }

// Checker walks a configuration along schemas and collects what is wrong.
type Checker struct {
	source    Source
	content   []byte            // of the file
	root      *spot             // where its keys are; nil: not located yet
	overrides map[string]string // key path to the variable that set it
	mistakes  Mistakes
	warnings  []string
	ignored   map[string][]string // block to its keys that have no meaning here
}

// New returns a checker of the configuration from a source.
func New(s Source) *Checker {
	return &Checker{source: s, overrides: map[string]string{}, ignored: map[string][]string{}}
}

// Mistakes returns the mistakes noted, in the order of the keys. It is empty for a usable configuration.
func (c *Checker) Mistakes() Mistakes {
	sorted := slices.Clone(c.mistakes)
	slices.SortStableFunc(sorted, func(a, b Mistake) int { return cmp.Compare(a.Key, b.Key) })
	return sorted
}

// Warnings returns what is odd, each with its key, followed by the keys of each block that have no meaning here.
func (c *Checker) Warnings() []string {
	warnings := slices.Clone(c.warnings)
	for _, block := range slices.Sorted(maps.Keys(c.ignored)) {
		warnings = append(warnings, Mistake{Key: block, Text: "ignored keys: " + strings.Join(c.ignored[block], ", ")}.Error())
	}
	return warnings
}

// Mistakef notes what is wrong with key.
func (c *Checker) Mistakef(key, format string, args ...any) {
	c.mistakes = append(c.mistakes, c.Locate(key, fmt.Sprintf(format, args...)))
}

// Locate returns a mistake about key with its place in the file. It does not note the mistake.
func (c *Checker) Locate(key, text string) Mistake {
	m := Mistake{Key: key, Text: text}
	m.File, m.Place = c.place(key)
	return m
}

// Warnf notes what is odd about key, but not wrong.
func (c *Checker) Warnf(key, format string, args ...any) {
	c.warnings = append(c.warnings, Mistake{Key: key, Text: fmt.Sprintf(format, args...)}.Error())
}

// Elsewhere says that key was set by something other than the file, which messages name.
func (c *Checker) Elsewhere(key, what string) { c.overrides[key] = what }

// Overridden reports whether the environment sets key, or something in it.
func (c *Checker) Overridden(key string) bool {
	for set := range c.overrides {
		if set == key || within(set, key) {
			return true
		}
	}
	return false
}

// place returns the file or variable that sets a key, and the place in it.
func (c *Checker) place(key string) (string, Place) {
	if c.source.Prefix != "" && strings.HasPrefix(key, c.source.Prefix) {
		return key, Place{} // a variable that sets no key
	}
	for set, variable := range c.overrides {
		if key == set || within(key, set) {
			return variable, Place{}
		}
	}
	if c.root == nil {
		c.root = spots(c.source.Path, c.content)
	}
	at, _ := c.root.find(key)
	return c.source.name(), at
}

// Wrong reports whether a mistake was noted for key, for something in it or for the block that contains it, so that one
// mistake does not cause a second.
func (c *Checker) Wrong(key string) bool {
	return slices.ContainsFunc(c.mistakes, func(m Mistake) bool {
		return m.Key == key || within(m.Key, key) || within(key, m.Key)
	})
}

// within reports whether key is inside the block or list at outer.
func within(key, outer string) bool {
	return strings.HasPrefix(key, outer+".") || strings.HasPrefix(key, outer+"[")
}

// lookup returns the value of an environment variable.
func (c *Checker) lookup(name string) (string, bool) {
	for _, variable := range c.source.Environ {
		if n, value, ok := strings.Cut(variable, "="); ok && n == name {
			return value, true
		}
	}
	return "", false
}

// Check checks v against the schema and returns it in the schema's form: references expanded, secrets read, defaults
// filled in. It returns nil for a value that is absent or wrong.
func (c *Checker) Check(key string, s *Schema, v any) any {
	if s.free() {
		return v
	}
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return c.text(key, s, v)
	case []any:
		if s.Is("array") {
			return c.list(key, s, v)
		}
	case map[string]any:
		switch {
		case len(s.OneOf) > 0:
			return c.choose(key, s, v)
		case s.Is("object"):
			return c.object(key, s, v)
		}
	case bool:
		switch {
		case s.Is("boolean") && s.Is("object"): // ssl: true is an ssl block of defaults, false is none
			if !v {
				return nil
			}
			return c.object(key, s, map[string]any{})
		case s.Is("boolean"):
			return v
		}
	default:
		if f, ok := asNumber(v); ok && (s.Is("integer") || s.Is("number")) {
			return c.number(key, s, f, fmt.Sprint(v))
		}
	}
	c.mistakeType(key, s, v)
	return nil
}

// object checks each key of a block. Unknown keys are mistakes, unless the schema accepts any; deprecated ones are
// collected for one warning.
func (c *Checker) object(key string, s *Schema, block map[string]any) any {
	result := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(block)) {
		switch more := s.AdditionalProperties.Schema; {
		case s.Property(name) != nil:
		case more == nil:
			c.Mistakef(Join(key, name), "unknown key in %s%s", nameOf(key), Suggest(name, s.names()))
		case block[name] == nil:
			c.Mistakef(Join(key, name), "is empty; remove it")
		default:
			if checked := c.Check(Join(key, name), more, block[name]); checked != nil {
				result[name] = checked
			}
		}
	}
	for _, p := range s.Properties {
		v := block[p.Name]
		if v == nil {
			v = p.Schema.Default
		}
		switch {
		case v == nil && slices.Contains(s.Required, p.Name):
			c.Mistakef(Join(key, p.Name), "is missing: %s", sentence(p.Schema.Description))
		case v == nil:
		case p.Schema.Deprecated:
			c.ignored[key] = append(c.ignored[key], p.Name)
		default:
			if checked := c.Check(Join(key, p.Name), p.Schema, v); checked != nil {
				result[p.Name] = checked
			}
		}
	}
	if s.WriteOnly {
		return c.secret(key, result)
	}
	return result
}

// list checks each item.
func (c *Checker) list(key string, s *Schema, items []any) any {
	result := make([]any, 0, len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", key, i)
		v := c.Check(at, s.Items, item)
		switch {
		case v == nil && item == nil:
			c.Mistakef(at, "is empty; remove it")
		case v == nil: // a mistake was noted
		case s.UniqueItems && slices.Contains(result, v):
			c.Mistakef(at, "%q is listed twice; remove one", v)
		default:
			result = append(result, v)
		}
	}
	switch {
	case len(items) < s.MinItems:
		c.Mistakef(key, "lists %d; at least %d are needed", len(items), s.MinItems)
	case s.MaxItems > 0 && len(items) > s.MaxItems:
		c.Mistakef(key, "lists %d; at most %d are taken", len(items), s.MaxItems)
	}
	return result
}

// Join returns the path of the key name in the block at key.
func Join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// nameOf names the block at key in a sentence.
func nameOf(key string) string {
	if key == "" {
		return "the configuration"
	}
	return key
}

// sentence returns the first sentence of a description, to follow a colon.
func sentence(description string) string {
	first, _, _ := strings.Cut(description, ". ")
	_, size := utf8.DecodeRuneInString(first)
	return strings.ToLower(first[:size]) + strings.TrimSuffix(first[size:], ".")
}

// Probe returns a checker of the same source that has noted nothing.
func (c *Checker) Probe() *Checker {
	p := New(c.source)
	p.content, p.root = c.content, c.root
	return p
}
