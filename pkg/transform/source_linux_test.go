package transform

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Reading a pipe that nobody writes to never ends.
func TestAPipeIsNoTransformer(t *testing.T) {
	t.Parallel()
	for _, link := range []bool{false, true} {
		dir := directory(t, map[string]string{"items.js": ""})
		name := filepath.Join(dir, "orders.js")
		if link {
			if err := os.Symlink("pipe", name); err != nil {
				t.Fatal(err)
			}
			name = filepath.Join(dir, "pipe")
		}
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loaded(dir, "orders")
		wantError(t, err, "read transformers of "+dir, "orders.js is not a file")
	}
}
