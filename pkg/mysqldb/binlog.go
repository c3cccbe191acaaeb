package mysqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
)

// binlogFormat queries whether a session's writes are logged by statement. InnoDB
// refuses that at READ COMMITTED, which this package's sessions use (error 1665).
const binlogFormat = `SELECT @@GLOBAL.log_bin AND @@SESSION.binlog_format = 'STATEMENT'`

// logRows makes a session log rows instead of statements, if it is allowed to choose. If
// not, it can still read: see LogsStatements.
func logRows(ctx context.Context, conn driver.Conn) error {
	statements, err := ask(ctx, conn, binlogFormat)
	if err == nil && statements == "1" {
		_, err = conn.(driver.ExecerContext).ExecContext(ctx, `SET SESSION binlog_format = 'ROW'`, nil)
	}
	if n := Number(err); n == accessDenied || n == unknownVariable { // a server without it logs rows
		return nil
	}
	return err
}

// ask queries a session for one value.
func ask(ctx context.Context, conn driver.Conn, query string) (answer string, err error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	values := make([]driver.Value, len(rows.Columns()))
	for err == nil { // to the end, or the connection is not free
		if err = rows.Next(values); err == nil {
			answer = text(values[0])
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return answer, errors.Join(err, rows.Close())
}

// text returns a value from the driver as the server would show it.
func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// LogsStatements reports whether the server would refuse writes by the sessions of db,
// because it logs statements and the login may not choose to log rows.
func (db *DB) LogsStatements(ctx context.Context) (is bool, err error) {
	err = db.GetContext(ctx, &is, binlogFormat)
	if Number(err) == unknownVariable {
		return false, nil
	}
	return is, err
}

// MayLogRows returns the privilege that lets a login choose how its sessions log.
func (db *DB) MayLogRows() string {
	switch {
	case db.MariaDB:
		return "BINLOG ADMIN"
	case strings.HasPrefix(db.Version, "5."):
		return "SUPER"
	}
	return "SESSION_VARIABLES_ADMIN"
}
