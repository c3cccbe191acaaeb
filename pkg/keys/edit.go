package keys

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrByHand says that a file is written in a way that Edit would not keep.
var ErrByHand = errors.New("the file is written in a way that only an editor can change")

// Edit returns the text of a configuration with another block at a path of names; nil removes the block. The extension of
// file says what form it has. YAML keeps its comments, its order and its quotes, but no blank lines; JSON keeps its order;
// TOML keeps its keys alone. The error is ErrByHand if anything else in the file would change its meaning.
func Edit(file string, text []byte, at []string, block any) ([]byte, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	want, err := parser(file).Unmarshal(text)
	if err != nil || want == nil || yamlDocuments(file, text) > 1 {
		return nil, ErrByHand // an error may quote a secret
	}
	within := want
	for _, name := range at[:len(at)-1] {
		inner, ok := within[name].(map[string]any)
		if !ok && within[name] != nil {
			return nil, ErrByHand
		}
		if !ok {
			inner = map[string]any{}
			within[name] = inner
		}
		within = inner
	}
	last := at[len(at)-1]
	if within[last] = block; block == nil {
		delete(within, last)
	}
	var out []byte
	switch strings.ToLower(filepath.Ext(file)) {
	case ".toml":
		out, err = parser(file).Marshal(want)
	default:
		out, err = editNode(file, text, at, block)
	}
	if err != nil {
		return nil, fmt.Errorf("edit %s: %w", filepath.Base(file), err)
	}
	got, err := parser(file).Unmarshal(out)
	if err != nil || !Same(got, want) {
		return nil, ErrByHand
	}
	return out, nil
}

// Values returns what a text has, whose form the extension of file says. The error quotes nothing of it.
func Values(file string, text []byte) (map[string]any, error) {
	values, err := parser(file).Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: its syntax is wrong", filepath.Base(file))
	}
	return values, nil
}

// Find returns the place of a key in a text or, if it is missing, of the block that it belongs to.
func Find(file string, text []byte, key string) Place {
	at, _ := spots(file, text).find(key)
	return at
}

// Lines returns a function that returns the line of a key in a text; 0 if it is not there.
func Lines(file string, text []byte) func(key string) int {
	root := spots(file, text)
	return func(key string) int {
		at, left := root.find(key)
		if left > 0 || key == "" {
			return 0
		}
		return at.Line
	}
}

// Same reports whether two values are the same JSON.
func Same(a, b any) bool {
	left, err := stdjson.Marshal(a)
	right, failed := stdjson.Marshal(b)
	return err == nil && failed == nil && bytes.Equal(left, right)
}

// mostDeep is how deep a value may be nested that is to be edited: each level makes the paths to what is in it longer, and
// indents it further.
const mostDeep = 100

var errDeep = fmt.Errorf("is nested more than %d levels deep", mostDeep)

// FromJSON returns the value of a JSON text, with whole numbers as integers. It is an error if it is nested deeper than
// any configuration.
func FromJSON(text []byte) (any, error) {
	if deeper(text, mostDeep) {
		return nil, errDeep
	}
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v), nil
}

// deeper reports whether a JSON text is nested more than so many levels deep.
func deeper(text []byte, most int) bool {
	d := stdjson.NewDecoder(bytes.NewReader(text))
	for depth := 0; depth <= most; {
		switch token, err := d.Token(); {
		case err != nil:
			return false // its end, or a mistake that is found later
		case token == stdjson.Delim('{'), token == stdjson.Delim('['):
			depth++
		case token == stdjson.Delim('}'), token == stdjson.Delim(']'):
			depth--
		}
	}
	return true
}

// editNode is Edit for YAML, and for JSON, which is YAML too.
func editNode(file string, text []byte, at []string, block any) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil || len(document.Content) == 0 {
		return nil, ErrByHand
	}
	n := document.Content[0]
	for _, name := range at[:len(at)-1] {
		inner := child(n, name)
		if inner == nil || inner.Kind != yaml.MappingNode {
			if inner != nil && inner.Tag != "!!null" {
				return nil, ErrByHand // an alias: what it names would change elsewhere too
			}
			inner = set(n, name, map[string]any{})
		}
		n = inner
	}
	last := at[len(at)-1]
	if block == nil {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == last {
				n.Content = slices.Delete(n.Content, i, i+2)
				break
			}
		}
	} else {
		set(n, last, block)
	}
	var b bytes.Buffer
	switch strings.ToLower(filepath.Ext(file)) {
	case ".yaml", ".yml":
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		err := errors.Join(e.Encode(&document), e.Close())
		return b.Bytes(), err
	}
	if err := writeJSON(&b, document.Content[0]); err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	err := stdjson.Indent(&indented, b.Bytes(), "", "  ")
	indented.WriteByte('\n')
	return indented.Bytes(), err
}

// child returns the value of a key of a mapping, or nil.
func child(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// set gives a key of a mapping a value, and returns its node.
func set(n *yaml.Node, name string, v any) *yaml.Node {
	inner := child(n, name)
	if inner == nil {
		key := new(yaml.Node)
		key.SetString(name)
		inner = &yaml.Node{}
		if len(n.Content) == 0 {
			n.Style = 0 // {} becomes a block
		}
		n.Content = append(n.Content, key, inner)
	}
	become(inner, v)
	return inner
}

// become makes a node that of a value. What is the same stays as it is, with its comments and its quotes.
func become(n *yaml.Node, v any) {
	switch v := v.(type) {
	case map[string]any:
		if n.Kind != yaml.MappingNode {
			*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: n.HeadComment, LineComment: n.LineComment, FootComment: n.FootComment}
		}
		var kept []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if _, is := v[n.Content[i].Value]; is {
				kept = append(kept, n.Content[i], n.Content[i+1])
			}
		}
		n.Content = kept
		for _, name := range inOrder(v) {
			set(n, name, v[name])
		}
	case []any:
		if n.Kind != yaml.SequenceNode {
			*n = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", HeadComment: n.HeadComment, LineComment: n.LineComment, FootComment: n.FootComment}
		}
		n.Content = n.Content[:min(len(n.Content), len(v))]
		for i := range v {
			if i == len(n.Content) {
				n.Content = append(n.Content, &yaml.Node{})
			}
			become(n.Content[i], v[i])
		}
	default:
		var was any
		if n.Kind == yaml.ScalarNode && n.Decode(&was) == nil && Same(was, v) {
			return
		}
		fresh := new(yaml.Node)
		if fresh.Encode(v) != nil {
			return // Edit notices
		}
		fresh.HeadComment, fresh.LineComment, fresh.FootComment = n.HeadComment, n.LineComment, n.FootComment
		*n = *fresh
	}
}

// inOrder are the names of new keys as people write them: first what says what the rest is about.
func inOrder(block map[string]any) []string {
	first := []string{"type", "source", "destination", "from", "to"}
	names := slices.Sorted(maps.Keys(block))
	slices.SortStableFunc(names, func(a, b string) int {
		i, j := slices.Index(first, a), slices.Index(first, b)
		switch {
		case i < 0 && j < 0:
			return 0
		case i < 0:
			return 1
		case j < 0:
			return -1
		}
		return i - j
	})
	return names
}

// writeJSON writes a node as JSON, in its order.
func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeText(b, n.Content[i].Value); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := writeJSON(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, c); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		if n.ShortTag() == "!!str" {
			return writeText(b, n.Value)
		}
		b.WriteString(n.Value) // as in the file
	default:
		return ErrByHand
	}
	return nil
}

// writeText writes a string as JSON.
func writeText(b *bytes.Buffer, text string) error {
	e := stdjson.NewEncoder(b)
	e.SetEscapeHTML(false)
	return e.Encode(text)
}
