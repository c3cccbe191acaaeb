package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// update writes the documentation anew, in "make docs".
var update = flag.Bool("update", false, "write docs/ from schema.json")

const docs = "../../docs"

// Each key of the schema has a field that it is read into, and the other way round.
func TestSchemaAndFieldsAgree(t *testing.T) {
	agree(t, "", root(), reflect.TypeFor[file]())
}

func agree(t *testing.T, key string, n *node, target reflect.Type) {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(target) {
		if !f.Anonymous {
			fields[f.Tag.Get("koanf")] = f.Type
		}
	}
	for _, p := range n.Properties {
		at := join(key, p.name)
		f, ok := fields[p.name]
		delete(fields, p.name)
		if p.node.Deprecated || p.name == "$schema" {
			continue
		}
		if !ok {
			t.Errorf("%s has no field", at)
			continue
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		sub := p.node
		if sub.Items != nil && f.Kind() == reflect.Slice {
			sub, f = sub.Items, f.Elem()
		}
		if f.Kind() == reflect.Struct {
			agree(t, at, sub, f)
		}
	}
	for name := range fields {
		t.Errorf("%s is not in the schema", join(key, name))
	}
}

// What the checker takes for granted about the schema holds.
func TestSchemaIsWhole(t *testing.T) {
	if !json.Valid(Schema()) {
		t.Fatal("the schema is not JSON")
	}
	walk("", root(), func(key string, n *node) {
		switch {
		case n.Description == "" && !strings.HasSuffix(key, "[]"):
			t.Errorf("%s is not described", key)
		case n.Deprecated:
		case len(n.Type) == 0:
			t.Errorf("%s has no type", key)
		case n.is("integer") && (n.Minimum == nil || n.Maximum == nil):
			t.Errorf("%s has no limits", key)
		case n.Pattern != "" && n.Title == "":
			t.Errorf("%s has a pattern without a title for messages", key)
		}
		if n.Pattern != "" {
			regexp.MustCompile(n.Pattern)
		}
		for _, name := range n.Required {
			if n.property(name) == nil {
				t.Errorf("%s requires %s, which it does not have", key, name)
			}
		}
		examples := n.Examples
		if n.Default != nil {
			examples = append(slices.Clone(examples), n.Default)
		}
		for _, v := range examples {
			if n.WriteOnly || key == "" {
				continue // refer to files; those of docs/examples are loaded in a test of their own
			}
			if c := (&checker{ignored: map[string][]string{}}); c.value(key, n, v) == nil || len(c.mistakes) > 0 {
				t.Errorf("%s: the example %v is refused: %v", key, v, c.mistakes)
			}
		}
	})
}

// walk calls visit for each key.
func walk(key string, n *node, visit func(string, *node)) {
	visit(key, n)
	for _, p := range n.Properties {
		walk(join(key, p.name), p.node, visit)
	}
	if n.AdditionalProperties.node != nil {
		walk(key+"{}", n.AdditionalProperties.node, visit)
	}
	if n.Items != nil {
		walk(key+"[]", n.Items, visit)
	}
}

// The documentation is what the schema says.
func TestDocumentation(t *testing.T) {
	const begin, end = "<!-- keys: from schema.json -->\n", "<!-- end of keys -->\n"
	page := filepath.Join(docs, "configuration.md")
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks around the keys", page)
	}
	for path, want := range map[string][]byte{
		page: []byte(before + begin + manual() + end + after),
		filepath.Join(docs, "configuration.schema.json"): Schema(),
	} {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from schema.json (%v); run go test ./pkg/config -run Documentation -update", path, err)
		}
	}
}

// manual returns the keys as Markdown tables, one for each block.
func manual() string {
	var text strings.Builder
	var blocks func(string, *node)
	blocks = func(key string, n *node) {
		title := "Top level"
		if key != "" {
			title = "`" + key + "`"
		}
		fmt.Fprintf(&text, "\n### %s\n\n%s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", title, n.Description)
		var ignored []string
		for _, p := range n.Properties {
			if p.node.Deprecated {
				ignored = append(ignored, "`"+p.name+"`")
				continue
			}
			fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", p.name, kind(p.node), standard(n, p), meaning(p.node))
		}
		if len(ignored) > 0 {
			fmt.Fprintf(&text, "\nAccepted with one warning, but without effect here: %s.\n", strings.Join(ignored, ", "))
		}
		for _, p := range n.Properties {
			switch {
			case p.node.WriteOnly || p.node.Deprecated:
			case p.node.is("object") && len(p.node.Properties) > 0:
				blocks(join(key, p.name), p.node)
			case p.node.Items != nil && p.node.Items.is("object"):
				blocks(join(key, p.name)+"[]", p.node.Items)
			}
		}
	}
	blocks("", root())
	text.WriteString("\n")
	return text.String()
}

// kind names the type of a key.
func kind(n *node) string {
	switch {
	case n.WriteOnly:
		return "secret"
	case n.is("array") && n.is("string"):
		return "path or list of paths"
	case n.is("array"):
		return "list"
	case n.is("object"):
		return "block"
	case n.is("integer"):
		return fmt.Sprintf("number, %.0f to %.0f", *n.Minimum, *n.Maximum)
	}
	return n.Type[0]
}

// standard returns the default of a key in its block.
func standard(block *node, p property) string {
	switch {
	case slices.Contains(block.Required, p.name):
		return "required"
	case p.node.Default == nil || p.node.is("object"):
		return ""
	}
	text, _ := json.Marshal(p.node.Default)
	return "`" + string(text) + "`"
}

// meaning returns the description of a key with its values and examples.
func meaning(n *node) string {
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

// The examples of the documentation are valid as they stand.
func TestDocumentedExamples(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(docs, "examples", "*"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("examples are missing: %q, %v", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			load(t, path, "MQTT_PASSWORD=x", "MYSQL_PASSWORD=y", "HAMBURG_PASSWORD=z", "SYNC_KEY="+strings.Repeat("QUJD", 10)+"QUI=")
		})
	}
}

func TestNearest(t *testing.T) {
	names := []string{"host", "hostname", "port", "password", "path"}
	for word, want := range map[string]string{
		"Host": "host", "pasword": "password", "hots": "host", "passwort": "password", "prot": "port", "": "", "zzzzzzzzz": "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
