package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFetchedFilesAreThoseListed(t *testing.T) {
	t.Parallel()
	const list = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  a.jar\n" // of hello
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"a.jar": "hello"}, ""},
		{map[string]string{"a.jar": "hullo"}, "a.jar is not the file"},
		{map[string]string{"a.jar": "hello", "b.jar": "hello"}, "b.jar is not the file"},
		{nil, "a.jar is missing"},
	} {
		dir, sumsFile := t.TempDir(), filepath.Join(t.TempDir(), "SHA256SUMS")
		files := map[string]string{sumsFile: list}
		for name, text := range c.files {
			files[filepath.Join(dir, name)] = text
		}
		for path, text := range files {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := sums(sumsFile, dir)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("with the files %v the error is %v, want %q", c.files, err, c.want)
		}
	}
}
