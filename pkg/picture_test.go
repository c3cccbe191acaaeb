package layers_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw the layers in DESIGN.md and .golangci.yml")

// generated is a part of a file that is drawn from the layers, between two lines.
type generated struct {
	file, begins, ends string
	draw               func(t *testing.T) string
}

// TestDocumentation compares the drawn layers with the real ones.
func TestDocumentation(t *testing.T) {
	for _, g := range []generated{
		{"../DESIGN.md", "<!-- The layers, drawn from the packages by make docs: -->\n", "<!-- to here. -->\n", picture},
		{"../.golangci.yml", "        # The layers, drawn from pkg/layers_test.go by make docs:\n", "        # to here.\n", guard},
	} {
		text, err := os.ReadFile(g.file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, found := strings.Cut(string(text), g.begins)
		_, after, closed := strings.Cut(rest, g.ends)
		if !found || !closed {
			t.Fatalf("%s has no place for the layers, between %q and %q", g.file, g.begins, g.ends)
		}
		drawn := before + g.begins + g.draw(t) + g.ends + after
		switch {
		case drawn == string(text):
		case *update:
			if err := os.WriteFile(g.file, []byte(drawn), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s does not show the current layers: run make docs", g.file)
		}
	}
}

// picture has the layers from top to bottom, and what each package is.
func picture(t *testing.T) string {
	t.Helper()
	var folders []string
	for name := range readImports(t) {
		folders = append(folders, name)
	}
	slices.Sort(folders)
	var b strings.Builder
	b.WriteString("\n| layer | package | |\n|---|---|---|\n")
	for i, l := range slices.Backward(layers) {
		number := fmt.Sprint(i + 1)
		for _, p := range l {
			for _, name := range folders {
				if _, as, _ := layer(name); as == p {
					fmt.Fprintf(&b, "| %s | `%s` | %s |\n", number, strings.TrimPrefix(name, "pkg/"), what(t, name))
					number = ""
				}
			}
		}
	}
	b.WriteString("\n")
	return b.String()
}

// what is said about a package first: its documentation up to the end of a sentence or to a colon.
func what(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if text := said(f.Doc); text != "" {
			return text
		}
	}
	t.Errorf("%s does not say what it is: it needs a package comment", folder)
	return ""
}

func said(comment *ast.CommentGroup) string {
	text := new(doc.Package).Synopsis(comment.Text())
	text, _, _ = strings.Cut(text, ": ")
	words := strings.SplitN(text, " ", 3) // "Package", its name, the rest
	if len(words) < 3 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(words[2], "is "), ".")
}
