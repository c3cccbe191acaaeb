package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Choice has the keywords of a block that is one of several kinds, told apart by the value of a key: for instance a
// destination, whose type says which keys it has.
type Choice struct {
	OneOf         []*Schema     `json:"oneOf"`
	Discriminator Discriminator `json:"discriminator"` // as in OpenAPI; others rest on the enum of each kind
}

// Discriminator names the key that tells kinds apart.
type Discriminator struct {
	PropertyName string `json:"propertyName"`
}

// OneOf returns the text of a schema for blocks that are one of several kinds. Each kind is a schema of its own, with
// its own definitions if it has an $id, and has the key with an enum of the values that name it.
func OneOf(key string, kinds ...[]byte) ([]byte, error) {
	list := make([]json.RawMessage, len(kinds))
	for i := range kinds {
		list[i] = kinds[i]
	}
	text, err := json.Marshal(map[string]any{"type": "object", "discriminator": Discriminator{key}, "oneOf": list})
	if err != nil {
		return nil, fmt.Errorf("compose schemas of %s: %w", key, err)
	}
	return text, nil
}

// Define returns the text of a schema with one more definition, to which it can refer as #/$defs/ plus the name. An
// existing definition with this name, which may be there for editors, is replaced.
func Define(schema []byte, name string, definition []byte) ([]byte, error) {
	var keywords, defs map[string]json.RawMessage
	if err := json.Unmarshal(schema, &keywords); err != nil {
		return nil, fmt.Errorf("define %s: %w", name, err)
	}
	if keywords["$defs"] != nil {
		if err := json.Unmarshal(keywords["$defs"], &defs); err != nil {
			return nil, fmt.Errorf("define %s: %w", name, err)
		}
	}
	if defs == nil {
		defs = map[string]json.RawMessage{}
	}
	defs[name] = definition
	inner, err := json.Marshal(defs)
	if err != nil {
		return nil, fmt.Errorf("define %s: %w", name, err)
	}
	keywords["$defs"] = inner
	flat, err := json.Marshal(keywords)
	if err != nil {
		return nil, fmt.Errorf("define %s: %w", name, err)
	}
	var text bytes.Buffer
	if err := json.Indent(&text, flat, "", "  "); err != nil {
		return nil, fmt.Errorf("define %s: %w", name, err)
	}
	text.WriteByte('\n')
	return text.Bytes(), nil
}

// MustDefine is Define for a schema that is part of the program: invalid JSON is a bug, which the first test shows.
func MustDefine(schema []byte, name string, definition []byte) []byte {
	text, err := Define(schema, name, definition)
	if err != nil {
		panic(err)
	}
	return text
}

// Kind returns the schema of the kind with a name, or nil.
func (s *Schema) Kind(name string) *Schema {
	for _, kind := range s.OneOf {
		if p := kind.Property(s.Discriminator.PropertyName); p != nil && slices.Contains(p.Enum, name) {
			return kind
		}
	}
	return nil
}

// Kinds returns the names of the kinds, in the order of the schema.
func (s *Schema) Kinds() []string {
	var names []string
	for _, kind := range s.OneOf {
		if p := kind.Property(s.Discriminator.PropertyName); p != nil {
			names = append(names, p.Enum...)
		}
	}
	return names
}

// wellChosen refuses kinds that cannot be told apart.
func (s *Schema) wellChosen() error {
	seen := map[string]bool{}
	for _, kind := range s.OneOf {
		p := kind.Property(s.Discriminator.PropertyName)
		if p == nil || len(p.Enum) == 0 {
			return fmt.Errorf("the kind %q has no enum for the key %q", kind.ID+kind.Title, s.Discriminator.PropertyName)
		}
		for _, name := range p.Enum {
			if seen[name] {
				return fmt.Errorf("two kinds are named %q", name)
			}
			seen[name] = true
		}
	}
	switch {
	case len(s.OneOf) == 0:
	case !s.Is("object"):
		return errors.New("oneOf is of objects: say so as the type")
	case len(s.Properties) > 0 || s.AdditionalProperties.Schema != nil:
		return errors.New("keys beside oneOf belong into each kind")
	}
	return nil
}

// choose checks a block by the schema of its kind.
func (c *Checker) choose(key string, s *Schema, block map[string]any) any {
	at := Join(key, s.Discriminator.PropertyName)
	switch given := block[s.Discriminator.PropertyName].(type) {
	case nil:
		c.Mistakef(at, "is missing: one of %s", strings.Join(s.Kinds(), ", "))
	case string:
		name, unset := expand(given, c.lookup)
		kind := s.Kind(name)
		switch {
		case len(unset) > 0:
			c.Mistakef(at, "refers to %s, which is not set in the environment", strings.Join(unset, ", "))
		case kind == nil:
			hint := ""
			if known := Nearest(name, s.Kinds()); known != "" {
				hint = fmt.Sprintf("; did you mean %q?", known)
			}
			c.Mistakef(at, "%s is not one of %s%s", show(given, name), strings.Join(s.Kinds(), ", "), hint)
		default:
			return c.object(key, kind, block)
		}
	default:
		c.Mistakef(at, "is not a string: write one of %s", strings.Join(s.Kinds(), ", "))
	}
	return nil
}
