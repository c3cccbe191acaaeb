package schema

import (
	"context"
	"database/sql"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// oneSession is a session of the server that can be asked about its last statement.
type oneSession struct{ mysqldb.Tx }

// catalog asks the server's catalog. MariaDB leaves out what it cannot look at, as a session holds the table exclusively or someone
// interrupts the query, and only warns. In a session of its own, that is an error: a table that is hidden for a moment would look as if
// it had no key, or were gone.
func catalog(ctx context.Context, db mysqldb.Queryer, query string, args []any, f func(*sql.Rows) error) error {
	if err := mysqldb.Each(ctx, db, query, args, f); err != nil {
		return err
	}
	own, ok := db.(oneSession)
	if !ok {
		return nil
	}
	var hidden error
	err := mysqldb.Each(ctx, own, `SHOW WARNINGS`, nil, func(r *sql.Rows) error {
		var level, message string
		var number int
		err := r.Scan(&level, &number, &message)
		if told := mysqldb.Answer(number, message); mysqldb.Transient(told) {
			hidden = told
		}
		return err
	})
	if err != nil {
		return err
	}
	return hidden
}

// readAlone reads a definition in a session of its own, without waiting for the table if the server supports that.
func readAlone(ctx context.Context, db *mysqldb.DB, name string) (*Table, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close() // it goes back to its pool
	return Read(ctx, oneSession{db.AtOnce(conn)}, db.Name, name)
}
