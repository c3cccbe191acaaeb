package mysqldb

import (
	"context"
	"fmt"
	"strings"
)

// Spell says how the node spells the names of its tables. A server that ignores case in
// them (lower_case_table_names) takes Orders and orders for the same table, and shows
// either. Spelled converts names read from its catalogue to the node's spelling, so that
// names are equal if the server considers them equal. Call Spell once, before the pool is
// shared.
func (db *DB) Spell(ctx context.Context, names []string) error {
	var mode int
	if err := db.GetContext(ctx, &mode, `SELECT @@lower_case_table_names`); err != nil {
		return fmt.Errorf("read lower_case_table_names: %w", err)
	}
	if mode == 0 {
		return nil
	}
	if err := db.GetContext(ctx, &db.Name, `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()`); err != nil {
		return fmt.Errorf("read how the database is spelled: %w", err)
	}
	spelled := map[string]string{}
	for _, name := range names {
		if other, ok := spelled[strings.ToLower(name)]; ok && other != name {
			return fmt.Errorf("%s and %s are one table on this server (lower_case_table_names is %d): spell it in one way", other, name, mode)
		}
		spelled[strings.ToLower(name)] = name
	}
	db.spelled = spelled
	return nil
}

// Spelled returns the node's spelling of a table name that the server shows.
func (db *DB) Spelled(name string) string {
	if len(db.spelled) == 0 {
		return name
	}
	if own, ok := db.spelled[strings.ToLower(name)]; ok {
		return own
	}
	return name
}

// SpelledIn is Spelled for a table of any schema: only names in the node's own schema are changed.
func (db *DB) SpelledIn(schema, name string) string {
	if schema != db.Name {
		return name
	}
	return db.Spelled(name)
}
