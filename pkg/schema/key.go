package schema

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// All statements of the node find rows by key the same way: compared in the type and collation of the key's columns,
// using the primary key's index.

// ByKey returns the table's name for a statement that reads rows by key, with an index hint: a server that considers a
// scan cheaper would lock, and wait for, other rows.
func (t *Table) ByKey() string { return mysqldb.Quote(t.Name) + " FORCE INDEX (PRIMARY)" }

// AddSelect appends a query of expressions of the rows with the given keys, in any order,
// that locks them as locking says.
func (t *Table) AddSelect(s *mysqldb.Statement, expressions string, keys iter.Seq[string], locking string) error {
	if list, ok, err := t.list(keys); err != nil {
		return err
	} else if ok {
		s.SQL("SELECT " + expressions + " FROM ")
		t.addJoin(s, list)
		s.SQL(locking)
		return nil
	}
	if outside := t.outside(); outside != "" {
		s.SQL("SELECT " + expressions + " FROM " + t.ByKey() + " WHERE " + outside)
		if err := t.AddKeys(s, keys); err != nil {
			return err
		}
		s.SQL(locking)
		return nil
	}
	return t.addEach(s, expressions, keys, locking)
}

// AddDelete appends a statement that deletes the rows with the given keys. It names the table twice, since only then
// does a DELETE accept an index hint.
func (t *Table) AddDelete(s *mysqldb.Statement, keys iter.Seq[string]) error {
	if list, ok, err := t.list(keys); err != nil {
		return err
	} else if ok {
		s.SQL("DELETE " + mysqldb.Quote(t.Name) + " FROM ")
		t.addJoin(s, list)
		return nil
	}
	if outside := t.outside(); outside != "" {
		s.SQL("DELETE " + mysqldb.Quote(t.Name) + " FROM " + t.ByKey() + " WHERE " + outside)
		return t.AddKeys(s, keys)
	}
	s.SQL("DELETE t FROM (")
	if err := t.addEach(s, t.KeyColumns(), keys, ""); err != nil {
		return err
	}
	s.SQL(") v STRAIGHT_JOIN " + mysqldb.Quote(t.Name) + " t FORCE INDEX (PRIMARY) ON ")
	for i, k := range t.Key {
		if i > 0 {
			s.SQL(" AND ")
		}
		name := mysqldb.Quote(t.Columns[k].Name)
		s.SQL("t." + name + "=v." + name)
	}
	return nil
}

// outside returns a condition that is always true and names a column outside the key, followed by AND. If a statement
// reads nothing but the key, the servers may scan the whole index in spite of the hint. It is empty if all columns are
// part of the key.
func (t *Table) outside() string {
	for i := range t.Columns {
		if !slices.Contains(t.Key, i) {
			name := mysqldb.Quote(t.Columns[i].Name)
			return "(" + name + " IS NULL OR " + name + " IS NOT NULL) AND "
		}
	}
	return ""
}

// addEach appends a query for each key, combined: with a whole key the servers know that it finds one row. Parsing them
// takes longer than parsing one condition.
func (t *Table) addEach(s *mysqldb.Statement, expressions string, keys iter.Seq[string], locking string) error {
	between := "(SELECT "
	for key := range keys {
		s.SQL(between + expressions + " FROM " + t.ByKey() + " WHERE ")
		if err := t.AddKeys(s, func(yield func(string) bool) { yield(key) }); err != nil {
			return err
		}
		s.SQL(locking + ")")
		between = " UNION ALL (SELECT "
	}
	return nil
}

// KeyColumns returns the quoted names of the key's columns: "`a`, `b`".
func (t *Table) KeyColumns() string {
	names := t.KeyNames()
	for i := range names {
		names[i] = mysqldb.Quote(names[i])
	}
	return strings.Join(names, ", ")
}

// KeyNames returns the names of the primary key's columns, in its order.
func (t *Table) KeyNames() []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}

// keyList is how keys are listed in a condition: the text before them, around and between the parts of each, and after
// them.
type keyList struct {
	before, open, shut, between, after string
	parts                              []string // before each part of a key
}

func (t *Table) keyList() keyList {
	if len(t.Key) == 1 {
		return keyList{before: t.KeyColumns() + " IN (", between: ",", after: ")", parts: []string{""}}
	}
	// Row constructors would be shorter, but the servers compare them in other types: MariaDB finds no text of another
	// character set, MySQL no ENUM, and a single one is compared as a DOUBLE.
	l := keyList{before: "(", open: "(", shut: ")", between: " OR ", after: ")"}
	and := ""
	for _, k := range t.Key {
		l.parts = append(l.parts, and+mysqldb.Quote(t.Columns[k].Name)+"=")
		and = " AND "
	}
	return l
}

// WhereKeys returns the condition that matches n rows by key; KeyArgs gives its arguments.
func (t *Table) WhereKeys(n int) string {
	l := t.keyList()
	one := l.open
	for i, k := range t.Key {
		one += l.parts[i] + t.Columns[k].Place()
	}
	one += l.shut
	return l.before + strings.Repeat(one+l.between, n-1) + one + l.after
}

// KeyArgs appends the arguments of WhereKeys for one key form to args.
func (t *Table) KeyArgs(args []any, key string) ([]any, error) {
	values, err := t.KeyValues(key)
	for i, v := range values {
		args = append(args, t.Columns[t.Key[i]].Operand(v))
	}
	return args, err
}

// KeyValues returns the stored values of a key's parts.
func (t *Table) KeyValues(key string) ([][]byte, error) {
	parts, err := value.SplitKey([]byte(key), len(t.Key))
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Name, err)
	}
	for i, p := range parts {
		if parts[i], err = t.Columns[t.Key[i]].KeyValue(p); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return parts, nil
}

// AddKeys appends the condition that matches the rows with the given keys, as WhereKeys and KeyArgs give it.
func (t *Table) AddKeys(s *mysqldb.Statement, keys iter.Seq[string]) error {
	l := t.keyList()
	between := l.before
	for key := range keys {
		values, err := t.KeyValues(key)
		if err != nil {
			return err
		}
		s.SQL(between + l.open)
		for i, v := range values {
			s.SQL(l.parts[i])
			AddOperand(s, &t.Columns[t.Key[i]], v)
		}
		s.SQL(l.shut)
		between = l.between
	}
	s.SQL(l.after)
	return nil
}

// AddOperand appends a stored value to compare the column with, as value.Column.Operand binds it.
func AddOperand(s *mysqldb.Statement, c *value.Column, stored []byte) {
	switch {
	case c.IsNumbered():
		if n, ok := c.Number(stored); ok {
			s.SQL(strconv.FormatUint(n, 10))
		} else {
			s.Null()
		}
	case c.Kind == value.Decimal && value.IsNumber(stored):
		s.SQL(string(stored))
	default:
		AddValue(s, c, stored)
	}
}

// AfterKey returns the condition, with its arguments, for the rows after a key in primary key order.
func (t *Table) AfterKey(key string) (string, []any, error) { return t.beside(key, ">", "") }

// UpToKey is AfterKey for the rows up to and including a key.
func (t *Table) UpToKey(key string) (string, []any, error) { return t.beside(key, "<", "=") }

// beside returns the condition for the rows on one side of a key; equal is "=" to include the key itself.
func (t *Table) beside(key, side, equal string) (string, []any, error) {
	values, err := t.KeyValues(key)
	if err != nil {
		return "", nil, err
	}
	var either, same []string
	var args, before []any
	for i, k := range t.Key {
		c := &t.Columns[k]
		operand := c.Operand(values[i])
		if operand == nil {
			return "", nil, fmt.Errorf("table %s: column %s cannot hold %.64q", t.Name, c.Name, values[i])
		}
		if i == len(t.Key)-1 {
			side += equal
		}
		condition, list := besideValue(c, operand, side)
		either = append(either, "("+strings.Join(append(slices.Clone(same), condition), " AND ")+")")
		args = append(append(args, before...), list...)
		same, before = append(same, mysqldb.Quote(c.Name)+"="+c.Place()), append(before, operand)
	}
	return "(" + strings.Join(either, " OR ") + ")", args, nil
}

// maxListed is how many members of an ENUM are listed individually.
const maxListed = 200

// besideValue compares one column. For a range of an ENUM's numbers the servers scan the whole index, but for listed
// members they seek each one.
func besideValue(c *value.Column, operand any, side string) (string, []any) {
	name := mysqldb.Quote(c.Name)
	if c.DataType != "enum" || len(c.Members) > maxListed {
		return name + side + c.Place(), []any{operand}
	}
	first, end := uint64(0), uint64(len(c.Members))+1
	at, _ := operand.(uint64)
	switch side {
	case ">":
		first = at + 1
	case "<":
		end = at
	default:
		end = at + 1
	}
	var list []string
	for n := first; n < end; n++ {
		list = append(list, strconv.FormatUint(n, 10))
	}
	if list == nil {
		return "FALSE", nil
	}
	return name + " IN (" + strings.Join(list, ",") + ")", nil
}
