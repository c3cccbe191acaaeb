package testkit

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// MongoDB returns the address of a server with MongoDB's protocol, which all tests of the process
// share, each with its own database. It is FerretDB, embedded in the program of tools/ferretdb,
// which is built once into the cache.
//
// Where it is weaker than MongoDB: an unordered bulk stops at its first error, and _ids other than
// strings are slow. It has no replica sets, so no retryable writes.
func MongoDB(tb TB) string {
	tb.Helper()
	address, err := mongoServer()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return address
}

var mongoServer = sync.OnceValues(func() (string, error) {
	program, err := peer("ferretdb", ".", "ferretdb")
	if err != nil {
		return "", err
	}
	dir, err := makeFolder("")
	if err != nil {
		return "", err
	}
	process.Cleanup(func() { _ = os.RemoveAll(dir) })
	c, err := spawn("ferretdb", exec.Command(program, dir))
	if err != nil {
		return "", err
	}
	process.Cleanup(c.kill)
	address := ""
	err = c.await(func() error {
		for _, line := range c.output.all() {
			if said, ok := strings.CutPrefix(line, "address "); ok {
				address = said
				return nil
			}
		}
		return errors.New("it has not printed its address")
	})
	return address, err
})
