package foreign

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// reader reads a YAML file of flat keys, and collects its errors. If text is expected, a value is read as the text that
// it is, such as a password of digits. No value of the file is part of a message, unless it is one of a few known
// words.
type reader struct {
	file     string
	doc      yaml.Node
	mistakes keys.Mistakes
}

func newReader(file string, content []byte) *reader {
	r := &reader{file: file}
	d := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))))
	err := d.Decode(&r.doc)
	if err == nil {
		if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
			r.mistakes = keys.Mistakes{{Key: file, Text: "has a second document, which would be ignored; remove it"}}
		}
	} else if !errors.Is(err, io.EOF) {
		r.mistakes = keys.Mistakes{{Key: file, Text: quoted.ReplaceAllString(err.Error(), "…")}}
	}
	return r
}

// quoted is what the parser repeats from a file.
var quoted = regexp.MustCompile("`[^`]*`|'[^']*'|\"[^\"]*\"")

// mistake records what is wrong with a key, and its position.
func (r *reader) mistake(key, format string, args ...any) {
	m := keys.Mistake{Key: key, Text: fmt.Sprintf(format, args...), File: r.file}
	for k := range r.keys() {
		if k.Value == key {
			m.Line, m.Column = k.Line, k.Column
		}
	}
	r.mistakes = append(r.mistakes, m)
}

// oneOf records a value that is not among the known ones; none is right.
func (r *reader) oneOf(key, value string, known ...string) {
	if value != "" && !slices.Contains(known, value) {
		r.mistake(key, "%q is not one of %s", value, strings.Join(known, ", "))
	}
}

// sorted returns the mistakes in the order of the file.
func (r *reader) sorted() keys.Mistakes {
	slices.SortStableFunc(r.mistakes, func(a, b keys.Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	return r.mistakes
}

// keys are the file's, with their values.
func (r *reader) keys() func(func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if len(r.doc.Content) == 0 {
			return
		}
		content := r.doc.Content[0].Content
		for i := 0; i+1 < len(content) && yield(content[i], content[i+1]); i += 2 {
		}
	}
}

// decode fills in a struct, whose fields and those of its embedded structs have the
// keys as their tags yaml.
func (r *reader) decode(into any) {
	if len(r.mistakes) > 0 {
		return
	}
	if len(r.doc.Content) > 0 && r.doc.Content[0].Kind != yaml.MappingNode {
		r.mistakes = keys.Mistakes{{Key: r.file, Text: "must consist of keys and values"}}
		return
	}
	known := fields(reflect.TypeOf(into).Elem())
	names := slices.Sorted(maps.Keys(known))
	seen := map[string]bool{}
	for k, v := range r.keys() {
		f, ok := known[k.Value]
		switch {
		case seen[k.Value]:
			r.mistake(k.Value, "is there twice; remove one")
		case !ok:
			r.mistake(k.Value, "unknown key%s", keys.Suggest(k.Value, names))
		default:
			if wrong := misfit(v, f); wrong != "" {
				r.mistake(k.Value, "%s", wrong)
			} else {
				r.blocks(k.Value, v, f.Type)
			}
		}
		seen[k.Value] = true
	}
	if len(r.mistakes) > 0 || len(r.doc.Content) == 0 {
		return
	}
	if err := r.doc.Decode(into); err != nil {
		r.mistakes = keys.Mistakes{{Key: r.file, Text: quoted.ReplaceAllString(err.Error(), "…")}}
	}
}

// blocks checks the keys of the blocks that a value consists of: one, or a list.
func (r *reader) blocks(key string, v *yaml.Node, t reflect.Type) {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
		for i, item := range v.Content {
			r.block(fmt.Sprintf("%s[%d]", key, i), item, t.Elem())
		}
		return
	}
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		r.block(key, v, t.Elem())
	}
}

// block checks the keys of a block.
func (r *reader) block(key string, v *yaml.Node, t reflect.Type) {
	at := func(v *yaml.Node, key, format string, args ...any) {
		m := keys.Mistake{Key: key, Text: fmt.Sprintf(format, args...), File: r.file}
		m.Line, m.Column = v.Line, v.Column
		r.mistakes = append(r.mistakes, m)
	}
	if v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
		return
	}
	if v.Kind != yaml.MappingNode {
		at(v, key, "is not a block of keys")
		return
	}
	known := fields(t)
	seen := map[string]bool{}
	for i := 0; i+1 < len(v.Content); i += 2 {
		k := v.Content[i]
		name := keys.Join(key, k.Value)
		f, ok := known[k.Value]
		switch {
		case seen[k.Value]:
			at(k, name, "is there twice; remove one")
		case !ok:
			at(k, name, "unknown key%s", keys.Suggest(k.Value, slices.Sorted(maps.Keys(known))))
		default:
			if wrong := misfit(v.Content[i+1], f); wrong != "" {
				at(k, name, "%s", wrong)
			}
		}
		seen[k.Value] = true
	}
}

// misfit says why a value does not suit a field; "": it does. If a secret is expected, anything that YAML does not take
// for text is an error, since it may be part of a secret.
func misfit(v *yaml.Node, f reflect.StructField) string {
	isNull := v.Tag == "!!null"
	if f.Tag.Get("secret") != "" && (v.Anchor != "" || v.Kind != yaml.ScalarNode || isNull || !strings.HasPrefix(v.Tag, "!!")) {
		return "is not a text as it stands; put it in quotes"
	}
	switch t := f.Type; {
	case isNull:
		return ""
	case t.Kind() == reflect.Slice:
		if v.Kind == yaml.SequenceNode {
			return ""
		}
		return "is not a list"
	case t.Kind() == reflect.Map, t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		if v.Kind == yaml.MappingNode {
			return ""
		}
		return "is not a block of keys"
	case v.Kind != yaml.ScalarNode:
		return "is not a single value"
	case t.Kind() == reflect.Int && v.Tag != "!!int":
		return "is not a whole number"
	case (t.Kind() == reflect.Bool || t.Kind() == reflect.Pointer) && v.Tag != "!!bool":
		return "is not true or false"
	}
	return ""
}

// fields returns the fields of a struct by their keys.
func fields(t reflect.Type) map[string]reflect.StructField {
	list := map[string]reflect.StructField{}
	for f := range t.Fields() {
		if f.Anonymous {
			maps.Copy(list, fields(f.Type))
		} else {
			list[f.Tag.Get("yaml")] = f
		}
	}
	return list
}
