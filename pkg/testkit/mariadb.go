package testkit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// MariaDB starts a MariaDB server with its own data directory: the one that MYSQL_SYNC_TEST_SERVER
// names, if that is MariaDB, else the machine's. The options are further flags of mariadbd. The
// test fails when it is not installed.
func MariaDB(tb TB, options ...string) *Database {
	tb.Helper()
	p, installer, err := findMariaDB()
	if err != nil {
		tb.Fatalf("find MariaDB: %v", err)
	}
	const logSize = "--innodb-log-file-size=16M" // Otherwise the first start would create it again.
	// With --force it works on a machine that cannot resolve its own name.
	p.initialize = slices.Concat([]string{installer, "--no-defaults", "--force", "--auth-root-authentication-method=normal",
		"--skip-test-db", logSize}, p.flags, account())
	p.flags = slices.Concat([]string{"--innodb-buffer-pool-size=64M",
		"--innodb-flush-log-at-trx-commit=2", logSize}, p.flags, account())
	return launch(tb, p, options)
}

// findMariaDB finds the server and, inside its root, the program that makes a first data directory.
func findMariaDB() (p program, installer string, err error) {
	p.flavour = FlavourMariaDB
	root, err := installed(serverVariable, string(FlavourMariaDB))
	switch {
	case err != nil:
		return program{}, "", err
	case root == "":
		p.path, err = find("mariadbd")
		if err == nil {
			installer, err = find("mariadb-install-db")
		}
		if err != nil {
			return program{}, "", fmt.Errorf("%w; scripts/install-deps.sh installs it", err)
		}
		return p, installer, nil
	}
	if p.path = filepath.Join(root, "bin", "mariadbd"); exists(p.path) { // It is standalone, without a system around it.
		// Without the second it generates a certificate at each start, which takes seconds.
		p.flags = []string{"--basedir=" + root, "--skip-ssl"}
		return p, filepath.Join(root, "scripts", "mariadb-install-db"), nil
	}
	if os.Geteuid() != 0 {
		return program{}, "", errors.New("only root can start the one in " + root)
	}
	p.path, p.root = "/usr/sbin/mariadbd", root
	return p, "/usr/bin/mariadb-install-db", nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
