package transform

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"
)

// golden reads pairs of an input and the output of the npm package.
func golden(t *testing.T, name string) [][2]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var pairs [][2]string
	if err := json.Unmarshal(text, &pairs); err != nil {
		t.Fatal(err)
	}
	return pairs
}

func TestNamesAreThoseOfToCamelCase(t *testing.T) {
	for _, pair := range golden(t, "to-camel-case.json") {
		if got := camelCase(pair[0]); got != pair[1] {
			t.Errorf("%q: got %q, want %q", pair[0], got, pair[1])
		}
	}
}

func TestNameOfStrcaseComesSecondWhereItDiffers(t *testing.T) {
	for table, want := range map[string][]string{
		"product_items": {"productItems.js"},
		"order2item":    {"order2item.js", "order2Item.js"},
		"XMLData":       {"xMLData.js", "xmldata.js"},
		"___":           nil,
	} {
		if got := fileNames(table); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", table, got, want)
		}
	}
}

func FuzzFileNameIsPlain(f *testing.F) {
	for _, seed := range []string{"../etc/passwd", "/a", "a\\b", "a\x00b", "größe", "C:", "~"} {
		f.Add(seed)
	}
	plain := regexp.MustCompile(`^\w+\.js$`)
	f.Fuzz(func(t *testing.T, table string) {
		for _, name := range fileNames(table) {
			if !plain.MatchString(name) {
				t.Errorf("%q gives %q", table, name)
			}
		}
	})
}
