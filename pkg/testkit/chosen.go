package testkit

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// onlyVariable names the tests that Main runs, one of kinds; without it Main runs all.
const onlyVariable = "MYSQL_SYNC_TEST_ONLY"

// kinds are those of tests that can be chosen, each with the mark that decides, and whether its tests have it.
var kinds = map[string]struct {
	mark string
	has  bool
}{
	"brokers":  {"BrokerMatters", true},
	"alone":    {"Alone", true},
	"together": {"Alone", false},
}

// BrokerMatters marks the calling test as one in which the broker matters most, so that "make
// test-nats" and "make test-embedded" run it. Main finds the call in the test's source, since tests
// are chosen before they run; so it must be in the test's own body.
func BrokerMatters(tb TB) {
	tb.Helper()
	marked(tb, "BrokerMatters")
}

// Alone marks the calling test as one that looks at what a program takes: "make test-attacks" runs it, with nothing else
// running, instead of "make test". As for BrokerMatters, the call must be in the test's own body.
func Alone(tb TB) {
	tb.Helper()
	marked(tb, "Alone")
}

// marked fails tb unless Main can find the call of a mark.
func marked(tb TB, mark string) {
	tb.Helper()
	all, err := declared()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	if t, ok := tb.(interface{ Name() string }); ok {
		if name, _, _ := strings.Cut(t.Name(), "/"); !slices.Contains(all[name], mark) {
			tb.Fatalf("%s is not called in the body of %s itself: it would not be chosen", mark, name)
		}
	}
}

// declared returns the tests of the package in the working folder, which go test sets, each with its marks.
var declared = sync.OnceValues(func() (map[string][]string, error) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		return nil, err
	}
	tests := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("choose tests: %w", err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			tests[f.Name.Name] = nil
			for _, k := range kinds {
				if calls(f, k.mark) {
					tests[f.Name.Name] = append(tests[f.Name.Name], k.mark)
				}
			}
		}
	}
	return tests, nil
})

// calls reports whether a function calls the named function of another package.
func calls(f *ast.FuncDecl, name string) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if ok {
			s, ok := c.Fun.(*ast.SelectorExpr)
			found = found || ok && s.Sel.Name == name
		}
		return !found
	})
	return found
}

// choose makes package testing skip all tests but those of a kind. The flags -run and -skip still apply.
func choose(kind string) error {
	if kind == "" {
		return nil
	}
	k, ok := kinds[kind]
	if !ok {
		return fmt.Errorf("%s: unknown kind %q; expected %s", onlyVariable, kind, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	}
	all, err := declared()
	if err != nil {
		return err
	}
	var others []string
	for name, marks := range all {
		if slices.Contains(marks, k.mark) != k.has {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return nil
	}
	slices.Sort(others)
	skip := "^(" + strings.Join(others, "|") + ")$"
	flag.Parse()
	if given := flag.Lookup("test.skip").Value.String(); given != "" {
		skip = given + "|" + skip
	}
	return flag.Set("test.skip", skip)
}
