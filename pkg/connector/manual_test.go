package connector

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// update rewrites the documentation, in "make docs".
var update = flag.Bool("update", false, "write the keys into docs/connector-configuration.md")

// withOwn is the kinds plus one that a user adapter adds.
func withOwn(t *testing.T) plan.Kinds {
	t.Helper()
	kinds, err := kindsWith(map[string]string{"custom": "adapters/custom.js"})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// manual returns the keys of a configuration as Markdown.
func manual(t *testing.T) string {
	t.Helper()
	kinds := withOwn(t)
	text, err := kinds.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	parse := func(text []byte) *keys.Schema {
		s, err := keys.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	b.WriteString(keys.Manual(parse(text)))
	common := func(key, heading, says string, text []byte) {
		s := parse(text)
		s.Description = says
		fmt.Fprintf(&b, "## %s\n%s\n", heading, keys.ManualOf(key, s))
	}
	common("jobs.NAME.from", "from", "What all sources have; below, what each adds.", plan.FromSchema)
	common("jobs.NAME.to", "to", "What all destinations have; below, what each adds.", plan.ToSchema)
	for _, part := range []struct {
		heading, key, use string
		kinds             []plan.Kind
	}{{"Sources", "sources.NAME", "jobs.NAME.from", kinds.Sources}, {"Destinations", "destinations.NAME", "jobs.NAME.to", kinds.Destinations}} {
		fmt.Fprintf(&b, "## %s\n", part.heading)
		for _, kind := range part.kinds {
			s := parse(kind.Block)
			fmt.Fprintf(&b, "\n### %s\n", s.Title)
			b.WriteString(strings.Replace(keys.ManualOf(part.key, s), "\n###", "\n####", 1))
			if kind.Use == nil {
				continue
			}
			own := parse(kind.Use)
			own.Description = "In a job that names it:"
			b.WriteString(strings.Replace(keys.ManualOf(part.use, own), "\n###", "\n####", 1))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The documentation matches the schemas.
func TestDocumentation(t *testing.T) {
	const begin, end = "<!-- keys: from the schemas -->\n", "<!-- end of keys -->\n"
	page := filepath.Join("..", "..", "docs", "connector-configuration.md")
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the markers around the keys", page)
	}
	schema, err := Kinds().Schema()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		page: before + begin + manual(t) + end + after,
		filepath.Join("..", "..", "docs", "connector.schema.json"): string(schema),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s differs from the schemas (%v); run make docs", path, err)
		}
	}
}

// Each key of each kind has a description.
func TestD17EachKeyIsDescribed(t *testing.T) {
	kinds := withOwn(t)
	texts := [][]byte{plan.FromSchema, plan.ToSchema}
	for _, section := range kinds.Sections {
		texts = append(texts, section)
	}
	for _, kind := range append(kinds.Sources, kinds.Destinations...) {
		texts = append(texts, kind.Block)
		if kind.Use != nil {
			texts = append(texts, kind.Use)
		}
	}
	for _, text := range texts {
		s, err := keys.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Properties {
			if p.Schema.Description == "" {
				t.Errorf("%s %s has no description", s.Title, p.Name)
			}
		}
		named(t, s, s.Title)
	}
}

// named checks that each pattern has a title, which the message names when a value does not match.
func named(t *testing.T, s *keys.Schema, path string) {
	t.Helper()
	if s.Pattern != "" && s.Title == "" {
		t.Errorf("%s has a pattern but no title that names what it expects", path)
	}
	for _, p := range s.Properties {
		named(t, p.Schema, path+"."+p.Name)
	}
}
