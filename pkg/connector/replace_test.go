package connector

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/api"
)

// A file is replaced atomically and keeps its mode; copies of its last states stay beside it; a file edited meanwhile stays.
func TestAFileIsReplacedAndItsCopiesAreNumbered(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c[1].yaml")
	if err := os.WriteFile(file, []byte("0"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{".x", ".01", ".-1", ".9999999999999999999999"} {
		if err := os.WriteFile(file+other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const times = 12
	for i := range times {
		kept, err := replace(file, fmt.Append(nil, i), fmt.Append(nil, i+1))
		if err != nil || kept != fmt.Sprintf("%s.%d", file, i+1) {
			t.Fatalf("%s, %v", kept, err)
		}
		for name, want := range map[string]int{kept: i, file: i + 1} {
			text, err := os.ReadFile(name)
			if err != nil || string(text) != fmt.Sprint(want) {
				t.Errorf("%s has %q, %v", name, text, err)
			}
			if info, err := os.Stat(name); err != nil || info.Mode() != 0o640 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
	}
	if _, err := replace(file, []byte("0"), []byte("x")); !errors.Is(err, api.ErrStale) {
		t.Errorf("a file that had changed was replaced: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1+4+copiesKept { // nor are temporary files left
		t.Errorf("%v, %v", entries, err)
	}
}

func TestUnreplaceableFilesAreDistinguishedFromFailures(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		&fs.PathError{Op: "open", Err: syscall.EROFS}: true, &os.LinkError{Op: "rename", Err: syscall.EBUSY}: true,
		&fs.PathError{Op: "open", Err: syscall.EACCES}: true, &fs.PathError{Op: "write", Err: syscall.ENOSPC}: false,
	} {
		if got := fixed(fmt.Errorf("save: %w", err)); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
	if fixed(nil) {
		t.Error("the replacement succeeded, want an error")
	}
	if why := readOnly(filepath.Join(t.TempDir(), "none", "c.yaml")); why == "" {
		t.Error("a missing folder counts as writable")
	}
}
