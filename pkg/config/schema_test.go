package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// update regenerates the documentation, for "make docs".
var update = flag.Bool("update", false, "write docs/ from schema.json")

const docs = "../../docs"

// Each key of the schema has a field that it is read into, and vice versa.
func TestSchemaAndFieldsAgree(t *testing.T) {
	agree(t, "", root(), reflect.TypeFor[file]())
}

func agree(t *testing.T, key string, n *keys.Schema, target reflect.Type) {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(target) {
		if !f.Anonymous {
			fields[f.Tag.Get("koanf")] = f.Type
		}
	}
	for _, p := range n.Properties {
		at := keys.Join(key, p.Name)
		f, ok := fields[p.Name]
		delete(fields, p.Name)
		if p.Schema.Deprecated || p.Name == "$schema" {
			continue
		}
		if !ok {
			t.Errorf("%s has no field", at)
			continue
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		sub := p.Schema
		if sub.Items != nil && f.Kind() == reflect.Slice {
			sub, f = sub.Items, f.Elem()
		}
		if f.Kind() == reflect.Struct {
			agree(t, at, sub, f)
		}
	}
	for name := range fields {
		t.Errorf("%s is not in the schema", keys.Join(key, name))
	}
}

// The checker's assumptions about the schema hold.
func TestSchemaIsWhole(t *testing.T) {
	if !json.Valid(Schema()) {
		t.Fatal("the schema is not JSON")
	}
	walk("", root(), func(key string, n *keys.Schema) {
		switch {
		case n.Description == "" && !strings.HasSuffix(key, "[]"):
			t.Errorf("%s is not described", key)
		case n.Deprecated:
		case key == "lead{}.keys{}": // each value is checked by the schema of its own key
		case len(n.Type) == 0:
			t.Errorf("%s has no type", key)
		case n.Is("integer") && (n.Minimum == nil || n.Maximum == nil):
			t.Errorf("%s has no limits", key)
		case n.Pattern != "" && n.Title == "":
			t.Errorf("%s has a pattern without a title for messages", key)
		}
		if n.Pattern != "" {
			regexp.MustCompile(n.Pattern)
		}
		for _, name := range n.Required {
			if n.Property(name) == nil {
				t.Errorf("%s requires %s, which it does not have", key, name)
			}
		}
		examples := n.Examples
		if n.Default != nil {
			examples = append(slices.Clone(examples), n.Default)
		}
		for _, v := range examples {
			if n.WriteOnly || key == "" {
				continue // refer to files; a separate test loads those of docs/examples
			}
			if c := keys.New(keys.Source{}); c.Check(key, n, v) == nil || len(c.Mistakes()) > 0 {
				t.Errorf("%s: the example %v is refused: %v", key, v, c.Mistakes())
			}
		}
	})
}

// walk calls visit for each key.
func walk(key string, n *keys.Schema, visit func(string, *keys.Schema)) {
	visit(key, n)
	for _, p := range n.Properties {
		walk(keys.Join(key, p.Name), p.Schema, visit)
	}
	if n.AdditionalProperties.Schema != nil {
		walk(key+"{}", n.AdditionalProperties.Schema, visit)
	}
	if n.Items != nil {
		walk(key+"[]", n.Items, visit)
	}
}

// The documentation follows the schema.
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
		page: []byte(before + begin + keys.Manual(root()) + end + after),
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

// The documentation's examples are valid as written.
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
