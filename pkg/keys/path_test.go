package keys_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// A program may be started from any directory: its working directory says nothing about a configuration's files.
func TestRelativePathsStartAtTheFilesDirectory(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "c.json")
	if err := os.WriteFile(file, []byte(`{"ca": "certs/a.pem", "database": "/var/b.db", "files": ["c", "d"], "one": "e", "name": "f"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := keys.MustParse([]byte(`{"type": "object", "additionalProperties": false, "$defs": {
		"files": {"title": "files", "type": ["string", "array"], "format": "path", "items": {"type": "string", "format": "path"}}}, "properties": {
		"ca": {"type": "string", "format": "path"}, "database": {"type": "string", "format": "path"},
		"files": {"$ref": "#/$defs/files"}, "one": {"$ref": "#/$defs/files"}, "name": {"type": "string"}}}`))
	c := keys.New(keys.Source{Path: file, Name: "c.json"})
	given, err := c.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(folder, name) }
	want := map[string]any{"ca": at("certs/a.pem"), "database": "/var/b.db", "files": []any{at("c"), at("d")}, "one": []any{at("e")}, "name": "f"}
	if got := c.Check("", s, given); !reflect.DeepEqual(got, any(want)) {
		t.Errorf("got %v, want %v (%v)", got, want, c.Mistakes())
	}
}

func TestUncheckedFormatsAreErrors(t *testing.T) {
	if _, err := keys.Parse([]byte(`{"type": "string", "format": "email"}`)); err == nil {
		t.Error("the schema names a format that nothing checks")
	}
}
