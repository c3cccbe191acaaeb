package mysqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// OpenWire logs in, runs statements, and returns the connection for commands that the driver does not have, such as those
// of a replica. What is read and written is inside TLS. Close ends it.
func OpenWire(ctx context.Context, c config.MySQL, statements ...string) (net.Conn, error) {
	mc, err := driverConfig(c)
	if err != nil {
		return nil, err
	}
	mc.DBName = "" // a replica needs no right to it
	connector, err := mysql.NewConnector(mc)
	if err != nil {
		return nil, fmt.Errorf("mysqlConfig: %w", err)
	}
	conn, err := greet(ctx, connector, c.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	for _, q := range statements {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, q, nil); err != nil {
			_ = conn.Close() // the first error is the one to tell
			return nil, fmt.Errorf("set up session: %w", err)
		}
	}
	r := resettableOf(conn)
	if r == nil { // TestOpenWire would notice
		_ = conn.Close() // it is of no use
		return nil, errors.New("the driver does not give its connection")
	}
	if err := r.Conn.SetDeadline(time.Time{}); err != nil {
		_ = conn.Close() // the first error is the one to tell
		return nil, err
	}
	return r.Conn, nil
}
