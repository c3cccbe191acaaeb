package keys

import "slices"

// Form is a schema as a page draws it, with the keys in the schema's order.
type Form struct {
	Name        string   `json:"name,omitempty"` // of the key
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"` // Markdown
	Type        []string `json:"type,omitempty"`        // none: any JSON
	Enum        []string `json:"enum,omitempty"`
	Default     any      `json:"default,omitempty"`
	Examples    []any    `json:"examples,omitempty"`
	Required    bool     `json:"required,omitempty"`
	Secret      bool     `json:"secret,omitempty"`
	Fields      []Form   `json:"fields,omitempty"` // of a block
	Others      *Form    `json:"others,omitempty"` // of a block: keys whose names the user chooses
	Items       *Form    `json:"items,omitempty"`  // of a list
	By          string   `json:"by,omitempty"`     // the key that tells kinds apart
	Kinds       []Form   `json:"kinds,omitempty"`  // whose key has an enum
}

// Form returns the schema for a page. Keys without an effect are left out.
func (s *Schema) Form() Form {
	f := Form{
		Title: s.Title, Description: s.Description, Type: s.Type, Enum: s.Enum, Default: s.Default, Examples: s.Examples,
		Secret: s.WriteOnly, By: s.Discriminator.PropertyName,
	}
	if s.WriteOnly {
		return f // it is drawn in one way
	}
	for _, p := range s.Properties {
		if p.Schema.Deprecated {
			continue
		}
		inner := p.Schema.Form()
		inner.Name, inner.Required = p.Name, slices.Contains(s.Required, p.Name)
		f.Fields = append(f.Fields, inner)
	}
	for _, kind := range s.OneOf {
		f.Kinds = append(f.Kinds, kind.Form())
	}
	if s.Items != nil {
		items := s.Items.Form()
		f.Items = &items
	}
	if s.AdditionalProperties.Schema != nil {
		others := s.AdditionalProperties.Schema.Form()
		f.Others = &others
	}
	return f
}
