package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Schema is a JSON Schema (draft 2020-12), or one within another. It has exactly the keywords that a Checker enforces,
// so that a schema cannot promise what is not checked. One without a type, {}, accepts any value as it is, unexpanded:
// another schema must check it.
type Schema struct {
	Reference
	Notes
	Type Types `json:"type"`
	Text
	Number
	List
	Block
	Choice
}

// Reference has the keywords by which schemas find each other.
type Reference struct {
	Draft string             `json:"$schema"`
	ID    string             `json:"$id"`
	Ref   string             `json:"$ref"`
	Defs  map[string]*Schema `json:"$defs"`
}

// Notes has the keywords that say what a value is for.
type Notes struct {
	Title       string `json:"title"` // of a definition: a noun for messages
	Description string `json:"description"`
	Default     any    `json:"default"`
	Examples    []any  `json:"examples"`
	Deprecated  bool   `json:"deprecated"` // accepted and ignored
	WriteOnly   bool   `json:"writeOnly"`  // a secret
}

// Text has the limits of strings.
type Text struct {
	Enum      []string `json:"enum"`
	Pattern   string   `json:"pattern"`
	MinLength int      `json:"minLength"`
	MaxLength int      `json:"maxLength"`
	Format    string   `json:"format"` // "path": of a file; a relative one starts at the configuration's folder
}

// Number has the limits of numbers; nil is none.
type Number struct {
	Minimum *float64 `json:"minimum"`
	Maximum *float64 `json:"maximum"`
}

// List has the limits of lists.
type List struct {
	Items       *Schema `json:"items"`
	UniqueItems bool    `json:"uniqueItems"`
	MinItems    int     `json:"minItems"`
	MaxItems    int     `json:"maxItems"` // 0 is any number
}

// Block has the keys of objects.
type Block struct {
	Properties           Properties `json:"properties"`
	Required             []string   `json:"required"`
	AdditionalProperties Additional `json:"additionalProperties"`
}

// Parse reads a schema. A keyword that a Checker does not enforce is an error.
func Parse(text []byte) (*Schema, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	s := new(Schema)
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	if err := s.resolve(nil); err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	return s, nil
}

// MustParse is Parse for a schema that is part of the program: one that does not parse
// is a bug, which the first test shows.
func MustParse(text []byte) *Schema {
	s, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return s
}

// free reports whether the schema does not constrain the value.
func (s *Schema) free() bool { return len(s.Type) == 0 && len(s.OneOf) == 0 }

// Is reports whether values of the JSON type name are accepted.
func (s *Schema) Is(name string) bool { return slices.Contains(s.Type, name) }

// Property returns the schema of the key name, or nil.
func (s *Schema) Property(name string) *Schema {
	for _, p := range s.Properties {
		if p.Name == name {
			return p.Schema
		}
	}
	return nil
}

// names returns the known keys.
func (s *Schema) names() []string {
	var names []string
	for _, p := range s.Properties {
		names = append(names, p.Name)
	}
	return names
}

// resolve replaces references with definitions. What stands beside a reference (the description, the default, the
// examples) wins. A schema with an $id has its own definitions.
func (s *Schema) resolve(defs map[string]*Schema) error {
	if s.Defs != nil {
		if defs != nil && s.ID == "" {
			return errors.New("a schema within another has $defs, but no $id to find them by")
		}
		defs = s.Defs
	}
	if s.Ref != "" {
		own := *s
		meant := defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
		switch {
		case meant == nil:
			return fmt.Errorf("$ref: %s is not there", s.Ref)
		case meant.Ref != "":
			return fmt.Errorf("$ref: %s is a reference itself", s.Ref)
		}
		*s = *meant
		if own.Description != "" {
			s.Description = own.Description
		}
		if own.Default != nil {
			s.Default = own.Default
		}
		if own.Examples != nil {
			s.Examples = own.Examples
		}
		if s.Defs != nil {
			defs = s.Defs
		}
	}
	for _, within := range s.parts() {
		if err := within.resolve(defs); err != nil {
			return err
		}
	}
	if s.Format != "" && s.Format != formatPath {
		return fmt.Errorf("format: %q is not checked", s.Format)
	}
	return s.wellChosen()
}

// parts returns the schemas within this one, without its definitions.
func (s *Schema) parts() []*Schema {
	parts := slices.Clone(s.OneOf)
	for _, p := range s.Properties {
		parts = append(parts, p.Schema)
	}
	for _, one := range []*Schema{s.AdditionalProperties.Schema, s.Items} {
		if one != nil {
			parts = append(parts, one)
		}
	}
	return parts
}

// Types is the keyword type: one name or a list of names.
type Types []string

// UnmarshalJSON takes either form of the keyword.
func (t *Types) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		*t = make(Types, 1)
		return json.Unmarshal(b, &(*t)[0])
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// Additional is the keyword additionalProperties: false, true, or the schema of keys whose names the user chooses, such
// as table names.
type Additional struct{ Schema *Schema }

// UnmarshalJSON takes either form of the keyword.
func (a *Additional) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "false":
		return nil
	case "true":
		a.Schema = new(Schema)
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(&a.Schema)
}

// Property is a key of a block and its schema.
type Property struct {
	Name   string
	Schema *Schema
}

// Properties keeps the order of the file, which is the order of the documentation.
type Properties []Property

// UnmarshalJSON reads the object key by key.
func (p *Properties) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		s := new(Schema)
		if err := d.Decode(s); err != nil {
			return fmt.Errorf("decode %v: %w", name, err)
		}
		*p = append(*p, Property{fmt.Sprint(name), s})
	}
	return nil
}
