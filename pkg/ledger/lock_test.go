package ledger

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A child between fork and exec holds copies of all open files, as one did when a ledger was closed and reopened.
func TestALockEndsThoughACopyOfItsFileIsOpen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	held, err := lock(file)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(held.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	inherited := os.NewFile(uintptr(fd), "copy")
	defer inherited.Close()
	if err := unlock(held); err != nil {
		t.Fatal(err)
	}
	again, err := lock(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(again); err != nil {
		t.Error(err)
	}
}
