package schema

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// restored is the own table that its user, capture, creates again if it is missing.
const restored = "table_changes"

// missing returns an error if an own table does not exist although all migrations have run: someone has dropped it.
func missing(ctx context.Context, db *mysqldb.DB) error {
	standing, err := Standing(ctx, db)
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(slices.Clone(Own), func(name string) bool { return name == restored || slices.Contains(standing, name) })
	if len(gone) == 0 {
		return nil
	}
	return fmt.Errorf("own tables are missing from database %s: %s: restore them from a backup, or run mysql-sync uninstall and start the node afresh", db.Name, strings.Join(gone, ", "))
}

// Restore creates an own table again that someone has dropped, empty, with those statements of the migrations that
// concern it. It changes nothing if the table exists. It is created under another name first, so that it never exists
// half-done.
func Restore(ctx context.Context, db *mysqldb.DB, table string) error {
	const making = "sync_restored"
	standing, err := Standing(ctx, db)
	if err != nil || slices.Contains(standing, table) {
		return err
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	about := regexp.MustCompile(`(?m)^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) ` + regexp.QuoteMeta(table) + `\b`)
	list := []string{"DROP TABLE IF EXISTS " + making}
	for _, name := range files {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		for _, stmt := range statements(string(text)) {
			if about.MatchString(stmt) {
				list = append(list, about.ReplaceAllString(stmt, "$1 "+making))
			}
		}
	}
	for _, stmt := range append(list, "RENAME TABLE "+making+" TO "+table) {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return fmt.Errorf("make %s again: %w", table, err)
		}
	}
	return nil
}
