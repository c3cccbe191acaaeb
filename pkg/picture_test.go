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

var update = flag.Bool("update", false, "draw the picture of the layers in DESIGN.md")

// Lines of DESIGN.md between which the picture stands.
const (
	begins = "<!-- The layers, drawn from the packages by make docs: -->\n"
	ends   = "<!-- to here. -->\n"
)

// TestDocumentation holds DESIGN.md's picture against the packages.
func TestDocumentation(t *testing.T) {
	const page = "../DESIGN.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begins)
	_, after, closed := strings.Cut(rest, ends)
	if !found || !closed {
		t.Fatalf("%s has no place for the layers, between %q and %q", page, begins, ends)
	}
	drawn := before + begins + picture(t) + ends + after
	switch {
	case drawn == string(text):
	case *update:
		if err := os.WriteFile(page, []byte(drawn), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s shows other layers than there are: run make docs", page)
	}
}

// picture has the layers from the top to the bottom, and of each package what it is.
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
				if within(name, p) {
					fmt.Fprintf(&b, "| %s | `%s` | %s |\n", number, strings.TrimPrefix(name, "pkg/"), what(t, name))
					number = ""
				}
			}
		}
	}
	b.WriteString("\n")
	return b.String()
}

// what is said of a package first: its documentation up to the end of a sentence, or to
// a colon.
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
	t.Errorf("%s does not say what it is: it needs the comment of a package", folder)
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
