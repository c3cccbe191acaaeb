package testkit

import (
	"context"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Schema returns a new schema of the shared server, connected to as a node does it, after running
// statements in it.
func Schema(tb TB, statements ...string) *mysqldb.DB {
	tb.Helper()
	server := Shared(tb)
	db := server.Connect(tb, server.Create(tb))
	Exec(tb, db, statements...)
	return db
}

// Connect returns connections to a schema like a node's, with session variables.
func (d *Database) Connect(tb TB, schema string, session ...config.Variable) *mysqldb.DB {
	tb.Helper()
	db, err := mysqldb.Open(context.Background(), zap.NewNop(), config.MySQL{Host: d.Host, Port: d.Port, User: d.User, Password: d.Password, Database: schema}, session...)
	if err != nil {
		tb.Fatalf("connect to schema %s: %v", schema, err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// OwnSchema returns a Schema that has the tables of mysql-sync too.
func OwnSchema(tb TB, statements ...string) *mysqldb.DB {
	tb.Helper()
	db := Schema(tb)
	if err := schema.Migrate(context.Background(), zap.NewNop(), db); err != nil {
		tb.Fatalf("make the tables of mysql-sync: %v", err)
	}
	Exec(tb, db, statements...)
	return db
}

// Exec runs statements.
func Exec(tb TB, db mysqldb.Execer, statements ...string) {
	tb.Helper()
	for _, q := range statements {
		if _, err := db.ExecContext(context.Background(), q); err != nil {
			tb.Fatalf("%v\n%s", err, q)
		}
	}
}
