package layers_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// mostFields is how many fields a type may have: one with more holds several ideas, which deserve a type each.
const mostFields = 15

// documents are the types that mirror a document, field by field. Each is filled in one place and only read elsewhere.
var documents = map[string]string{
	"pkg/config.Config": "the configuration file, after Load",
	"pkg/config.file":   "the configuration file, as it is written",
	"pkg/status.State":  "the answer of GET /api/status",
}

func TestTypesHaveFewFields(t *testing.T) {
	found := map[string]bool{}
	for _, root := range []string{"../pkg", "../cmd"} {
		err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder := strings.TrimPrefix(path.Dir(filepath.ToSlash(name)), "../")
			ast.Inspect(f, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if s, ok := spec.Type.(*ast.StructType); ok && s.Fields.NumFields() > mostFields {
						found[folder+"."+spec.Name.Name] = true
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name := range found {
		if documents[name] == "" {
			t.Errorf("%s has more than %d fields: group those that belong together in their own type", name, mostFields)
		}
	}
	for name := range documents {
		if !found[name] {
			t.Errorf("%s has no more than %d fields: remove it from this test", name, mostFields)
		}
	}
}
