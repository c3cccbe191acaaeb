package keys_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

const written = `# Of the shop.
sources:
  shop: # the old one
    type: mysql
    host: "db" # in the cellar
    port: 3306
  other: {type: sqlite, database: x.db}

# Where it goes.
destinations: {}
`

func TestAnEditKeepsTheRestOfTheFile(t *testing.T) {
	t.Parallel()
	block := map[string]any{"type": "mysql", "host": "db", "port": int64(3307), "tables": []any{"a", "b: c"}}
	for file, c := range map[string][2]string{
		"c.yaml": {written, `# Of the shop.
sources:
  shop: # the old one
    type: mysql
    host: "db" # in the cellar
    port: 3307
    tables:
      - a
      - 'b: c'
  other: {type: sqlite, database: x.db}
# Where it goes.
destinations: {}
`},
		"c.json": {
			`{"sources": {"z": {"x": 1.50, "é<": null}, "shop": {"type": "mysql", "host": "old"}}, "jobs": {}}`,
			`{"sources":{"z":{"x":1.50,"é<":null},"shop":{"type":"mysql","host":"db","port":3307,"tables":["a","b: c"]}},"jobs":{}}`,
		},
		"c.toml": {
			"[sources.other]\ntype = 'sqlite'\n",
			"[sources]\n[sources.other]\ntype = 'sqlite'\n\n[sources.shop]\nhost = 'db'\nport = 3307\ntables = ['a', 'b: c']\ntype = 'mysql'\n",
		},
	} {
		got, err := keys.Edit(file, []byte(c[0]), []string{"sources", "shop"}, block)
		shown := string(got)
		if strings.HasSuffix(file, ".json") {
			shown = strings.NewReplacer("\n", "", "  ", "", `": `, `":`).Replace(shown)
		}
		if err != nil || shown != c[1] {
			t.Errorf("%s: %v\n%s\nwant\n%s", file, err, shown, c[1])
		}
	}
}

func TestAnEditAddsAndRemoves(t *testing.T) {
	t.Parallel()
	got, err := keys.Edit("c.yaml", []byte(written), []string{"destinations", "crm"}, map[string]any{"base": "appX", "type": "airtable"})
	if err != nil || !strings.HasSuffix(string(got), "destinations:\n  crm:\n    type: airtable\n    base: appX\n") {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err = keys.Edit("c.yaml", got, []string{"sources", "other"}, nil); err != nil || strings.Contains(string(got), "sqlite") {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err = keys.Edit("c.yaml", []byte("jobs: {}\nsources:\n"), []string{"sources", "a"}, map[string]any{"type": "x"}); err != nil || string(got) != "jobs: {}\nsources:\n  a:\n    type: x\n" {
		t.Errorf("%v\n%s", err, got)
	}
}

// An edit that would change more than it should is left to a text editor.
func TestAnEditThatWouldChangeMoreIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"sources: &all\n  shop: {type: mysql}\ndestinations: *all\n",
		"x: &x {shop: {type: mysql}}\nsources: *x\n",
		"sources: text\n",
		"a: 1\n---\nb: 1\n",
		"sources: [s3cret\n",
		"",
	} {
		got, err := keys.Edit("c.yaml", []byte(text), []string{"sources", "shop"}, map[string]any{"type": "sqlite"})
		if !errors.Is(err, keys.ErrByHand) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v\n%s", text, err, got)
		}
	}
	if got, err := keys.Edit("c.json", []byte(`{"sources": {"shop": {}, "shop": {"type": "x"}}}`), []string{"sources", "shop"}, map[string]any{"type": "y"}); !errors.Is(err, keys.ErrByHand) {
		t.Errorf("a key given twice: %v\n%s", err, got)
	}
}

func FuzzEdit(f *testing.F) {
	f.Add(written, "shop", "v")
	f.Add("sources: &a {b: *a}", "b", "<<")
	f.Add(`{"sources": {"a": [1, {"b": 2e3}]}}`, "a", "\u2028")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		for _, file := range []string{"c.yaml", "c.json", "c.toml"} {
			out, err := keys.Edit(file, []byte(text), []string{"sources", name}, map[string]any{"k": value})
			if err != nil {
				continue
			}
			if again, err := keys.Edit(file, out, []string{"sources", name}, map[string]any{"k": value}); err != nil {
				t.Errorf("%s: %q became %q, which cannot be edited again: %v\n%s", file, text, out, err, again)
			}
		}
	})
}

func TestHiddenValuesAreRestored(t *testing.T) {
	t.Parallel()
	s := schema(t)
	was := map[string]any{"destinations": map[string]any{
		"a": map[string]any{"type": "airtable", "base": "appX", "token": "hunter2", "mergeOn": []any{"u@h", "b", "v@h"}},
		"d": map[string]any{"type": "mongo", "uri": "${URI}", "database": "x"},
		"e": map[string]any{"type": "airtable", "base": "https://u:pw@h?k=v"},
	}}
	restore := func(v any) (any, string) {
		var kept, lost []string
		got := s.Restore("", was, v, func(k string) { kept = append(kept, k) }, func(k string) { lost = append(lost, k) })
		return got, strings.Join(kept, " ") + " | " + strings.Join(lost, " ")
	}
	if got, said := restore(s.Redact(was)); !keys.Same(got, was) || !strings.Contains(said, "destinations.a.token") || !strings.HasSuffix(said, " | ") {
		t.Errorf("got %v, %s", got, said)
	}
	for shown, want := range map[string]string{
		`{"destinations": {"a": {"type": "airtable", "base": "appY", "token": "***"}}}`:    `{"destinations":{"a":{"base":"appY","token":"hunter2","type":"airtable"}}}destinations.a.token | `,
		`{"destinations": {"a": {"type": "airtable", "token": "new"}}}`:                    `{"destinations":{"a":{"token":"new","type":"airtable"}}} | `,
		`{"destinations": {"b": {"type": "airtable", "token": "***"}}}`:                    `{"destinations":{"b":{"token":"***","type":"airtable"}}} | destinations.b.token`,
		`{"destinations": {"d": {"type": "mongo", "uri": "***"}}}`:                         `{"destinations":{"d":{"type":"mongo","uri":"***"}}} | destinations.d.uri`,
		`{"destinations": {"a": {"type": "airtable", "token": "a***b"}}}`:                  `{"destinations":{"a":{"token":"a***b","type":"airtable"}}} | `,
		`{"destinations": {"e": {"type": "airtable", "base": "https://u:xxxxx@h2?***"}}}`:  `{"destinations":{"e":{"base":"https://u:xxxxx@h2?***","type":"airtable"}}} | destinations.e.base`,
		`{"destinations": {"e": {"type": "airtable", "base": "https://u:xxxxx@h?***"}}}`:   `{"destinations":{"e":{"base":"https://u:pw@h?k=v","type":"airtable"}}}destinations.e.base | `,
		`{"destinations": {"a": {"type": "airtable", "token": {"file": "x"}, "zz": 2.0}}}`: `{"destinations":{"a":{"token":{"file":"x"},"type":"airtable","zz":2}}} | `,
	} {
		v, err := keys.FromJSON([]byte(shown))
		if err != nil {
			t.Fatal(err)
		}
		got, said := restore(v)
		if text := mustJSON(t, got) + said; text != want {
			t.Errorf("%s: got\n%s\nwant\n%s", shown, text, want)
		}
	}
}

// A form has what the schema says, and no secrets.
func TestAFormFollowsTheSchema(t *testing.T) {
	t.Parallel()
	f := schema(t).Form()
	kinds := f.Fields[0].Others
	if kinds.By != "type" || len(kinds.Kinds) != 2 {
		t.Fatalf("%+v", kinds)
	}
	var seen []string
	for _, k := range kinds.Kinds[0].Fields {
		if k.Required {
			k.Name += "!"
		}
		if k.Secret {
			k.Name += "?"
		}
		seen = append(seen, k.Name)
	}
	if got := strings.Join(seen, " "); got != "type! base! token? share mergeOn" {
		t.Error(got)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDeepNestingIsRefused(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte { return []byte(strings.Repeat(`{"a":[`, n) + `"{[{["` + strings.Repeat("]}", n)) }
	for n, fits := range map[int]bool{1: true, 50: true, 51: false, 100_000: false} {
		if v, err := keys.FromJSON(nested(n)); (err == nil) != fits || fits == (v == nil) {
			t.Errorf("%d levels: %v", 2*n, err)
		}
	}
	flat := []byte("[" + strings.Repeat(`{"a":[]},`, 1000) + "1]")
	if _, err := keys.FromJSON(flat); err != nil {
		t.Errorf("many lists: %v", err)
	}
}
