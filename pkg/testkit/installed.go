package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The environment variables that name the tests' database server and broker: the machine's by
// program alone, such as mariadb, and those that scripts/install-server.sh installed by its names,
// such as mariadb-trixie.
const (
	serverVariable = "MYSQL_SYNC_TEST_SERVER"
	brokerVariable = "MYSQL_SYNC_TEST_BROKER"
)

// installed returns the folder into which scripts/install-server.sh put the server that a variable
// names. It is empty if the variable names another program or the machine's own.
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

// withItsLibraries returns the command that runs a program of another system, in the folder root, on this system's
// files.
func withItsLibraries(root, program string) (run func(args ...string) *exec.Cmd, err error) {
	loaders, _ := filepath.Glob(filepath.Join(root, "lib*", "ld-linux*.so.*"))
	if len(loaders) == 0 {
		return nil, fmt.Errorf("no dynamic loader in %s", root)
	}
	libraries, _ := filepath.Glob(filepath.Join(root, "usr", "lib", "*-linux-gnu*"))
	before := []string{"--library-path", strings.Join(libraries, ":"), filepath.Join(root, program)}
	return func(args ...string) *exec.Cmd { return exec.Command(loaders[0], slices.Concat(before, args)...) }, nil
}
