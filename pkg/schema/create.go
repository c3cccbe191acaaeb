package schema

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

//go:embed newest.sql
var newest string

// create makes the own tables in a database that has none of them, at once in the form to which the migrations, numbered
// from 1 to newestNumber, would bring them. It reports whether it did. If it is killed, the migrations make the rest: they
// change no table that has the newest form.
func create(ctx context.Context, db *mysqldb.DB, newestNumber int) (created bool, err error) {
	standing, err := Standing(ctx, db)
	if err != nil || !slices.Equal(standing, []string{ledger}) {
		return false, err
	}
	for _, stmt := range statements(newest) {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return false, fmt.Errorf("create the own tables: %w", err)
		}
	}
	var records []string
	var numbers []any
	for n := range newestNumber {
		records, numbers = append(records, "(?, UTC_TIMESTAMP())"), append(numbers, n+1)
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO sync_migrations (number, applied_at) VALUES "+strings.Join(records, ", "), numbers...); err != nil {
		return false, fmt.Errorf("create the own tables: record: %w", err)
	}
	return true, nil
}

// statements splits a file of SQL, in which lines end with semicolons only where statements do.
func statements(text string) (list []string) {
	for stmt := range strings.SplitSeq(text, ";\n") {
		if strings.TrimSpace(stmt) != "" {
			list = append(list, stmt)
		}
	}
	return list
}
