package mysqldb

import "github.com/mysql-sync/mysql-sync/pkg/config"

// Address returns the server's address, host and port or the path of a socket,
// without a login.
func Address(c config.MySQL) string { return address(c) }
