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

// onlyVariable names the tests that Main runs: "brokers" are those in which the broker matters most; without it Main runs all.
const onlyVariable = "MYSQL_SYNC_TEST_ONLY"

// BrokerMatters says of the test that calls it that it is one of those in which the broker matters most, so that "make test-nats"
// and "make test-embedded" run it. Main finds the call in the test's source, since a test must be chosen before it runs; so it
// stands in the test's own body.
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

// declared are the tests of the package in the working folder, as go test has it, and whether the broker matters most in each.
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

// calls reports whether a function calls one of another package by name.
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

// choose has the package testing leave out all tests but those of a kind. The flags -run and -skip count besides.
func choose(kind string) error {
	if kind == "" {
		return nil
	}
	if kind != "brokers" {
		return fmt.Errorf("%s: %q is not brokers", onlyVariable, kind)
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
