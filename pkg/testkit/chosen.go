package testkit

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// onlyVariable names the tests that Main runs: "brokers" for those in which the broker matters most; without it Main
// runs all.
const onlyVariable = "MYSQL_SYNC_TEST_ONLY"

// BrokerMatters marks the calling test as one in which the broker matters most, so that "make
// test-nats" and "make test-embedded" run it. Main finds the call in the test's source, since tests
// are chosen before they run; so it must be in the test's own body.
func BrokerMatters(tb TB) {
	tb.Helper()
	all, err := declared()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	if t, ok := tb.(interface{ Name() string }); ok {
		if name, _, _ := strings.Cut(t.Name(), "/"); !all[name] {
			tb.Fatalf("BrokerMatters is not called in the body of %s itself: it would not be chosen", name)
		}
	}
}

// declared returns the tests of the package in the working folder, which go test sets, and whether the broker matters
// most in each.
var declared = sync.OnceValues(func() (map[string]bool, error) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		return nil, err
	}
	tests := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("choose tests: %w", err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = calls(f, "BrokerMatters")
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
	if kind != "brokers" {
		return fmt.Errorf("%s: unknown kind %q; expected brokers", onlyVariable, kind)
	}
	all, err := declared()
	if err != nil {
		return err
	}
	var others []string
	for name, matters := range all {
		if !matters {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	skip := "^(" + strings.Join(others, "|") + ")$"
	flag.Parse()
	if given := flag.Lookup("test.skip").Value.String(); given != "" {
		skip = given + "|" + skip
	}
	return flag.Set("test.skip", skip)
}
