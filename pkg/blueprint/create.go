package blueprint

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Missing returns the tables that the database lacks, and the columns that its other tables lack.
func Missing(ctx context.Context, db *mysqldb.DB, tables []Table) (missing []Table, lacking []string, err error) {
	have := map[string][]string{}
	for _, t := range tables {
		err := mysqldb.Each(ctx, db, `SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`, []any{db.Name, t.Name}, func(r *sql.Rows) error {
			var column string
			err := r.Scan(&column)
			have[t.Name] = append(have[t.Name], column)
			return err
		})
		if err != nil {
			return nil, nil, fmt.Errorf("look for table %s: %w", t.Name, err)
		}
		if len(have[t.Name]) == 0 {
			missing = append(missing, t)
			continue
		}
		for _, c := range t.Columns {
			if !slices.ContainsFunc(have[t.Name], func(column string) bool { return strings.EqualFold(column, c.Name) }) {
				lacking = append(lacking, t.Name+"."+c.Name)
			}
		}
	}
	return missing, lacking, nil
}

// errExists is the servers' error for a table that exists.
const errExists = 1050

// Create creates tables, each as a whole; existing ones stay as they are. All must be valid. The error names those that the
// server refuses; the others are created all the same. Tables created before a kill stay, and Missing then finds the rest. Cycles of foreign keys need no order: a table may refer to one
// that comes later.
func Create(ctx context.Context, db *mysqldb.DB, tables []Table) error {
	conn, err := db.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }() // so that its session is not reused
	if _, err := conn.ExecContext(ctx, `SET foreign_key_checks = 0`); err != nil {
		return err
	}
	var refused []error
	for i := range tables {
		t := &tables[i]
		if err := t.Valid(); err != nil {
			return err
		}
		if t.Cannot != "" {
			return fmt.Errorf("table %s has to be created by hand: %s", t.Name, t.Cannot)
		}
		switch _, err := conn.ExecContext(ctx, t.Create()); {
		case err == nil || mysqldb.Number(err) == errExists:
		case mysqldb.Number(err) != 0:
			refused = append(refused, fmt.Errorf("table %s has to be created by hand: this server refuses its definition: %w", t.Name, err))
		default:
			return errors.Join(append(refused, fmt.Errorf("create table %s: %w", t.Name, err))...)
		}
	}
	return errors.Join(refused...)
}
