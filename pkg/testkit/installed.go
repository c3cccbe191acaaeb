package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The environment variables that name the database server and the broker of the tests: by their program alone those of
// the machine, such as mariadb, and as scripts/install-server.sh names them those that it has installed, such as
// mariadb-trixie.
const (
	serverVariable = "MYSQL_SYNC_TEST_SERVER"
	brokerVariable = "MYSQL_SYNC_TEST_BROKER"
)

// installed returns the folder into which scripts/install-server.sh has put the server that a variable names. It is empty
// if the variable names another program, or the machine's own.
func installed(variable, program string) (folder string, err error) {
	name := os.Getenv(variable)
	if !strings.HasPrefix(name, program+"-") {
		return "", nil
	}
	folder = filepath.Join(cacheFolder(), filepath.Base(name))
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("%w; scripts/install-server.sh installs it", err)
	}
	return folder, nil
}

// withItsLibraries returns what runs a program of another system, in the folder root, on the files of this one.
func withItsLibraries(root, program string) (run func(args ...string) *exec.Cmd, err error) {
	loaders, _ := filepath.Glob(filepath.Join(root, "lib*", "ld-linux*.so.*"))
	if len(loaders) == 0 {
		return nil, fmt.Errorf("there is no loader of programs in %s", root)
	}
	libraries, _ := filepath.Glob(filepath.Join(root, "usr", "lib", "*-linux-gnu*"))
	before := []string{"--library-path", strings.Join(libraries, ":"), filepath.Join(root, program)}
	return func(args ...string) *exec.Cmd { return exec.Command(loaders[0], slices.Concat(before, args)...) }, nil
}
