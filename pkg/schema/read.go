package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// ErrNoTable means that a table does not exist.
var ErrNoTable = errors.New("the table does not exist")

// ErrUnfit means that a table cannot be synced as it is.
var ErrUnfit = errors.New("the table cannot be synced")

// selectColumns reads a table's columns when its definition is read.
const selectColumns = `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, EXTRA,
	COALESCE(GENERATION_EXPRESSION, ''), COALESCE(IF(DATA_TYPE LIKE '%text', CHARACTER_OCTET_LENGTH, CHARACTER_MAXIMUM_LENGTH), 0), COALESCE(NUMERIC_SCALE, DATETIME_PRECISION, 0),
	COALESCE(NUMERIC_PRECISION, 0), COALESCE(CHARACTER_SET_NAME, ''), COALESCE(COLLATION_NAME, '')
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`

// selectIndexes reads a table's indexes, including the primary key.
const selectIndexes = `SELECT INDEX_NAME, COLUMN_NAME, SUB_PART, NON_UNIQUE = 0, INDEX_TYPE = 'BTREE' AND SUB_PART IS NULL AND COLUMN_NAME IS NOT NULL
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX`

// Read returns the definition of a table. The error is ErrNoTable or ErrUnfit, with what is missing, if the table and
// not the connection is at fault. db must use the table's schema as its default. Foreign keys are left out: Tables adds
// them.
//
// If a session holds the table, the server's catalog usually still has its definition: then both are returned, the
// definition and why the table cannot be read now.
func Read(ctx context.Context, db mysqldb.Queryer, schema, name string) (*Table, error) {
	t := &Table{Name: name, byName: map[string]int{}}
	if err := t.readEngine(ctx, db, schema); err != nil {
		return nil, err
	}
	// The shape comes first, so that a change of the table while it is read shows later.
	var held error
	var names []string
	t.shape.columns, names, held = shapeNow(ctx, db, name)
	if held != nil && !mysqldb.Stuck(held) {
		return nil, held
	}
	if err := t.readColumns(ctx, db, schema); err != nil {
		return nil, err
	}
	if len(t.Columns) == 0 && held != nil {
		return nil, held // hidden from MariaDB's catalog as well
	}
	if err := t.readKeys(ctx, db, schema); err != nil {
		return nil, err
	}
	if err := t.readTogether(ctx, db, schema); err != nil {
		return nil, err
	}
	if err := t.readTriggers(ctx, db, schema); err != nil {
		return nil, err
	}
	t.shape.shown = held == nil && slices.Equal(names, t.names) && t.outside() != "" && !slices.ContainsFunc(t.Columns, func(c value.Column) bool {
		return c.SelectExpr(c.Name) != c.Name
	})
	return t, held
}

func (t *Table) readEngine(ctx context.Context, db mysqldb.Queryer, schema string) error {
	var kind string
	err := catalog(ctx, db, `SELECT TABLE_TYPE, COALESCE(ENGINE, '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
		[]any{schema, t.Name}, func(r *sql.Rows) error { return r.Scan(&kind, &t.Engine) })
	switch {
	case err != nil:
		return fmt.Errorf("read table %s: %w", t.Name, err)
	case kind == "":
		return fmt.Errorf("table %s: %w in database %s", t.Name, ErrNoTable, schema)
	case kind == "VIEW":
		return fmt.Errorf("table %s: %w: it is a view", t.Name, ErrUnfit)
	case kind == "SEQUENCE":
		return fmt.Errorf("table %s: %w: it is a sequence", t.Name, ErrUnfit)
	case t.Engine == "InnoDB":
		return nil
	}
	return t.readMixing(ctx, db)
}

// readMixing refuses a nontransactional table if the server refuses statements that write both it and a transactional
// one: all writes would fail because of the triggers. Promise 7.
func (t *Table) readMixing(ctx context.Context, db mysqldb.Queryer) error {
	transactional := false
	err := mysqldb.Each(ctx, db, `SELECT TRANSACTIONS = 'YES' FROM information_schema.ENGINES WHERE ENGINE = ? AND TRANSACTIONS IS NOT NULL`,
		[]any{t.Engine}, func(r *sql.Rows) error { return r.Scan(&transactional) })
	if err != nil || transactional {
		return err
	}
	var name, value string
	err = mysqldb.Each(ctx, db, `SHOW GLOBAL VARIABLES LIKE 'enforce_gtid_consistency'`, nil, func(r *sql.Rows) error { return r.Scan(&name, &value) })
	if err == nil && value == "ON" {
		err = fmt.Errorf("table %s: %w: its engine %s has no transactions, and with enforce_gtid_consistency the server would refuse all writes to it (1785); make it ENGINE = InnoDB", t.Name, ErrUnfit, t.Engine)
	}
	return err
}

func (t *Table) readColumns(ctx context.Context, db mysqldb.Queryer, schema string) error {
	t.generated = map[string]string{}
	err := catalog(ctx, db, selectColumns, []any{schema, t.Name}, func(r *sql.Rows) error {
		var c value.Column
		var nullable, extra, generation string
		var length int64
		if err := r.Scan(&c.Name, &c.DataType, &c.Type, &nullable, &extra, &generation, &length, &c.Scale, &c.Precision, &c.Charset, &c.Collation); err != nil {
			return err
		}
		c.DataType = strings.ToLower(c.DataType)
		var err error
		if c.Kind, err = value.KindOf(c.DataType); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
		c.Length = int(min(length, 1<<31-1))
		words := strings.ToLower(c.Type)
		if c.IsNumbered() {
			c.Members = value.Members(c.Type)
		} else {
			c.Zerofill, c.Unsigned = strings.Contains(words, "zerofill"), strings.Contains(words, "unsigned")
		}
		c.Nullable = nullable == "YES"
		c.Stamped = strings.Contains(strings.ToLower(extra), "on update")
		if generation != "" {
			t.generated[c.Name] = generation
		}
		if generation != "" || strings.Contains(strings.ToUpper(extra), "ROW START") || strings.Contains(strings.ToUpper(extra), "ROW END") {
			return nil
		}
		t.byName[c.Name] = len(t.Columns)
		t.names = append(t.names, c.Name)
		t.Columns = append(t.Columns, c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read columns of %s: %w", t.Name, err)
	}
	return nil
}

func (t *Table) readKeys(ctx context.Context, db mysqldb.Queryer, schema string) error {
	type found struct {
		Index
		unique, partly bool
	}
	var indexes []found
	err := catalog(ctx, db, selectIndexes, []any{schema, t.Name}, func(r *sql.Rows) error {
		var index string
		var column sql.NullString
		var part sql.NullInt64
		var unique, plain bool
		if err := r.Scan(&index, &column, &part, &unique, &plain); err != nil {
			return err
		}
		if index != "PRIMARY" {
			n := len(indexes)
			if n == 0 || indexes[n-1].Name != index {
				indexes = append(indexes, found{Index: Index{Name: index}, unique: unique})
				n++
			}
			x := &indexes[n-1]
			x.Columns = append(x.Columns, column.String)
			x.partly = x.partly || !plain
			return nil
		}
		i, ok := t.byName[column.String]
		if !ok {
			return fmt.Errorf("%w: the primary key's column %s is generated", ErrUnfit, column.String)
		}
		if part.Valid {
			return fmt.Errorf("%w: the primary key has only the first %d characters of column %s", ErrUnfit, part.Int64, column.String)
		}
		t.Key = append(t.Key, i)
		if err := t.Columns[i].CheckKey(); err != nil {
			return fmt.Errorf("%w: %w", ErrUnfit, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	if len(t.Key) == 0 {
		return fmt.Errorf("table %s: %w: it has no primary key; add one, or leave the table out of syncTables and receiveTables", t.Name, ErrUnfit)
	}
	for _, x := range indexes {
		if x.unique {
			t.Unique = append(t.Unique, x.Columns)
		}
		if !x.partly {
			t.Indexes = append(t.Indexes, x.Index)
		}
	}
	return nil
}
