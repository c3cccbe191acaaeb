package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Fingerprints describes columns, indexes and users' triggers as they are now: a definition is outdated when its
// table's fingerprint has changed. A table that does not exist is missing from the result. It costs three queries of
// the server's catalog, whatever the number of tables.
//
// MariaDB's catalog omits, without an error, a table that a session holds exclusively, as a RENAME that waits for
// another table does: that is ErrHeld, or the table and its foreign keys and triggers would look as if they were gone.
func Fingerprints(ctx context.Context, db *mysqldb.DB, names []string) (map[string]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	prints := map[string]*strings.Builder{}
	for _, q := range []string{
		`SELECT TABLE_NAME, CONCAT_WS(' ', HEX(COLUMN_NAME), COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, EXTRA, HEX(GENERATION_EXPRESSION))
			FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (` + mysqldb.List(len(names)) + `) ORDER BY TABLE_NAME, ORDINAL_POSITION`,
		`SELECT TABLE_NAME, CONCAT_WS(' ', HEX(INDEX_NAME), HEX(COLUMN_NAME), SUB_PART, NON_UNIQUE)
			FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (` + mysqldb.List(len(names)) + `)
			ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
		`SELECT EVENT_OBJECT_TABLE, 'triggered' FROM information_schema.TRIGGERS
			WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE IN (` + mysqldb.List(len(names)) + `) AND ` + ofUser + ` GROUP BY EVENT_OBJECT_TABLE`,
	} {
		args := []any{db.Name}
		for _, n := range names {
			args = append(args, n)
		}
		err := mysqldb.Each(ctx, db, q, args, func(r *sql.Rows) error {
			var table, line string
			if err := r.Scan(&table, &line); err != nil {
				return err
			}
			table = db.Spelled(table)
			if prints[table] == nil {
				prints[table] = &strings.Builder{}
			}
			prints[table].WriteString(line + "\n")
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look at the definitions of the tables: %w", err)
		}
	}
	if err := there(ctx, db, names, prints); err != nil {
		return nil, err
	}
	found := make(map[string]string, len(prints))
	for table, b := range prints {
		found[table] = b.String()
	}
	return found, nil
}

// ErrHeld means that a table cannot be examined now, since a session holds it.
var ErrHeld = errors.New("another session holds the table exclusively")

// there returns ErrHeld if a table without a fingerprint exists by name, which the server can tell without opening it.
func there(ctx context.Context, db *mysqldb.DB, names []string, prints map[string]*strings.Builder) error {
	args := []any{db.Name}
	for _, n := range names {
		if prints[n] == nil {
			args = append(args, n)
		}
	}
	if len(args) == 1 || !db.MariaDB {
		return nil
	}
	return mysqldb.Each(ctx, db, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN (`+mysqldb.List(len(args)-1)+`)`, args, func(r *sql.Rows) error {
		var name string
		if err := r.Scan(&name); err != nil {
			return err
		}
		return fmt.Errorf("look at the definition of %s: %w", db.Spelled(name), ErrHeld)
	})
}
