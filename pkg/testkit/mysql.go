package testkit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// MySQL starts a MySQL server with its own data directory. The options are further flags of mysqld.
// It uses the mysqld on the PATH if that is not MariaDB's, else the one that
// scripts/install-server.sh put into the cache, which only root can start. The test fails if there
// is neither.
func MySQL(tb TB, options ...string) *Database {
	tb.Helper()
	path, root, err := findMySQL()
	if err != nil {
		tb.Fatalf("find MySQL: %v; scripts/install-server.sh installs it", err)
	}
	p := program{flavour: FlavourMySQL, path: path, root: root}
	p.flags = append(account(),
		"--skip-mysqlx", // Its port would be open to everybody.
		"--secure-file-priv=NULL",
		"--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2", "--innodb-redo-log-capacity=32M",
	)
	p.initialize = append([]string{path, "--no-defaults", "--initialize-insecure"}, p.flags...)
	return launch(tb, p, options)
}

// MySQLAvailable reports whether MySQL finds a server to start.
func MySQLAvailable() bool {
	_, _, err := findMySQL()
	return err == nil
}

func findMySQL() (path, root string, err error) {
	if path, err := find("mysqld"); err == nil {
		version, err := exec.Command(path, "--version").Output()
		if err == nil && !strings.Contains(string(version), "MariaDB") {
			return path, "", nil
		}
	}
	const server = "/usr/sbin/mysqld"
	root = filepath.Join(cacheFolder(), "mysql-sid")
	if _, err := os.Stat(filepath.Join(root, server)); err != nil {
		return "", "", err
	}
	if os.Geteuid() != 0 {
		return "", "", errors.New("only root can start the one in " + root)
	}
	return server, root, nil
}
