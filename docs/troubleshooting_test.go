package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// messages are the strings in the code that users may see.
type messages struct {
	texts []string          // all string literals, with … for inserted values
	logs  map[string]string // of Warn and Error: where
}

var verb = regexp.MustCompile(`%[-+# 0-9.*\[\]]*[a-zA-Z]`)

// read gathers the messages of the daemon and its commands.
func readMessages(t *testing.T) messages {
	t.Helper()
	m := messages{logs: map[string]string{}}
	for _, dir := range []string{"pkg", "cmd/mysql-sync"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testkit" || d.Name() == "simulation"):
				return filepath.SkipDir
			case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit, *ast.BinaryExpr:
					if text, ok := constant(n); ok {
						m.texts = append(m.texts, verb.ReplaceAllString(text, "…"))
					}
				case *ast.CallExpr:
					s, ok := n.Fun.(*ast.SelectorExpr)
					if !ok || len(n.Args) == 0 {
						return true
					}
					said := n.Args[0]
					switch s.Sel.Name {
					case "Warn", "Error":
					case "Log": // with a level decided there
						said = n.Args[min(1, len(n.Args)-1)]
					default:
						return true
					}
					if text, ok := constant(said); ok {
						m.logs[text] = set.Position(n.Pos()).String()
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
	return m
}

// constant returns the text of a string literal, or of a sum of several.
func constant(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			text, err := strconv.Unquote(n.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		x, ok := constant(n.X)
		y, ok2 := constant(n.Y)
		return x + y, ok && ok2 && n.Op == token.ADD
	}
	return "", false
}

// title is a heading with messages, and the mark that follows if they are not the code's.
var title = regexp.MustCompile("(?m)^### (.*`.*)\n\n(<!-- from the server -->)?")

// Each message on the page occurs in the code, so that the page cannot rot; and each warning and
// error of the log has a heading, so that users find it.
func TestTroubleshootingMatchesTheCode(t *testing.T) {
	m := readMessages(t)
	headings := map[string]bool{}
	for _, h := range title.FindAllStringSubmatch(page(t, "troubleshooting.md"), -1) {
		for _, quoted := range code.FindAllString(h[1], -1) {
			message := strings.Trim(quoted, "`")
			headings[message] = true
			if h[2] == "" && !slices.ContainsFunc(m.texts, func(s string) bool { return holds(s, message) }) {
				t.Errorf("the code no longer has the message %q", message)
			}
		}
	}
	if len(headings) < 80 || len(m.logs) < 40 {
		t.Fatalf("found only %d headings and %d messages", len(headings), len(m.logs))
	}
	for text, at := range m.logs {
		if text = strings.TrimSpace(text); !headings[text] && !headings[text+" …"] {
			t.Errorf("docs/troubleshooting.md has no heading for %q (%s)", text, at)
		}
	}
}

// holds reports whether a string in the code has the parts of a heading, in order.
func holds(text, heading string) bool {
	for part := range strings.SplitSeq(heading, "…") {
		part = strings.TrimSpace(part)
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}
