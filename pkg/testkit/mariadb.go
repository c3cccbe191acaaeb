package testkit

import "slices"

// MariaDB starts a MariaDB server with a data directory of its own. The options are further flags of mariadbd. The test
// fails when MariaDB is not installed; scripts/install-deps.sh installs it.
func MariaDB(tb TB, options ...string) *Database {
	tb.Helper()
	server, err := find("mariadbd")
	if err != nil {
		tb.Fatalf("find MariaDB: %v; scripts/install-deps.sh installs it", err)
	}
	installer, err := find("mariadb-install-db")
	if err != nil {
		tb.Fatalf("find MariaDB: %v; scripts/install-deps.sh installs it", err)
	}
	const logSize = "--innodb-log-file-size=16M" // The first start would otherwise make it anew.
	return launch(tb, program{
		flavour: FlavourMariaDB,
		path:    server,
		flags: slices.Concat([]string{"--innodb-buffer-pool-size=64M",
			"--innodb-flush-log-at-trx-commit=2", logSize}, account()),
		// With --force a machine that cannot look up its own name will do.
		initialize: slices.Concat([]string{installer, "--no-defaults", "--force", "--auth-root-authentication-method=normal",
			"--skip-test-db", logSize}, account()),
	}, options)
}
