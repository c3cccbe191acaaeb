package mysqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// A session keeps the limits of the time when it began: SET GLOBAL max_allowed_packet is for later ones, and the driver asks for it once.
// So a session in which something was too large is not used again: what is tried later meets the limit of then. Promise 7.

// tooLarge are what servers say when a result, or a value on its way, is larger than max_allowed_packet.
var tooLarge = []uint16{1153, 1162, 1301}

// unknownError is the number of all errors without one of their own: MySQL's and MariaDB's of a long value of a prepared statement is one.
const unknownError = 1105

// TooLarge reports whether something was larger than the max_allowed_packet of the session in which it was tried.
func TooLarge(err error) bool {
	if errors.Is(err, mysql.ErrPktTooLarge) {
		return true
	}
	me, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && (slices.Contains(tooLarge, me.Number) || me.Number == unknownError && strings.Contains(me.Message, "max_allowed_packet"))
}

// boundConn is a connection that notices that it has a limit which may be another by now.
type boundConn struct {
	serverConn
	outgrown bool
}

func (c *boundConn) note(err error) {
	c.outgrown = c.outgrown || TooLarge(err)
}

// IsValid reports whether the pool may keep the connection.
func (c *boundConn) IsValid() bool { return !c.outgrown && c.serverConn.IsValid() }

// ExecContext runs a statement.
func (c *boundConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.serverConn.ExecContext(ctx, query, args)
	c.note(err)
	return result, err
}

// QueryContext runs a query.
func (c *boundConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.serverConn.QueryContext(ctx, query, args)
	c.note(err)
	return rows, err
}

// PrepareContext prepares a statement.
func (c *boundConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	prepared, err := c.serverConn.PrepareContext(ctx, query)
	c.note(err)
	if s, ok := prepared.(serverStmt); ok {
		return boundStmt{s, c}, err
	}
	return prepared, err
}

// serverStmt is what the driver's prepared statements can do.
type serverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
	driver.NamedValueChecker
}

// boundStmt is a statement of a boundConn.
type boundStmt struct {
	serverStmt
	conn *boundConn
}

// ExecContext runs it.
func (s boundStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	result, err := s.serverStmt.ExecContext(ctx, args)
	s.conn.note(err)
	return result, err
}

// QueryContext runs it as a query.
func (s boundStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.serverStmt.QueryContext(ctx, args)
	s.conn.note(err)
	return rows, err
}
