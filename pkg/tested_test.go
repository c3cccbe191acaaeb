package layers_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kinds are what packages are tested with, and what in their tests reveals it.
var kinds = []struct {
	name string
	sign *regexp.Regexp
}{
	{"nodes", regexp.MustCompile(`testkit\.(Node|Start|Command)\(`)},
	{"servers", regexp.MustCompile(`testkit\.(Server|Shared|Schema|OwnSchema|Mosquitto|AnyBroker|NATS)\b`)},
	{"a bubble of time", regexp.MustCompile(`synctest\.Test\(`)},
	{"fuzzing", regexp.MustCompile(`(?m)^func Fuzz`)},
	{"golden files", regexp.MustCompile(`testdata`)},
	{"values only", regexp.MustCompile(`(?m)^func Test`)},
}

// TestEachPackageIsTested prints, with -v, how large each package is, what it imports, and what it
// is tested with.
func TestEachPackageIsTested(t *testing.T) {
	imports := readImports(t)
	var b strings.Builder
	b.WriteString("\n| package | lines | of tests | imports | tested with |\n|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		var ours []string
		for _, imported := range imports[name] {
			if to, own := strings.CutPrefix(imported, module+"pkg/"); own && !slices.Contains(ours, to) {
				ours = append(ours, to)
			}
		}
		slices.Sort(ours)
		code, _ := linesOf(t, name, func(file string) bool { return !strings.HasSuffix(file, "_test.go") })
		tests, text := linesOf(t, name, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
		var with []string
		for _, k := range kinds {
			if k.sign.Match(text) && (k.name != "values only" || len(with) == 0) {
				with = append(with, k.name)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %d | %d | %s | %s |\n", strings.TrimPrefix(name, "pkg/"), code, tests, strings.Join(ours, ", "), strings.Join(with, ", "))
		if with == nil {
			t.Errorf("%s has no tests", name)
		}
	}
	t.Log(b.String())
}

// TestPackagesEndWhatTheirTestsShare, such as servers: see testkit.Main. Otherwise their folders stay behind.
func TestPackagesEndWhatTheirTestsShare(t *testing.T) {
	shares := regexp.MustCompile(`testkit\.(Shared|Logging|Schema|OwnSchema|Postgres|MongoDB|S3|Binary|Connector|Node|Command|Output|NewSite)\(`)
	for name := range readImports(t) {
		_, text := linesOf(t, name, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
		if shares.Match(text) && !bytes.Contains(text, []byte("testkit.Main(")) {
			t.Errorf("%s has no TestMain that calls testkit.Main", name)
		}
	}
}

// linesOf counts the lines of some of a package's files and returns their text.
func linesOf(t *testing.T, folder string, these func(file string) bool) (lines int, text []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !these(file) {
			continue
		}
		part, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, part...)
	}
	return bytes.Count(text, []byte("\n")), text
}
