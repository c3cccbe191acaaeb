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
// separated by commas, as parseDetail reads them. It is empty if the table has too many columns, or if a name has a
// backtick: MySQL 9.7 refuses to create such a trigger (error 3507).
func changedColumns(t *schema.Table) string {
	var parts []string
	bytes := 0
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

// parseDetail returns the columns that a write changed; nil: all, or unknown.
func parseDetail(b []byte) []string {
	if b == nil {
		return nil
	}
	changed := []string{}
	for name := range strings.SplitSeq(string(b), ",") {
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil
		}
		if name != "" {
			changed = append(changed, name)
		}
	}
	return changed
}
