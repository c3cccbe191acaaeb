package schema

import (
	"iter"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Many rows are found by a list of their keys: a derived table of literals, joined to the table by its primary key. For
// a condition on each key the servers first build ranges, of all partitions, which is three to four times slower with a
// composite key; a query for each key is ten times slower. But a join uses the index only for values of the columns'
// own types and collations, so each literal must have these.

// listName and listColumn name the list, and its columns, in a statement.
const listName = "mysql_sync_keys"

func listColumn(i int) string { return "mysql_sync_k" + strconv.Itoa(i) }

// list returns keys as a list, and false if one of them has no literal, or a list gains nothing: a single key is best
// named in a condition, and keys of one column are best named with IN.
func (t *Table) list(keys iter.Seq[string]) (*mysqldb.Statement, bool, error) {
	if t.RowValue == "" || len(t.Key) == 1 && t.outside() != "" || !t.listable() {
		return nil, false, nil
	}
	var s mysqldb.Statement
	n := 0
	for key := range keys {
		values, err := t.KeyValues(key)
		if err != nil {
			return nil, false, err
		}
		switch n {
		case 0:
			s.SQL("(SELECT ")
		case 1:
			s.SQL(" UNION ALL VALUES " + t.RowValue)
		default:
			s.SQL(")," + t.RowValue)
		}
		for i, v := range values {
			c := &t.Columns[t.Key[i]]
			if !HasLiteral(c, v) {
				return nil, false, nil
			}
			if i > 0 {
				s.SQL(",")
			}
			AddLiteral(&s, c, v)
			if n == 0 {
				s.SQL(" AS " + listColumn(i))
			}
		}
		n++
	}
	s.SQL(")) " + listName)
	return &s, n > 1, nil
}

// listable reports whether no name in the table collides with a list's.
func (t *Table) listable() bool {
	return t.Name != listName && !slices.ContainsFunc(t.Key, func(k int) bool {
		return !hasLiterals(&t.Columns[k])
	}) && t.Index(listColumn(0)) < 0
}

// addJoin appends a list joined with the table whose rows it finds.
func (t *Table) addJoin(s, list *mysqldb.Statement) {
	s.Append(list)
	s.SQL(" STRAIGHT_JOIN " + t.ByKey() + " ON ")
	for i, k := range t.Key {
		if i > 0 {
			s.SQL(" AND ")
		}
		s.SQL(mysqldb.Quote(t.Columns[k].Name) + "=" + listColumn(i))
	}
}

// hasLiterals reports whether a column's type and collation have literals.
func hasLiterals(c *value.Column) bool {
	switch c.Kind {
	case value.Integer, value.Decimal, value.Binary, value.Date, value.DateTime:
		return true
	case value.Text:
		return c.Charset != "" && !c.IsNumbered()
	}
	return false
}

// HasLiteral reports whether AddLiteral can give a stored value in the column's own type and collation, as the same
// value. Excluded are values that the column could not hold, and those that a server's mode may turn into NULL, such as
// a zero date.
func HasLiteral(c *value.Column, stored []byte) bool {
	if !hasLiterals(c) || c.Fits(stored) != nil {
		return false
	}
	switch c.Kind {
	case value.Integer, value.Decimal:
		return value.IsNumber(stored)
	case value.Date:
		return isTime("2006-01-02", stored)
	case value.DateTime:
		return isTime("2006-01-02 15:04:05", stored)
	case value.Text:
		switch c.Charset {
		case "utf8mb4", "utf8mb3", "utf8", "latin1", "ascii": // Fits knows which characters they have
			return utf8.Valid(stored)
		}
		return false
	}
	return true
}

func isTime(layout string, stored []byte) bool {
	t, err := time.Parse(layout, string(stored))
	return err == nil && t.Year() > 0
}

// AddLiteral appends a stored value for which HasLiteral is true.
func AddLiteral(s *mysqldb.Statement, c *value.Column, stored []byte) {
	switch c.Kind {
	case value.Integer, value.Decimal:
		s.SQL(string(stored))
	case value.Date:
		s.SQL("DATE'" + string(stored) + "'")
	case value.DateTime:
		s.SQL("TIMESTAMP'" + string(stored) + "'")
	case value.Text:
		s.SQL("CONVERT(")
		s.Text(stored)
		s.SQL(" USING " + c.Charset + ") COLLATE " + c.Collation)
	default:
		AddValue(s, c, stored)
	}
}
