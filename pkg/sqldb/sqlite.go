package sqldb

import (
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strconv"

	_ "modernc.org/sqlite"
) // the driver

// sqliteDialect is the dialect of SQLite.
type sqliteDialect struct{}

func (sqliteDialect) Open(c Config, write bool) (*sql.DB, error) {
	if c.Database == "" {
		return nil, errors.New("database: is missing; name the file")
	}
	path, err := filepath.Abs(c.Database)
	if err != nil {
		return nil, err
	}
	q := url.Values{"mode": {"rw"}, "_foreign_keys": {"on"}, "_busy_timeout": {strconv.FormatInt(connectTime.Milliseconds(), 10)}}
	if write {
		// A transaction that reads first, and then finds that another one has written, cannot wait for it.
		q.Set("_txlock", "immediate")
	} else {
		q.Set("mode", "ro")
		q.Set("_query_only", "on")
	}
	address := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return sql.Open("sqlite", address.String())
}

func (sqliteDialect) Quote(name string) string { return doubleQuoted(name) }

func (sqliteDialect) Placeholder(int) string { return "?" }

func (sqliteDialect) Reader(c *sql.ColumnType) Reader {
	if c.DatabaseTypeName() == "BOOLEAN" {
		return Reader{Value: func(v any) (any, error) {
			if n, ok := v.(int64); ok && (n == 0 || n == 1) {
				return n == 1, nil
			}
			return v, nil
		}}
	}
	return Reader{Value: func(v any) (any, error) { return v, nil }}
}
