package connector

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// copiesKept is how many copies of earlier configurations stay.
const copiesKept = 10

// readOnly returns why a file cannot be replaced; "": it probably can.
func readOnly(path string) string {
	const write = 2 // W_OK of access(2)
	if err := syscall.Access(filepath.Dir(path), write); err != nil {
		return fmt.Sprintf("%s cannot be changed here: the connector may not write to its folder (%v).", path, err)
	}
	return ""
}

// fixed reports whether an error means that a file can never be replaced: it is on a read-only file system, or a mount
// point.
func fixed(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EBUSY) || errors.Is(err, fs.ErrPermission)
}

// replace replaces a file's text atomically, unless it no longer is the expected one. The file keeps
// its mode. It returns the path of a numbered copy of the old file.
func replace(path string, was, now []byte) (kept string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".connector-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(fresh.Name()) }() // no effect after the rename
	if err := fill(fresh, now, info); err != nil {
		return "", err
	}
	if current, err := keys.ReadFile(path); err != nil || !bytes.Equal(current, was) {
		return "", errors.Join(api.ErrStale, err)
	}
	if kept, err = keep(path, was, info); err != nil {
		return "", err
	}
	if err := os.Rename(fresh.Name(), path); err != nil {
		return "", errors.Join(err, os.Remove(kept))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return kept, err
	}
	return kept, errors.Join(folder.Sync(), folder.Close())
}

// keep writes a copy of a file under the next number, and removes the oldest copies.
func keep(path string, text []byte, info fs.FileInfo) (string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	var numbers []int
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 && strconv.Itoa(n) == digits {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	kept := fmt.Sprintf("%s.%d", path, next)
	f, err := os.OpenFile(kept, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	if err := fill(f, text, info); err != nil {
		return "", errors.Join(err, os.Remove(kept))
	}
	for _, n := range numbers[:max(0, len(numbers)+1-copiesKept)] {
		if err := os.Remove(fmt.Sprintf("%s.%d", path, n)); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// fill writes text to a new file, gives it the mode and, if possible, the owner of another, and closes it.
func fill(f *os.File, text []byte, like fs.FileInfo) error {
	if owner, ok := like.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(owner.Uid), int(owner.Gid)) // only root may give files away
	}
	_, err := f.Write(text)
	return errors.Join(err, f.Chmod(like.Mode().Perm()), f.Sync(), f.Close())
}
