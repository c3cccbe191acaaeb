package config

import (
	"bytes"
	_ "embed" // schema.json is embedded.
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (draft 2020-12) of the configuration file,
// with descriptions, defaults and examples, for editors to complete from.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// node is one schema within the schema file. It has exactly the keywords that
// the checker honours, so the file cannot promise what Load does not keep.
type node struct {
	Schema      string           `json:"$schema"`
	ID          string           `json:"$id"`
	Ref         string           `json:"$ref"`
	Defs        map[string]*node `json:"$defs"`
	Title       string           `json:"title"` // of a definition: a noun for messages
	Description string           `json:"description"`
	Type        types            `json:"type"`
	Default     any              `json:"default"`
	Examples    []any            `json:"examples"`
	Deprecated  bool             `json:"deprecated"` // accepted and ignored
	WriteOnly   bool             `json:"writeOnly"`  // a secret

	Properties           properties `json:"properties"`
	Required             []string   `json:"required"`
	AdditionalProperties additional `json:"additionalProperties"`
	Items                *node      `json:"items"`
	UniqueItems          bool       `json:"uniqueItems"`
	Enum                 []string   `json:"enum"`
	Pattern              string     `json:"pattern"`
	MinLength            int        `json:"minLength"`
	MaxLength            int        `json:"maxLength"`
	Minimum              *float64   `json:"minimum"`
	Maximum              *float64   `json:"maximum"`
}

// types is the keyword type: one name or a list of them.
type types []string

// UnmarshalJSON takes either form of the keyword.
func (t *types) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		*t = make(types, 1)
		return json.Unmarshal(b, &(*t)[0])
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// additional is the keyword additionalProperties: false, or the schema of keys
// that bear the names of tables.
type additional struct{ node *node }

// UnmarshalJSON takes either form of the keyword.
func (a *additional) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("false")) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(&a.node)
}

// property is a key of an object and its schema.
type property struct {
	name string
	node *node
}

// properties keeps the order of the file, which is the order of the documentation.
type properties []property

// UnmarshalJSON reads the object key by key.
func (p *properties) UnmarshalJSON(b []byte) error {
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
		n := new(node)
		if err := d.Decode(n); err != nil {
			return fmt.Errorf("decode %v: %w", name, err)
		}
		*p = append(*p, property{fmt.Sprint(name), n})
	}
	return nil
}

// is reports whether the node takes values of the JSON type name.
func (n *node) is(name string) bool { return slices.Contains(n.Type, name) }

// property returns the schema of the key name, or nil.
func (n *node) property(name string) *node {
	for _, p := range n.Properties {
		if p.name == name {
			return p.node
		}
	}
	return nil
}

// root is the schema, parsed once. A schema that does not parse is a bug, which
// the first test shows.
var root = sync.OnceValue(func() *node {
	d := json.NewDecoder(bytes.NewReader(schemaJSON))
	d.DisallowUnknownFields()
	n := new(node)
	if err := d.Decode(n); err != nil {
		panic("parse schema.json: " + err.Error())
	}
	n.resolve(n.Defs)
	return n
})

// resolve puts definitions in the place of references. What stands beside a
// reference (the description, the default, the examples) wins.
func (n *node) resolve(defs map[string]*node) {
	if n.Ref != "" {
		own := *n
		*n = *defs[strings.TrimPrefix(n.Ref, "#/$defs/")]
		if own.Description != "" {
			n.Description = own.Description
		}
		if own.Default != nil {
			n.Default = own.Default
		}
		if own.Examples != nil {
			n.Examples = own.Examples
		}
	}
	for _, p := range n.Properties {
		p.node.resolve(defs)
	}
	if n.AdditionalProperties.node != nil {
		n.AdditionalProperties.node.resolve(defs)
	}
	if n.Items != nil {
		n.Items.resolve(defs)
	}
}
