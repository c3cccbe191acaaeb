package keys

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Manual returns the keys of a schema as Markdown tables, one for each block.
func Manual(s *Schema) string {
	var m manual
	m.blocks("", s)
	m.WriteString("\n")
	return m.String()
}

// ManualOf is Manual for a block that stands at a key of a larger configuration.
func ManualOf(key string, s *Schema) string {
	var m manual
	m.blocks(key, s)
	return m.String()
}

// manual is written block by block.
type manual struct{ strings.Builder }

// blocks writes a block and those within it.
func (m *manual) blocks(key string, s *Schema) {
	title := "Top level"
	if key != "" {
		title = "`" + key + "`"
	}
	if len(s.Properties) > 0 {
		fmt.Fprintf(m, "\n### %s\n\n%s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", title, s.Description)
		m.keys(s)
	}
	for _, p := range s.Properties {
		m.within(Join(key, p.Name), p.Schema)
	}
}

// within writes the blocks that a key holds.
func (m *manual) within(key string, s *Schema) {
	named := s.AdditionalProperties.Schema
	switch {
	case s.WriteOnly || s.Deprecated:
	case s.Is("object") && len(s.Properties) > 0:
		m.blocks(key, s)
	case s.Items != nil && s.Items.Is("object"):
		m.blocks(key+"[]", s.Items)
	case named != nil && named.Is("object") && len(named.Properties) > 0:
		m.blocks(key+".NAME", named)
	}
}

// keys writes a row for each key of a block.
func (m *manual) keys(s *Schema) {
	var ignored []string
	for _, p := range s.Properties {
		if p.Schema.Deprecated {
			ignored = append(ignored, "`"+p.Name+"`")
			continue
		}
		fmt.Fprintf(m, "| `%s` | %s | %s | %s |\n", p.Name, kind(p.Schema), standard(s, p), meaning(p.Schema))
	}
	if len(ignored) > 0 {
		fmt.Fprintf(m, "\nAccepted with one warning, but without effect here: %s.\n", strings.Join(ignored, ", "))
	}
}

// kind names the type of a key.
func kind(s *Schema) string {
	switch {
	case s.WriteOnly:
		return "secret"
	case s.free():
		return "block"
	case s.Is("array") && s.Is("string") && s.Items.MinLength > 0 && s.Title == "":
		return "path or list of paths"
	case s.Is("array") && s.Is("string"):
		return "text or list"
	case s.Is("array"):
		return "list"
	case s.Is("object"):
		return "block"
	case s.Is("integer") && s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("number, %.0f to %.0f", *s.Minimum, *s.Maximum)
	case s.Is("integer") && s.Minimum != nil:
		return fmt.Sprintf("number from %.0f", *s.Minimum)
	}
	return s.Type[0]
}

// standard returns a key's default in its block.
func standard(block *Schema, p Property) string {
	switch {
	case slices.Contains(block.Required, p.Name):
		return "required"
	case p.Schema.Default == nil || p.Schema.Is("object"):
		return ""
	}
	text, _ := json.Marshal(p.Schema.Default)
	return "`" + string(text) + "`"
}

// meaning returns the description of a key with its values and examples.
func meaning(n *Schema) string {
	text := n.Description
	if len(n.Enum) > 0 {
		text += " One of `" + strings.Join(n.Enum, "`, `") + "`."
	}
	if len(n.Examples) > 0 && !n.WriteOnly {
		var examples []string
		for _, v := range n.Examples {
			example, _ := json.Marshal(v)
			examples = append(examples, "`"+string(example)+"`")
		}
		text += " Example: " + strings.Join(examples, " or ") + "."
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
