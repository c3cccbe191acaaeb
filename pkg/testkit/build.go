package testkit

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
)

var daemon, connector = once("mysql-sync"), once("mysql-sync-connector")

// once builds a program of this module in a folder that is removed with the process.
func once(program string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := makeFolder("")
		if err != nil {
			return "", err
		}
		process.Cleanup(func() { _ = os.RemoveAll(dir) })
		path := filepath.Join(dir, program)
		return path, copyOf(program, path)
	})
}

// copyOf builds a program in the module's folder bin and copies it. Many processes in turn need it, and go build does not
// link a file again that is up to date; but the next process may have other sources.
func copyOf(program, path string) (err error) {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	kept := filepath.Join(root, "bin", "programs", program)
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return err
	}
	unlock, err := lock(kept + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if err := build(program, kept); err != nil {
		return err
	}
	from, err := os.Open(kept)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if closed := to.Close(); err == nil {
		err = closed
	}
	return err
}

// build builds a program of this module, with further flags of go build. Its packages are compiled as for the tests that
// "make test" runs, so that they need not be compiled twice.
func build(program, path string, flags ...string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	args := append([]string{"build", "-o", path}, flags...)
	if os.Getenv("MYSQL_SYNC_TEST_RACE") == "1" {
		args = append(args, "-race")
	} else {
		args = append(args, "-ldflags", "-s -w")
	}
	build := exec.Command("go", append(args, "./cmd/"+program)...)
	build.Dir = root
	if !slices.Contains(args, "-race") { // The race detector needs cgo.
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, said)
	}
	return nil
}
