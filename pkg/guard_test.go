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
	for i, l := range layers {
		for _, p := range l {
			beside := slices.DeleteFunc(slices.Clone(l), func(other string) bool { return other == p })
			if from := append(beside, below...); len(from) > 0 && p != "cmd" { // which nobody can import
				files := fmt.Sprintf(`"**/{%s}/**"`, strings.Join(from, ","))
				for _, above := range slices.Concat(layers[i+1:]...) { // which may be in a folder of one of these
					if slices.ContainsFunc(from, func(f string) bool { return strings.HasPrefix(above, f+"/") }) {
						files += fmt.Sprintf(`, "!**/%s/**"`, above)
					}
				}
				rule(&b, module+p, "it lies above or beside: see Packages in DESIGN.md", files)
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
