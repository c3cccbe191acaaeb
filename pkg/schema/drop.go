package schema

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// notGranted are the server's errors for a user who may not drop a table.
var notGranted = []int{1142, 1044, 1227}

// Standing returns the Own tables that exist, and none without sync_migrations: then the others, whatever their names,
// are not ours.
func Standing(ctx context.Context, db *mysqldb.DB) ([]string, error) {
	var found []string
	err := db.SelectContext(ctx, &found, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE'`, db.Name)
	if err != nil {
		return nil, fmt.Errorf("look for the own tables: %w", err)
	}
	if !slices.Contains(found, ledger) {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(Own), func(name string) bool { return !slices.Contains(found, name) }), nil
}

// dropRights counts the tables on which the user has the privilege individually.
const dropRights = `SELECT COUNT(DISTINCT TABLE_NAME) FROM information_schema.TABLE_PRIVILEGES
	WHERE TABLE_SCHEMA = ? AND PRIVILEGE_TYPE = 'DROP' AND TABLE_NAME IN (`

// CheckDrop returns an error if Drop would be denied. It drops a table that does not exist: the server checks
// privileges first.
func CheckDrop(ctx context.Context, db *mysqldb.DB) error {
	_, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+mysqldb.Quote("sync_none_"+rand.Text()))
	if err == nil {
		return nil
	}
	if !slices.Contains(notGranted, mysqldb.Number(err)) {
		return fmt.Errorf("look whether tables may be dropped: %w", err)
	}
	tables, listErr := Standing(ctx, db)
	if listErr != nil {
		return listErr
	}
	args, granted := []any{db.Name}, 0
	for _, t := range tables {
		args = append(args, t)
	}
	if len(tables) > 0 {
		if err := db.GetContext(ctx, &granted, dropRights+mysqldb.List(len(tables))+")", args...); err != nil {
			return fmt.Errorf("read the rights to drop tables: %w", err)
		}
	}
	if granted < len(tables) {
		return fmt.Errorf("%w: grant the user the privilege DROP on the database, which a node does not need", err)
	}
	return nil
}

// Drop drops the Own tables that exist. It may be killed at any point and run again: the table that proves the others
// ours goes last. No trigger that writes to them may be left.
func Drop(ctx context.Context, db *mysqldb.DB) error {
	tables, err := Standing(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range tables {
		if _, err := db.ExecContext(ctx, "DROP TABLE IF EXISTS "+mysqldb.Quote(name)); err != nil {
			if slices.Contains(notGranted, mysqldb.Number(err)) {
				return fmt.Errorf("drop %s: %w: grant the user the privilege DROP on the database, which a node does not need", name, err)
			}
			return fmt.Errorf("drop %s: %w", name, err)
		}
	}
	return nil
}
