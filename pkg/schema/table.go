package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Table is a user's table as the server described it when it was read. It does not change afterwards, so it may be
// shared.
type Table struct {
	Name        string
	Engine      string
	Columns     []value.Column // in the table's order, without generated ones
	Key         []int          // the primary key's columns, in its order
	Unique      [][]string     // the columns of each further unique key
	Together    [][]string     // columns on which a unique key or a CHECK depends, where these are several
	Indexes     []Index        // besides the primary key, unique or not, of whole columns in their order
	ForeignKeys []ForeignKey   // of the table, to any schema; only Tables knows them
	Referrers   []ForeignKey   // foreign keys that refer to the table, from any schema; only Tables knows them
	Triggered   bool           // the user has a BEFORE INSERT or BEFORE UPDATE trigger, which may change what is written
	RowValue    string         // how a row begins in the server's VALUES statement, "" if it has none; only Tables knows it
	names       []string
	shape       shape
	byName      map[string]int
	generated   map[string]string // the expressions of generated columns, by their names
}

// Index is an index of a table: its name, and its columns.
type Index struct {
	Name    string
	Columns []string
}

// Names returns the names of Columns. The slice is shared; do not change it.
func (t *Table) Names() []string { return t.names }

// Types returns the data types by which the values of Columns are compared with those of other servers.
func (t *Table) Types() []string {
	types := make([]string, len(t.Columns))
	for i := range t.Columns {
		types[i] = t.Columns[i].ComparedAs()
	}
	return types
}

// Column returns the column with a name, and false if the table has no such column or the server computes it. Case is
// ignored, as by the server.
func (t *Table) Column(name string) (*value.Column, bool) {
	i := t.Index(name)
	if i < 0 {
		return nil, false
	}
	return &t.Columns[i], true
}

// Index returns the position in Columns of the column with a name, or -1; see Column.
func (t *Table) Index(name string) int {
	if i, ok := t.byName[name]; ok {
		return i
	}
	return slices.IndexFunc(t.names, func(own string) bool { return strings.EqualFold(own, name) })
}

// Spell changes names of columns to the table's spelling; unknown names stay.
func (t *Table) Spell(names []string) {
	for i, name := range names {
		if at := t.Index(name); at >= 0 {
			names[i] = t.names[at]
		}
	}
}

// Spells reports whether names are all columns, spelled as by the table.
func (t *Table) Spells(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, own := t.byName[name]
		return !own
	})
}

// KeyExpr returns the SQL expression of the key form, for columns with a prefix ("NEW.", "OLD." or ""). It yields the
// same as value.JoinKey.
func (t *Table) KeyExpr(prefix string) string {
	return t.KeyExprOf(func(column string) string { return prefix + mysqldb.Quote(column) })
}

// KeyExprOf is KeyExpr for columns whose SQL expressions column returns.
func (t *Table) KeyExprOf(column func(name string) string) string {
	parts := make([]string, len(t.Key))
	for i, k := range t.Key {
		c := &t.Columns[k]
		parts[i] = c.KeyExpr(column(c.Name))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	for i := range parts {
		parts[i] = `REPLACE(REPLACE(` + parts[i] + `, '\\', '\\\\'), ',', '\\,')`
	}
	return "CAST(CONCAT(" + strings.Join(parts, ", ',', ") + ") AS BINARY)"
}

// SelectList returns the SQL expressions that read all columns in their stored
// form, in the order of Columns.
func (t *Table) SelectList() string {
	list := make([]string, len(t.Columns))
	for i := range t.Columns {
		list[i] = t.Columns[i].SelectExpr(mysqldb.Quote(t.Columns[i].Name))
	}
	return strings.Join(list, ", ")
}

// AddValue appends a stored value of a column, as value.Column.Bind binds it.
func AddValue(s *mysqldb.Statement, c *value.Column, stored []byte) {
	switch {
	case stored == nil:
		s.Null()
	case c.Kind == value.Binary || c.Kind == value.Geometry:
		s.Bytes(stored)
	case c.Kind == value.Year || c.Kind == value.Bit:
		s.Bind(c.Bind(stored))
	default:
		s.Text(stored)
	}
}

// KeyOf returns the key form of a row, given its columns and stored values.
func (t *Table) KeyOf(columns []string, values [][]byte) (string, error) {
	parts := make([][]byte, len(t.Key))
	for i, k := range t.Key {
		p, err := t.keyPart(k, columns, values)
		if err != nil {
			return "", err
		}
		parts[i] = p
	}
	return string(value.JoinKey(parts)), nil
}

// IsKey reports whether key is the key form of a row, as KeyOf returns it.
func (t *Table) IsKey(key string, columns []string, values [][]byte) (bool, error) {
	if len(t.Key) > 1 {
		is, err := t.KeyOf(columns, values)
		return is == key, err
	}
	p, err := t.keyPart(t.Key[0], columns, values)
	return string(p) == key, err
}

func (t *Table) keyPart(k int, columns []string, values [][]byte) ([]byte, error) {
	c := &t.Columns[k]
	at := slices.Index(columns, c.Name)
	if at < 0 {
		return nil, fmt.Errorf("table %s: the key column %s is missing", t.Name, c.Name)
	}
	p, err := c.KeyPart(values[at])
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Name, err)
	}
	return p, nil
}

// ID returns the id of a row on the version 1 wire and in sync_status: the key as text, composite parts joined with
// commas.
func (t *Table) ID(key string) (string, error) {
	return t.convert(key, func(c *value.Column, p []byte) ([]byte, error) {
		s, err := c.IDPart(p)
		return []byte(s), err
	})
}

// ParseID returns the key form of a version 1 id.
func (t *Table) ParseID(id string) (string, error) {
	return t.convert(id, func(c *value.Column, p []byte) ([]byte, error) { return c.ParseIDPart(string(p)) })
}

func (t *Table) convert(key string, part func(*value.Column, []byte) ([]byte, error)) (string, error) {
	parts, err := value.SplitKey([]byte(key), len(t.Key))
	if err != nil {
		return "", fmt.Errorf("table %s: %w", t.Name, err)
	}
	for i, k := range t.Key {
		if parts[i], err = part(&t.Columns[k], parts[i]); err != nil {
			return "", fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return string(value.JoinKey(parts)), nil
}

// IsKeyColumn reports whether a column is part of the primary key.
func (t *Table) IsKeyColumn(name string) bool {
	return slices.ContainsFunc(t.Key, func(k int) bool { return t.Columns[k].Name == name })
}
