package mysqldb

import (
	"context"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// ownSchemas are the server's own.
var ownSchemas = []string{"information_schema", "performance_schema", "mysql", "sys"}

// Databases returns the databases that the user may see, by name, without the server's own.
func (db *DB) Databases(ctx context.Context) ([]string, error) {
	var all []string
	if err := db.SelectContext(ctx, &all, `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME`); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(name string) bool { return slices.Contains(ownSchemas, strings.ToLower(name)) }), nil
}

// unknownDatabase are errors for a database that does not exist or that the user may not use: the servers tell users
// without access the same.
var unknownDatabase = []int{1044, 1049}

// meant returns the database, of those the user may see, that a misspelled name probably means, or "". It is called
// only once the server has refused the name.
func meant(ctx context.Context, err error, c config.MySQL) string {
	if !slices.Contains(unknownDatabase, Number(err)) {
		return ""
	}
	name := c.Database
	c.Database = ""
	db, err := pool(c, nil)
	if err != nil {
		return ""
	}
	defer db.Close()
	names, err := db.Databases(ctx)
	if err != nil {
		return ""
	}
	return keys.Nearest(name, names)
}
