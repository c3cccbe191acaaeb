package keys_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// located checks a text against a schema that accepts anything, and returns where keys are, as
// line:column.
func located(t *testing.T, name, text string, paths ...string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := keys.New(keys.Source{Path: path, Name: name})
	given, err := c.Read(keys.MustParse([]byte(`{"type": "object", "additionalProperties": true}`)))
	if err != nil || given == nil {
		t.Fatalf("%v, %v", err, c.Mistakes())
	}
	var places []string
	for _, p := range paths {
		c.Mistakef(p, "is wrong")
	}
	for _, p := range paths {
		list := c.Mistakes()
		m := list[slices.IndexFunc(list, func(m keys.Mistake) bool { return m.Key == p })]
		places = append(places, fmt.Sprintf("%d:%d", m.Line, m.Column))
	}
	return places
}

func TestMistakesAreLocatedInTheFile(t *testing.T) {
	t.Parallel()
	for _, file := range []struct{ name, text string }{
		{"c.json", "{\n \"a\": 1,\n \"b\": {\n  \"c\": [\n   1,\n   {\"d\": \"x\\n\\\"{\", \"e\": true}\n  ], \"f.g\": null}\n}\n"},
		{"c.yml", "# A comment\na: 1\nb:\n  c:\n    - 1\n    - {d: x, e: true}\n  f.g:\n"},
		{"c.toml", "\na = 1\n[b]\nc = [\n  1,\n  {d = 'x', e = true}]\n'f.g' = 1\n"},
	} {
		want := map[string][]string{
			"c.json": {"2:2", "3:2", "4:3", "5:4", "6:4", "6:5", "6:20", "7:6", "4:3", "3:2", "0:0"},
			"c.yml":  {"2:1", "3:1", "4:3", "5:7", "6:7", "6:8", "6:14", "7:3", "4:3", "3:1", "0:0"},
			"c.toml": {"2:1", "3:2", "4:1", "5:3", "6:3", "6:4", "6:13", "7:1", "4:1", "3:2", "0:0"},
		}[file.name]
		got := located(t, file.name, file.text, "a", "b", "b.c", "b.c[0]", "b.c[1]", "b.c[1].d", "b.c[1].e", "b.f.g", "b.c[2]", "b.x", "x")
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", file.name, got, want)
		}
	}
}

func TestAliasesAndMergedKeysAreLocated(t *testing.T) {
	t.Parallel()
	got := located(t, "c.yaml", `base: &base
  host: h
  port: 1
other: &other {port: 2, user: u}
jobs:
  a: *base
  b:
    <<: [*base, *other]
    host: own
  c: {host: first, <<: *base}
`, "jobs.a", "jobs.a.host", "jobs.b.host", "jobs.b.port", "jobs.b.user", "jobs.c.host", "jobs.b.x")
	if want := []string{"6:3", "2:3", "9:5", "3:3", "4:25", "10:7", "7:3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTOMLTablesAreLocated(t *testing.T) {
	t.Parallel()
	got := located(t, "c.toml", `destinations.crm.type = "airtable"
[destinations."my lake"]
type = "mongodb"
[[broker.users]]
username = "a"
[[broker.users]]
username = "b"
[broker.users.rights]
read = true
[jobs.x.to]
`, "destinations.crm.type", "destinations.my lake.type", "broker.users[0].username", "broker.users[1].username", "broker.users[1].rights.read", "broker.users[1]", "jobs.x.to.y")
	if want := []string{"1:18", "3:1", "5:1", "7:1", "9:1", "6:10", "10:9"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Names may contain dots and brackets, and keys may be duplicated.
func TestNamesThatLookLikePaths(t *testing.T) {
	t.Parallel()
	got := located(t, "c.json", "{\"a.b\": {\n\"c\": 1},\n\"a\": {\n\"b\": {},\n\"b.c\": {\n\"d\": 1}},\n\"x[0]\": 1,\n\"x\": 1,\n\"x\": 2}",
		"a.b.c", "a.b.c.d", "x[0]", "x", "a.b.c.e")
	if want := []string{"5:1", "6:1", "7:1", "9:1", "5:1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A mistake in the environment is not a mistake in the file.
func TestMistakesInAVariableNameTheVariable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.yml")
	if err := os.WriteFile(path, []byte("a:\n  b: 1\n  c: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := keys.New(keys.Source{Path: path, Name: "conf/c.yml", Prefix: "TEST_", Environ: []string{"TEST_A__B=many", "TEST_D=1"}})
	s := keys.MustParse([]byte(`{"type": "object", "required": ["e"], "properties": {"e": {"type": "string", "description": "A thing. It is."},
		"a": {"type": "object", "properties": {"b": {"type": "integer"}, "c": {"type": "integer"}}}}}`))
	given, err := c.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	c.Check("", s, given)
	want := strings.Join([]string{
		`TEST_D: unknown key in the configuration; did you mean "e"?`,
		`TEST_A__B: a.b: "many" is not a number`,
		`conf/c.yml:3: a.c: "x" is not a number`,
		`conf/c.yml: e: is missing: a thing`,
	}, "\n")
	if got := c.Mistakes().Located(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
