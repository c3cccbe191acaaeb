package sqldb

import (
	"database/sql"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mysqlDialect is the dialect of MySQL and MariaDB.
type mysqlDialect struct{}

// idleMost is how long the server waits for the next statement of a session that writes. The machine may be gone, and its locks would
// stay for eight hours.
const idleMost = time.Minute

func (mysqlDialect) Open(c Config, write bool) (*sql.DB, error) {
	m := mysql.NewConfig()
	m.Net, m.Addr = "tcp", net.JoinHostPort(c.Host, strconv.Itoa(portOr(c.Port, 3306)))
	if strings.HasPrefix(c.Host, "/") {
		m.Net, m.Addr = "unix", c.Host
	}
	m.User, m.Passwd, m.DBName = c.User, c.Password, c.Database
	m.Timeout = connectTime
	m.MaxAllowedPacket = 0 // the server's
	m.Collation = "utf8mb4_general_ci"
	m.InterpolateParams = true // use the text protocol, which has one form for all values
	m.Params = map[string]string{"time_zone": "'+00:00'"}
	if write {
		m.Params["wait_timeout"] = strconv.Itoa(int(idleMost.Seconds()))
	}
	var err error
	if m.TLS, err = c.tls(); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(m)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	if write {
		db.SetConnMaxIdleTime(idleMost / 2) // before the server ends it
	}
	return db, nil
}

func (mysqlDialect) Quote(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

func (mysqlDialect) Placeholder(int) string { return "?" }

// MySQLNumber returns the number of a MySQL server's error, 0 for any other error.
func MySQLNumber(err error) int {
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return int(e.Number)
	}
	return 0
}

func (mysqlDialect) Reader(c *sql.ColumnType) Reader {
	switch strings.TrimPrefix(c.DatabaseTypeName(), "UNSIGNED ") {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR":
		return Reader{Text: integer}
	case "DOUBLE", "FLOAT": // of which the server prints as many digits as 32 bits have
		return Reader{Text: func(s string) (any, error) { return strconv.ParseFloat(s, 64) }}
	case "DATETIME", "TIMESTAMP":
		return Reader{Text: func(s string) (any, error) { return moment(s), nil }}
	case "BIT", "BLOB", "BINARY", "VARBINARY", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "GEOMETRY", "VECTOR":
		return Reader{Text: func(s string) (any, error) { return []byte(s), nil }}
	}
	return Reader{Text: func(s string) (any, error) { return s, nil }} // texts, decimals, dates and times of day
}

// integer returns a whole number, or its text if it is larger than 64 bits.
func integer(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n, nil
	}
	return s, nil
}

// moment returns a DATETIME as a moment in UTC. An invalid date, such as 0000-00-00, stays text.
func moment(s string) any {
	if t, err := time.Parse("2006-01-02 15:04:05.999999", s); err == nil {
		return t
	}
	return s
}

// MySQLTooLarge reports whether a statement is larger than the server's max_allowed_packet.
func MySQLTooLarge(err error) bool {
	return errors.Is(err, mysql.ErrPktTooLarge) || MySQLNumber(err) == 1153
}
