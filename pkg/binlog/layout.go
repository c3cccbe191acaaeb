package binlog

import "github.com/mysql-sync/mysql-sync/pkg/value"

// Layout is a table as the log describes it before its rows.
type Layout struct {
	Schema, Table string
	Columns       []Column
	Key           []int // the primary key's columns, in its order; nil without binlog_row_metadata=FULL
	Prefixes      bool  // the key has only the first characters of a column
	Named         bool  // the columns have names: binlog_row_metadata=FULL
	Wanted        []int // the columns that rows have, as Config.Wants said

	id      uint64
	unknown byte  // the type of a column that has an unknown one, else 0
	at      []int // each column's place in Wanted, or -1
}

// Column is a column of a Layout.
type Column struct {
	Name     string // "" without binlog_row_metadata=FULL
	Nullable bool
	Signs    bool // Unsigned is known: always on MySQL, on MariaDB with binlog_row_metadata=FULL
	Unsigned bool

	kind byte   // the type's number
	meta uint16 // its length, digits or the like
}

// Define returns a layout, with names, of a table that no log describes. What is wanted of its rows is all, or what Wanted is
// set to.
func Define(schema, table string, columns ...value.Column) *Layout {
	l := &Layout{Schema: schema, Table: table, Named: true}
	for i := range columns {
		c := &columns[i]
		col := Column{Name: c.Name, Nullable: c.Nullable, kind: logged[c.DataType][0]}
		if col.kind == typeDecimal {
			col.meta = uint16(c.Precision<<8 | c.Scale) //nolint:gosec // both are at most 65
		}
		l.Columns, l.Wanted = append(l.Columns, col), append(l.Wanted, i)
	}
	return l
}

// Index returns the place of a named column in Columns, or -1.
func (l *Layout) Index(name string) int {
	for i := range l.Columns {
		if l.Columns[i].Name == name {
			return i
		}
	}
	return -1
}
