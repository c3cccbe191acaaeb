package sqldb

import (
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// mssqlDialect is the dialect of SQL Server.
type mssqlDialect struct{}

func (mssqlDialect) Open(c Config, _ bool) (*sql.DB, error) {
	q := url.Values{"database": {c.Database}, "encrypt": {"disable"}, "app name": {"mysql-sync-connector"}, "dial timeout": {strconv.Itoa(int(connectTime.Seconds()))}}
	if c.TLS || c.CA != "" {
		q.Set("encrypt", "true")
		q.Set("TrustServerCertificate", "false")
	}
	if c.CA != "" {
		q.Set("certificate", c.CA)
	}
	user := url.UserPassword(c.User, c.Password)
	if c.Domain != "" {
		user = url.UserPassword(c.Domain+`\`+c.User, c.Password)
	}
	address := url.URL{Scheme: "sqlserver", User: user, Host: c.Host, RawQuery: q.Encode()}
	if c.Instance != "" {
		address.Path = c.Instance // the server is asked for its port
	} else {
		address.Host = net.JoinHostPort(c.Host, strconv.Itoa(portOr(c.Port, 1433)))
	}
	connector, err := mssql.NewConnector(address.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (mssqlDialect) Quote(name string) string { return mssql.TSQLQuoter{}.ID(name) }

func (mssqlDialect) Placeholder(n int) string { return "@p" + strconv.Itoa(n) }

func (mssqlDialect) Reader(c *sql.ColumnType) Reader {
	switch c.DatabaseTypeName() {
	case "DECIMAL", "NUMERIC", "MONEY", "SMALLMONEY":
		return Reader{Value: func(v any) (any, error) {
			if b, ok := v.([]byte); ok {
				return string(b), nil
			}
			return v, nil
		}}
	case "UNIQUEIDENTIFIER":
		return Reader{Value: func(v any) (any, error) {
			if v == nil {
				return nil, nil
			}
			var id mssql.UniqueIdentifier
			if err := id.Scan(v); err != nil {
				return nil, fmt.Errorf("read a UNIQUEIDENTIFIER: %w", err)
			}
			return id.String(), nil
		}}
	case "DATE":
		return Reader{Value: func(v any) (any, error) {
			if t, ok := v.(time.Time); ok {
				return t.Format(time.DateOnly), nil
			}
			return v, nil
		}}
	case "TIME":
		return Reader{Value: func(v any) (any, error) {
			if t, ok := v.(time.Time); ok {
				return t.Format("15:04:05.999999999"), nil
			}
			return v, nil
		}}
	}
	return Reader{Value: func(v any) (any, error) { return v, nil }}
}
