// Package sqldb opens the databases that the connector reads and writes: MySQL and MariaDB,
// PostgreSQL, SQLite and SQL Server.
//
// With TLS a server's certificate is always verified. What is specific to reading and writing is left to the packages
// that do so.
package sqldb

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"
)

// Config is how to reach a database.
type Config struct {
	Driver   string `koanf:"-"` // mysql, postgres, sqlite or mssql
	Host     string `koanf:"host"`
	Port     int    `koanf:"port"` // 0: the driver's
	User     string `koanf:"user"`
	Password string `koanf:"password"`
	Database string `koanf:"database"` // for SQLite: the path of the file
	TLS      bool   `koanf:"tls"`
	CA       string `koanf:"ca"`       // path; "": the system's, or no TLS
	Domain   string `koanf:"domain"`   // for SQL Server
	Instance string `koanf:"instance"` // for SQL Server
}

// Dialect is what the databases do differently. Its methods may be called concurrently.
type Dialect interface {
	// Open returns a pool of sessions; it does not connect yet. Without write, nothing they do changes a database file;
	// for servers that is left to the transactions.
	Open(c Config, write bool) (*sql.DB, error)
	// Quote returns an identifier quoted for a statement.
	Quote(name string) string
	// Placeholder returns the placeholder of a statement's nth value, from 1.
	Placeholder(n int) string
	// Reader returns how a column's values become those of package record.
	Reader(*sql.ColumnType) Reader
}

var dialects = map[string]Dialect{"mysql": mysqlDialect{}, "postgres": postgresDialect{}, "sqlite": sqliteDialect{}, "mssql": mssqlDialect{}}

// DialectOf returns a driver's dialect.
func DialectOf(driver string) (Dialect, error) {
	d, ok := dialects[driver]
	if !ok {
		return nil, fmt.Errorf("unknown driver %q", driver)
	}
	return d, nil
}

// connectTime bounds how long connecting may take.
const connectTime = 15 * time.Second

// doubleQuoted returns an identifier quoted as in the SQL standard.
func doubleQuoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// tls returns the TLS configuration for a server; nil: no TLS.
func (c Config) tls() (*tls.Config, error) {
	if !c.TLS && c.CA == "" {
		return nil, nil
	}
	t := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		var err error
		if t.RootCAs, err = certificates(c.CA); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// certificates reads the certificates of a CA.
func certificates(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s contains no certificate", path)
	}
	return pool, nil
}

// portOr returns a port, or the usual one if it is 0.
func portOr(port, usual int) int {
	if port == 0 {
		return usual
	}
	return port
}
