package schema

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ForeignKey is a foreign key of the table that holds it.
type ForeignKey struct {
	Name       string
	Schema     string // of the table that holds it: the child
	Table      string
	Columns    []string
	RefSchema  string // of the parent
	RefTable   string
	RefColumns []string
	OnDelete   string // CASCADE, SET NULL, RESTRICT, NO ACTION, SET DEFAULT
	OnUpdate   string
}

// Same reports whether two descriptions are of the same, unchanged foreign key.
func (f ForeignKey) Same(o ForeignKey) bool {
	return f.Name == o.Name && f.Schema == o.Schema && f.Table == o.Table && f.RefSchema == o.RefSchema && f.RefTable == o.RefTable &&
		f.OnDelete == o.OnDelete && f.OnUpdate == o.OnUpdate && slices.Equal(f.Columns, o.Columns) && slices.Equal(f.RefColumns, o.RefColumns)
}

// selectForeign reads foreign keys. The condition must name the child's schema for both tables, as k.TABLE_SCHEMA and
// r.CONSTRAINT_SCHEMA: joined by their schemas, MariaDB would open the tables of all schemas, and wait for those that
// someone holds.
const selectForeign = `SELECT k.CONSTRAINT_NAME, k.TABLE_SCHEMA, k.TABLE_NAME, k.COLUMN_NAME,
	k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE
	FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
	ON r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
	WHERE `

const orderForeign = ` ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION`

// ForeignKeys returns the foreign keys within a schema, by child and name.
func ForeignKeys(ctx context.Context, db mysqldb.Queryer, schema string) ([]ForeignKey, error) {
	return foreignKeys(ctx, db, schema, `k.TABLE_SCHEMA = ? AND r.CONSTRAINT_SCHEMA = ? AND k.REFERENCED_TABLE_SCHEMA = ?`, schema, schema, schema)
}

// Held returns the foreign keys that a schema's tables have, to any schema, by child and name.
func Held(ctx context.Context, db mysqldb.Queryer, schema string) ([]ForeignKey, error) {
	return foreignKeys(ctx, db, schema, `k.TABLE_SCHEMA = ? AND r.CONSTRAINT_SCHEMA = ? AND k.REFERENCED_TABLE_SCHEMA IS NOT NULL`, schema, schema)
}

// Ancestry returns the foreign keys of a schema's tables and, if they refer to another schema, those of its tables as
// well, and so on: all by which the server may change rows of the schema when a parent is deleted or its key changes.
// In another schema the user sees only the tables it has some privilege on.
func Ancestry(ctx context.Context, db mysqldb.Queryer, schema string) ([]ForeignKey, error) {
	var list []ForeignKey
	schemas := []string{schema}
	for i := 0; i < len(schemas); i++ {
		keys, err := Held(ctx, db, schemas[i])
		if err != nil {
			return nil, err
		}
		list = append(list, keys...)
		for _, f := range keys {
			if !slices.Contains(schemas, f.RefSchema) {
				schemas = append(schemas, f.RefSchema)
			}
		}
	}
	return list, nil
}

// anyCrossing asks MariaDB's InnoDB, the one engine there that has foreign keys, whether any leads from one schema to
// another. It reads one small table of the engine's own and opens none, but needs the privilege PROCESS.
const anyCrossing = `SELECT EXISTS (SELECT 1 FROM information_schema.INNODB_SYS_FOREIGN
	WHERE BINARY SUBSTRING_INDEX(FOR_NAME, '/', 1) <> BINARY SUBSTRING_INDEX(REF_NAME, '/', 1))`

// Outside returns the foreign keys that refer to tables of a schema from other schemas of the server, for tables on
// which the user has some privilege. Unless MariaDB can tell that there are none anywhere, the server searches all its
// tables for them, which takes seconds with thousands of tables.
func Outside(ctx context.Context, db *mysqldb.DB, schema string) ([]ForeignKey, error) {
	if db.MariaDB {
		var crossing bool
		if err := db.GetContext(ctx, &crossing, anyCrossing); err == nil && !crossing {
			return nil, nil
		} // A user who may not ask has the tables searched.
	}
	var others []string
	err := mysqldb.Each(ctx, db, `SELECT DISTINCT TABLE_SCHEMA FROM information_schema.KEY_COLUMN_USAGE
		WHERE REFERENCED_TABLE_SCHEMA = ? AND TABLE_SCHEMA <> ? ORDER BY TABLE_SCHEMA`, []any{schema, schema}, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		others = append(others, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read foreign keys to %s: %w", schema, err)
	}
	var list []ForeignKey
	for _, other := range others {
		keys, err := foreignKeys(ctx, db, schema, `k.TABLE_SCHEMA = ? AND r.CONSTRAINT_SCHEMA = ? AND k.REFERENCED_TABLE_SCHEMA = ?`, other, other, schema)
		if err != nil {
			return nil, err
		}
		list = append(list, keys...)
	}
	return list, nil
}

func foreignKeys(ctx context.Context, db mysqldb.Queryer, schema, condition string, args ...any) ([]ForeignKey, error) {
	var list []ForeignKey
	err := mysqldb.Each(ctx, db, selectForeign+condition+orderForeign, args, func(r *sql.Rows) error {
		var f ForeignKey
		var column, ref string
		if err := r.Scan(&f.Name, &f.Schema, &f.Table, &column, &f.RefSchema, &f.RefTable, &ref, &f.OnDelete, &f.OnUpdate); err != nil {
			return err
		}
		if node, ok := db.(speller); ok {
			f.Table, f.RefTable = node.SpelledIn(f.Schema, f.Table), node.SpelledIn(f.RefSchema, f.RefTable)
		}
		last := len(list) - 1
		if last < 0 || list[last].Name != f.Name || list[last].Table != f.Table || list[last].Schema != f.Schema {
			list = append(list, f)
			last++
		}
		list[last].Columns = append(list[last].Columns, column)
		list[last].RefColumns = append(list[last].RefColumns, ref)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read foreign keys of %s: %w", schema, err)
	}
	return list, nil
}

// speller is a mysqldb.DB that knows how the node spells its tables.
type speller interface {
	SpelledIn(schema, table string) string
}

// tie adds to a table the foreign keys that it has, and those that refer to it.
func (t *Table) tie(schema string, keys []ForeignKey) {
	for _, f := range keys {
		if f.Schema == schema && f.Table == t.Name {
			t.ForeignKeys = append(t.ForeignKeys, f)
		}
		if f.RefSchema == schema && f.RefTable == t.Name {
			t.Referrers = append(t.Referrers, f)
		}
	}
}
