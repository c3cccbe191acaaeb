package layers_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// guard has the layers as depguard rules, so that editors show at once what this package's tests
// find later.
func guard(*testing.T) string {
	var b strings.Builder
	var below []string
	for _, l := range layers {
		for _, p := range l {
			beside := slices.DeleteFunc(slices.Clone(l), func(other string) bool { return other == p })
			if from := append(beside, below...); len(from) > 0 && p != "cmd" { // which nobody can import
				rule(&b, module+p, "it lies above or beside: see Packages in DESIGN.md", fmt.Sprintf(`"**/{%s}/**"`, strings.Join(from, ",")))
			}
		}
		below = append(below, l...)
	}
	for _, library := range slices.Sorted(maps.Keys(owners)) {
		allowed := strings.Join(owners[library], ",")
		rule(&b, library, "it is left to "+strings.ReplaceAll(allowed, ",", " and "), fmt.Sprintf(`$all, "!**/{%s}/**"`, allowed))
	}
	return b.String()
}

// rule writes that files matching a pattern must not import that package.
func rule(b *strings.Builder, imported, why, files string) {
	name := strings.NewReplacer("/", "-", ".", "-").Replace(strings.TrimPrefix(imported, module))
	fmt.Fprintf(b, "        %s:\n          files: [%s, %q]\n          deny: [{pkg: %s, desc: %q}]\n", name, files, "!$test", imported, why)
}
