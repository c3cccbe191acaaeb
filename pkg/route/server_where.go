package route

import (
	"context"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Where implements Database; the condition can use the index of a routing column.
func (s *server) Where(ctx context.Context, table string, values [][]string) (string, error) {
	t, err := s.tables.Table(ctx, table)
	if err != nil {
		return "", err
	}
	list, err := s.columns(ctx, t)
	if err != nil {
		return "", err
	}
	var either []string
	for i, rule := range s.cfg.Routes[s.cfg.Root(table)].Rules {
		if len(values[i]) == 0 {
			continue
		}
		one := exact(list[i], values[i])
		if c, ok := t.Column(rule.Column); ok && s.cfg.Routes[table].Parent == "" {
			if by := indexed(c, mysqldb.Quote(table)+"."+mysqldb.Quote(c.Name), values[i]); by != "" {
				one = "(" + by + " AND " + one + ")"
			}
		}
		either = append(either, one)
	}
	if len(either) == 0 {
		return "1=0", nil
	}
	return "(" + strings.Join(either, " OR ") + ")", nil
}

// exact is the condition that a value in key form equals one of some texts byte by byte, as labels do.
func exact(expression string, texts []string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = mysqldb.QuoteString(text)
	}
	return expression + " IN (" + strings.Join(list, ",") + ")"
}

// indexed is a condition that an index of the column can be used for, and that all rows meet whose value in key form equals
// one of the texts; "" if there is none. Other rows may meet it. A text that the column cannot have must not be compared with it:
// servers refuse to compare dates with it, or texts of another character set.
func indexed(c *value.Column, quoted string, texts []string) string {
	var list []string
	for _, text := range texts {
		switch {
		case c.Kind == value.Date || c.Kind == value.Time || c.Kind == value.DateTime || c.Kind == value.Timestamp || c.Kind == value.Double:
			return ""
		case c.IsNumbered():
			if n, ok := c.Number([]byte(text)); ok {
				list = append(list, strconv.FormatUint(n, 10))
			}
		case c.Kind == value.Integer || c.Kind == value.Decimal || c.Kind == value.Bit || c.Kind == value.Year:
			if value.IsNumber([]byte(text)) {
				list = append(list, text)
			}
		case c.Kind == value.Text && c.Charset != "" && c.Charset != "utf8mb4": // what this lacks becomes a question mark
			list = append(list, "CONVERT("+mysqldb.QuoteString(text)+" USING "+c.Charset+") COLLATE "+c.Collation)
		default:
			list = append(list, mysqldb.QuoteString(text))
		}
	}
	if len(list) == 0 {
		return "1=0"
	}
	return quoted + " IN (" + strings.Join(list, ",") + ")"
}
