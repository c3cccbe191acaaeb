package trigger

import (
	"net/url"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// mostDetail is how many bytes the names of a table's columns may have, less than any server's limit. Rows of a table with
// more count as written whole.
const mostDetail = 60_000

// changedColumns returns the SQL expression that gives, in a trigger, the columns that an update changed: their names,
// separated by commas, as capture.ParseDetail reads them. It is empty if the table has too many columns, or if a name has a
// backtick: MySQL 9.7 refuses to create such a trigger (error 3507).
//
// Of counters it also has the values before and after, whether they changed or not.
func changedColumns(t *schema.Table, counters []string) string {
	parts := numbers(t, counters, "OLD.", "NEW.")
	bytes := 64 * len(parts)
	for i := range t.Columns {
		c := &t.Columns[i]
		if t.IsKeyColumn(c.Name) {
			continue
		}
		name := url.QueryEscape(c.Name)
		bytes += len(name) + 1
		parts = append(parts, "IF("+asBytes(c, "OLD.")+" <=> "+asBytes(c, "NEW.")+", NULL, "+mysqldb.QuoteString(name)+")")
	}
	if bytes > mostDetail || slices.ContainsFunc(t.Names(), func(name string) bool { return strings.Contains(name, "`") }) {
		return ""
	}
	return "CONCAT_WS(',', " + strings.Join(append(parts, "NULL"), ", ") + ")"
}

// insertedNumbers returns the SQL expression that gives, in a trigger, the counters of a new row, as capture.ParseDetail reads them; empty
// if there are none. The row's columns have the prefix.
func insertedNumbers(t *schema.Table, counters []string, prefix string) string {
	parts := numbers(t, counters, "", prefix)
	if len(parts) == 0 {
		return ""
	}
	return "CONCAT_WS(',', '*', " + strings.Join(parts, ", ") + ")"
}

// numbers returns the expressions that give the values of counters: the one before, unless its prefix is empty, and the new one.
// They are subtracted later: a trigger that does so fails the user's statement if an unsigned column falls (error 1690).
func numbers(t *schema.Table, counters []string, before, after string) (parts []string) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if !slices.ContainsFunc(counters, func(name string) bool { return strings.EqualFold(name, c.Name) }) {
			continue
		}
		name, quoted := url.QueryEscape(c.Name), mysqldb.Quote(c.Name)
		if before != "" {
			parts = append(parts, "CONCAT("+mysqldb.QuoteString(name+":")+", IFNULL("+before+quoted+", ''), ':', IFNULL("+after+quoted+", ''))")
		} else {
			parts = append(parts, "CONCAT("+mysqldb.QuoteString(name+"=")+", IFNULL("+after+quoted+", ''))")
		}
	}
	return parts
}

// leftOut returns the SQL expression that tells, in a trigger, whether an UPDATE IGNORE has left the row as it was: MariaDB
// fires the trigger all the same, with numbers that the row does not have. That takes a column that is no counter, such as one of
// a unique or foreign key: otherwise the row need not be read.
func leftOut(t *schema.Table, counters []string) string {
	var same, found []string
	for i := range t.Columns {
		c := &t.Columns[i]
		if slices.ContainsFunc(counters, func(name string) bool { return strings.EqualFold(name, c.Name) }) {
			continue
		}
		same = append(same, asBytes(c, "OLD.")+" <=> "+asBytes(c, "NEW."))
		row, old := asBytes(c, "r."), asBytes(c, "OLD.")
		if c.Kind == value.Timestamp { // MariaDB takes one with a fraction of a second for another than itself
			row, old = "UNIX_TIMESTAMP("+row+")", "UNIX_TIMESTAMP("+old+")"
		}
		found = append(found, row+" <=> "+old)
	}
	for _, k := range t.Key {
		name := mysqldb.Quote(t.Columns[k].Name)
		found = append(found, "r."+name+" = OLD."+name) // by the index
	}
	return "NOT (" + strings.Join(same, " AND ") + ") AND EXISTS (SELECT 1 FROM " + mysqldb.Quote(t.Name) + " r WHERE " + strings.Join(found, " AND ") + ")"
}

// asBytes returns an expression that tells a column's values apart: a collation might consider 'bob' and 'Bob' equal.
func asBytes(c *value.Column, prefix string) string {
	name := prefix + mysqldb.Quote(c.Name)
	switch {
	case c.Kind == value.Geometry || c.DataType == "vector":
		return "HEX(" + name + ")"
	case c.Kind == value.JSON:
		return "CAST(CAST(" + name + " AS CHAR) AS BINARY)"
	case c.Kind == value.Text || c.Kind == value.Binary:
		return "CAST(" + name + " AS BINARY)"
	}
	return name
}
