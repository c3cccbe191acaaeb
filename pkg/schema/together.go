package schema

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// selectChecks reads the conditions of a table's CHECKs. MySQL says only elsewhere which table one is of; MariaDB skips what is
// in the comment.
const selectChecks = `SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
	/*!80016 JOIN information_schema.TABLE_CONSTRAINTS USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME) */
	WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?`

// unknownTable is the error of servers that have no CHECKs.
const unknownTable = 1109

// readTogether completes Together, and says which texts are documents.
func (t *Table) readTogether(ctx context.Context, db mysqldb.Queryer, schema string) error {
	for _, u := range t.Unique {
		t.Together = append(t.Together, t.Written(u))
	}
	err := catalog(ctx, db, selectChecks, []any{schema, t.Name}, func(r *sql.Rows) error {
		var clause sql.NullString
		if err := r.Scan(&clause); err != nil {
			return err
		}
		names := quoted(clause.String)
		if len(names) == 1 && strings.HasPrefix(clause.String, "json_valid(`") && strings.HasSuffix(clause.String, "`)") {
			if i := t.Index(names[0]); i >= 0 && t.Columns[i].Kind == value.Text {
				t.Columns[i].Type = "json" // which MariaDB calls a longtext in its catalog
			}
		}
		t.Together = append(t.Together, t.Written(names))
		return nil
	})
	if err != nil && mysqldb.Number(err) != unknownTable {
		return fmt.Errorf("read the checks of %s: %w", t.Name, err)
	}
	t.Together = slices.DeleteFunc(t.Together, func(set []string) bool { return len(set) < 2 })
	return nil
}

// Written returns the columns that names stand for: of a generated one, those from which the server computes it.
func (t *Table) Written(names []string) (columns []string) {
	seen := map[string]bool{}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		if i := t.Index(name); i >= 0 {
			columns = append(columns, t.names[i])
		} else {
			names = append(slices.Clone(names), quoted(t.generated[name])...)
		}
	}
	return columns
}

// quoted returns the names in an expression as the server shows it, which has each in backticks. A text in which there are
// backticks adds names that are no columns.
func quoted(expression string) (names []string) {
	for {
		_, rest, found := strings.Cut(expression, "`")
		name, after, ended := strings.Cut(rest, "`")
		if !found || !ended {
			return names
		}
		for strings.HasPrefix(after, "`") { // two stand for one
			more, next, _ := strings.Cut(after[1:], "`")
			name, after = name+"`"+more, next
		}
		names, expression = append(names, name), after
	}
}
