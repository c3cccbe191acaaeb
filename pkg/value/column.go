package value

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is how a column's values are converted; it follows from the column's
// data type.
type Kind uint8

// The kinds of columns. Text also stands for ENUM, SET, UUID and INET types,
// whose values the server takes and gives as text.
const (
	Text Kind = iota + 1
	Integer
	Decimal
	Double // also FLOAT, which is read as DOUBLE: the server prints only 6 of its digits
	Bit
	Binary
	Date
	Time
	DateTime
	Timestamp
	Year
	JSON
	Geometry
)

var kinds = map[string]Kind{
	"char": Text, "varchar": Text, "tinytext": Text, "text": Text, "mediumtext": Text, "longtext": Text,
	"enum": Text, "set": Text, "uuid": Text, "inet4": Text, "inet6": Text,
	"tinyint": Integer, "smallint": Integer, "mediumint": Integer, "int": Integer, "bigint": Integer,
	"decimal": Decimal, "float": Double, "double": Double, "bit": Bit,
	"binary": Binary, "varbinary": Binary, "tinyblob": Binary, "blob": Binary, "mediumblob": Binary, "longblob": Binary,
	"vector": Binary,
	"date":   Date, "time": Time, "datetime": DateTime, "timestamp": Timestamp, "year": Year, "json": JSON,
	"geometry": Geometry, "point": Geometry, "linestring": Geometry, "polygon": Geometry, "multipoint": Geometry,
	"multilinestring": Geometry, "multipolygon": Geometry, "geometrycollection": Geometry, "geomcollection": Geometry,
}

// Column is a column as information_schema.COLUMNS describes it, as far as the
// conversion of its values and Fits need it.
type Column struct {
	Name      string
	DataType  string // DATA_TYPE, lower case
	Kind      Kind
	Type      string   // COLUMN_TYPE: the whole type, as people know it
	Length    int      // bytes of a BINARY or a TEXT, characters of a CHAR
	Precision int      // digits of a DECIMAL, bits of a BIT
	Scale     int      // digits after the point of a DECIMAL or of a second
	Charset   string   // of a text
	Collation string   // of a text
	Members   []string // of an ENUM or a SET, in the order of their numbers
	Unsigned  bool
	Zerofill  bool
	Nullable  bool
	Generated bool // computed by the server and never written
	Stamped   bool // set by the server at each update (ON UPDATE CURRENT_TIMESTAMP)
}

// IsDocument reports whether the column is a text that MariaDB calls JSON: it keeps the spelling, and checks that it is a document.
func (c *Column) IsDocument() bool { return c.Kind == Text && c.Type == "json" }

// ComparedAs is the data type by which another server's values are compared with the column's.
func (c *Column) ComparedAs() string {
	if c.IsDocument() {
		return "json"
	}
	return c.DataType
}

// KindOf returns the kind of a data type as information_schema names it, or an
// error for an unknown type.
func KindOf(dataType string) (Kind, error) {
	k, ok := kinds[strings.ToLower(dataType)]
	if !ok {
		return 0, fmt.Errorf("data type %s is not supported", dataType)
	}
	return k, nil
}

// SelectExpr returns the SQL expression that reads the column in its stored
// form; quoted is the column's quoted name, qualified if need be.
func (c *Column) SelectExpr(quoted string) string {
	switch {
	case c.DataType == "float":
		return "(" + quoted + "+0e0)"
	case c.Kind == Bit, (c.Kind == Integer || c.Kind == Decimal) && c.Zerofill:
		return "(" + quoted + "+0)"
	}
	return quoted
}

// KeyExpr returns the SQL expression that gives the column's part of a key
// form, as binary. It does not depend on the session, since triggers run in the
// users' sessions: a TIMESTAMP gives its epoch.
func (c *Column) KeyExpr(quoted string) string {
	switch {
	case c.Kind == Binary:
		return quoted
	case c.Kind == Text:
		return "CAST(CONVERT(" + quoted + " USING utf8mb4) AS BINARY)"
	case c.Kind == Timestamp:
		// In a trigger UNIX_TIMESTAMP gives NULL for the zero time.
		return "CAST(COALESCE(UNIX_TIMESTAMP(" + quoted + "), 0) AS BINARY)"
	}
	return "CAST(" + c.SelectExpr(quoted) + " AS BINARY)"
}

// CheckKey returns an error if the column cannot be part of a key.
func (c *Column) CheckKey() error {
	switch c.Kind {
	case Double, JSON, Geometry:
		return fmt.Errorf("column %s: a %s cannot identify a row exactly on two servers; give the table an integer, text, binary or date key", c.Name, strings.ToUpper(c.DataType))
	}
	return nil
}

// Bind returns the argument with which a stored value is bound in a statement.
// Binary columns take bytes and a BIT a number, because the server takes text
// for its bits; all others take text, which the server converts from the
// connection's character set and checks.
func (c *Column) Bind(stored []byte) any {
	if stored == nil {
		return nil
	}
	if c.Kind == Binary || c.Kind == Geometry {
		return stored
	}
	if c.Kind == Year && string(stored) == "0" {
		return zeroYear // the driver reads a YEAR as a number, and the text 0 would be 2000
	}
	if c.Kind == Bit {
		if n, err := strconv.ParseUint(string(stored), 10, 64); err == nil {
			return n
		}
	}
	return string(stored)
}

// Operand returns the argument for comparing the column to a stored value, in
// the order of its index; Place returns its placeholder. It is nil, which
// nothing equals, for a value that the column cannot hold.
func (c *Column) Operand(stored []byte) any {
	if stored == nil || !c.IsNumbered() {
		return c.Bind(stored)
	}
	if n, ok := c.Number(stored); ok {
		return n
	}
	return nil
}

// Place returns the placeholder of an operand. A DECIMAL would be compared to
// text as a DOUBLE, which has only 53 bits.
func (c *Column) Place() string {
	if c.Kind == Decimal {
		return fmt.Sprintf("CAST(? AS DECIMAL(65,%d))", c.Scale)
	}
	return "?"
}

// IsNumber reports whether a stored value is a number in digits, which needs no
// quotes in a statement; quotes would make it text.
func IsNumber(stored []byte) bool {
	digits, point := 0, false
	for i, b := range stored {
		switch {
		case b >= '0' && b <= '9':
			digits++
		case b == '.' && !point && digits > 0:
			point = true
		case b != '-' || i > 0:
			return false
		}
	}
	return digits > 0 && digits <= 65
}
