package mysqldb

import (
	"context"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// Unreached says why connecting to the server failed, and which key of the configuration to check; "" if the error
// says it all, or nothing is known.
func Unreached(err error, c config.MySQL) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown) && (c.TLS == nil || len(c.TLS.CA) == 0):
		return "the server's certificate is of an authority that this machine does not know: name the authority's file in mysqlConfig.ssl.ca"
	case errors.As(err, &unknown):
		return "the server's certificate is of another authority than that of mysqlConfig.ssl.ca"
	case errors.As(err, &name):
		return "the server's certificate is for other names than mysqlConfig.host, or for none, as those that MySQL makes itself: give the server one with its name"
	case errors.As(err, &invalid):
		return "the server's certificate is not valid"
	case errors.Is(err, mysql.ErrNoTLS):
		return "the server has no TLS: set it up there (ssl_cert, ssl_key), or remove mysqlConfig.ssl"
	case Number(err) == 3159 || strings.Contains(err.Error(), "insecure transport"):
		return "the server takes connections with TLS alone: set mysqlConfig.ssl"
	case errors.Is(err, errNoGreeting), errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrPktSync):
		return "whatever answers there does not behave like a MySQL or MariaDB server: check mysqlConfig.host and port"
	case c.SocketPath != "" && errors.Is(err, os.ErrNotExist):
		return "there is no such socket: the server does not run, or mysqlConfig.socketPath is another's"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: the server does not run, or mysqlConfig.host or port is another's"
	}
	return ""
}

// errNoGreeting says that a connection was accepted, but nothing was sent on it.
var errNoGreeting = errors.New("no greeting of a server within connectTimeout")

// unreached is the error of a failed connection.
func unreached(ctx context.Context, err error, c config.MySQL) error {
	if name := meant(ctx, err, c); name != "" && name != c.Database {
		return fmt.Errorf("connect to MySQL at %s: %w; did you mean the database %s?", address(c), err, name)
	}
	if why := Unreached(err, c); why != "" {
		return fmt.Errorf("connect to MySQL at %s: %s: %w", address(c), why, err)
	}
	return fmt.Errorf("connect to MySQL at %s: %w", address(c), err)
}

// greet connects, and gives the server so long to greet; 0 is as long as ctx. Another program's port may accept
// connections and never say anything.
func greet(ctx context.Context, c driver.Connector, limit time.Duration) (driver.Conn, error) {
	if limit <= 0 {
		return c.Connect(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := c.Connect(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w (%s)", errNoGreeting, limit)
	}
	return conn, err
}
