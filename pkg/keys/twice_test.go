package keys_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

func TestDuplicateKeysGetAWarning(t *testing.T) {
	t.Parallel()
	schema := keys.MustParse([]byte(`{"type": "object", "properties": {"a": {"type": "integer"}, "list": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "integer"}}}}}}`))
	for name, c := range map[string]struct{ text, want string }{
		"once.json":     {`{"a": 1, "list": [{"b": 1}, {"b": 1}]}`, ""},
		"twice.json":    {"{\"a\": 1,\n\"a\": 2}", "a: is given more than once; the last one counts (line 2)"},
		"within.json":   {`{"list": [{"b": 1, "b": 2}]}`, "list[0].b: is given more than once"},
		"one.yaml":      {"a: 1\n", ""},
		"several.yaml":  {"a: 1\n---\na: 2\n", "has several YAML documents; only the first one counts"},
		"separator.yml": {"---\na: 1\n", ""},
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		checker := keys.New(keys.Source{Path: file})
		given, err := checker.Read(schema)
		if err != nil || given == nil {
			t.Errorf("%s: %v, %v", name, checker.Mistakes(), err)
			continue
		}
		if got := strings.Join(checker.Warnings(), "; "); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// A key that YAML has twice does not hide the other mistakes, and each has its line.
func TestDuplicateKeysOfYAMLAreMistakes(t *testing.T) {
	t.Parallel()
	schema := keys.MustParse([]byte(`{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "object", "additionalProperties": false, "properties": {"b": {"type": "integer"}}}}}`))
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("a:\n  b: 1\n  b: 2\nc: 3\na: {b: x}\nlist:\n- {d: 1,\n   d: 2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	checker := keys.New(keys.Source{Path: file, Name: "c.yaml"})
	given, err := checker.Read(schema)
	if err != nil || given == nil {
		t.Fatalf("%v, %v, %v", given, checker.Mistakes(), err)
	}
	checker.Check("", schema, given)
	const want = `c.yaml:5: a: is also given in line 1; keep one of them
c.yaml:3: a.b: is also given in line 2; keep one of them
c.yaml:5: a.b: "x" is not a number
c.yaml:4: c: unknown key in the configuration; did you mean "a"?
c.yaml:6: list: unknown key in the configuration; remove it
c.yaml:8: list[0].d: is also given in line 7; keep one of them`
	if got := checker.Mistakes().Located(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPipesAreReadWithoutWaitingForAnEmptyOne(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := keys.ReadFile(fifo); err != nil || len(text) > 0 {
		t.Errorf("a pipe without a writer: %q, %v", text, err)
	}
	r, w, err := os.Pipe() // as a shell passes <(command)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	parts := slices.Repeat([]byte("x"), 100000)
	go func() {
		_, _ = w.Write(parts)
		_ = w.Close()
	}()
	text, err := keys.ReadFile(fmt.Sprintf("/proc/self/fd/%d", r.Fd()))
	if err != nil || len(text) != len(parts) {
		t.Errorf("%d bytes of a pipe, %v", len(text), err)
	}
}
