package transform

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.uber.org/zap"
	"golang.org/x/text/unicode/norm"
)

// golden reads pairs of an input and the npm package's output.
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

func TestNamesMatchToCamelCase(t *testing.T) {
	for _, pair := range golden(t, "to-camel-case.json") {
		if got := camelCase(pair[0]); got != pair[1] {
			t.Errorf("%q: got %q, want %q", pair[0], got, pair[1])
		}
	}
}

func TestStrcaseNamesAreTriedSecond(t *testing.T) {
	for table, want := range map[string][]string{
		"product_items":  {"productItems.js"},
		"order2item":     {"order2item.js", "order2Item.js"},
		"XMLData":        {"xMLData.js", "xmldata.js"},
		"___":            {"___.js"},
		"注文":             {"注文.js"},
		"Aufträge":       {"aufträge.js", "auftrGe.js", "auftrge.js"},
		"Auftra\u0308ge": {"aufträge.js", "auftraGe.js", "auftrage.js"}, // decomposed, as some systems write it
		"日本_items":       {"日本_items.js", "items.js", "Items.js"},
		"a.b":            {"aB.js"},
		"größe":          {"größe.js", "grE.js", "gre.js"},
		"$":              {"%24.js"},
		"..":             {"%2E%2E.js"},
	} {
		if got := fileNames(table); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", table, got, want)
		}
	}
}

func FuzzFileNameIsPlain(f *testing.F) {
	for _, seed := range []string{"../etc/passwd", "/a", "a\\b", "a\x00b", "größe", "C:", "~", "注文", "\u202e", "\u200b ", "İ", "ß"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, table string) {
		for _, name := range fileNames(table) {
			wrong := func(r rune) bool {
				return !unicode.IsPrint(r) || unicode.IsSpace(r) || r <= unicode.MaxASCII && !strings.ContainsRune("_-%", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			}
			stem, ok := strings.CutSuffix(name, ".js")
			if !ok || stem == "" && table != "" || strings.ContainsFunc(stem, wrong) || name != norm.NFC.String(name) {
				t.Errorf("%q gives %q", table, name)
			}
		}
	})
}

// Each of these has its own transformer: none takes the file that an earlier program
// had for it if that is another table's. Two with one file are reported.
func TestEachTableHasAFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"注文.js", "auftra\u0308ge.js", "aB.js", "items.js", "grE.js"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("module.exports = c => c.entity"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ts := New(zap.NewNop(), nil, nil, Config{Directory: dir})
	if err := ts.Load([]string{"注文", "Aufträge", "a.b", "a_b", "items", "日本_items", "größe", "nothing"}); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]string{"注文": "注文.js", "Aufträge": "aufträge.js", "a.b": "aB.js", "a_b": "aB.js", "items": "items.js", "日本_items": "", "größe": "grE.js", "nothing": ""} {
		if got := ts.File(table); got != want {
			t.Errorf("%s: got %q, want %q", table, got, want)
		}
	}
	if got := ts.Shared(); len(got) != 1 || !slices.Equal(got["aB.js"], []string{"a.b", "a_b"}) {
		t.Errorf("shared are %v", got)
	}
	if got := ts.Unused(); len(got) != 0 {
		t.Errorf("unused are %q", got)
	}
}
