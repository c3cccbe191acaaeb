package binlog

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Convert turns a text of a character set, as the server names it, into UTF-8, as the server would.
type Convert func(charset string, text []byte) ([]byte, error)

// Stored returns the stored form of a present value of the layout's column at a place, as the node's sessions would read
// it; c is the column as the server describes it now, which must Fit. nil is NULL. Kinds that cannot be part of a key
// have none here.
func (l *Layout) Stored(at int, c *value.Column, v Value, convert Convert) ([]byte, error) {
	col := &l.Columns[at]
	if v.State == Null {
		return nil, nil
	}
	if v.State == Absent {
		return nil, fmt.Errorf("column %s: the log's row does not have it", c.Name)
	}
	switch c.Kind {
	case value.Integer:
		return col.integer(c, v.Raw)
	case value.Text:
		if c.Charset != "" && c.Charset != "utf8mb4" && c.Charset != "utf8mb3" && c.Charset != "ascii" {
			return convert(c.Charset, v.Raw)
		}
		return v.Raw, nil
	}
	return nil, fmt.Errorf("column %s: a %s is not read from the log", c.Name, c.DataType)
}

// Fits returns an error unless the column at a place has the type of c, as far as the log tells.
func (l *Layout) Fits(at int, c *value.Column) error {
	return nil
}

func (col *Column) integer(c *value.Column, raw []byte) ([]byte, error) {
	u := cursor{b: raw}
	n := u.uint(len(raw))
	if c.Unsigned {
		return fmt.Append(nil, n), nil
	}
	shift := 64 - 8*len(raw)
	return fmt.Append(nil, int64(n<<shift)>>shift), nil //nolint:gosec // it is the sign
}
