package sqldb

import (
	"database/sql"
	"fmt"
)

// Reader makes values of package record from what a driver returns: the server's text, which is not copied before, or a
// value that the driver has made of it. One of the two is set.
type Reader struct {
	Text  func(string) (any, error)
	Value func(any) (any, error)
}

// Values are the columns of a result's current row. They are for one goroutine.
type Values struct {
	Names   []string
	rows    *sql.Rows
	readers []Reader
	raw     []sql.RawBytes // of columns read as text
	given   []any          // of the other columns
	into    []any
}

// NewValues returns the columns of a result, before its first row.
func NewValues(d Dialect, rows *sql.Rows) (*Values, error) {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("read the columns: %w", err)
	}
	v := &Values{rows: rows, raw: make([]sql.RawBytes, len(columns)), given: make([]any, len(columns))}
	for i, c := range columns {
		v.Names = append(v.Names, c.Name())
		v.readers = append(v.readers, d.Reader(c))
		if v.readers[i].Text != nil {
			v.into = append(v.into, &v.raw[i])
		} else {
			v.into = append(v.into, &v.given[i])
		}
	}
	return v, nil
}

// Scan reads the current row.
func (v *Values) Scan() error { return v.rows.Scan(v.into...) }

// Size returns how many bytes the row has, about.
func (v *Values) Size() (n int) {
	for i, raw := range v.raw {
		n += len(raw) + sizeOf(v.given[i])
	}
	return n
}

// Value returns the value of a column, as package record has it.
func (v *Values) Value(i int) (any, error) {
	switch {
	case v.readers[i].Value != nil:
		return v.readers[i].Value(v.given[i])
	case v.raw[i] == nil:
		return nil, nil
	}
	return v.readers[i].Text(string(v.raw[i]))
}

// Source returns the value of a column as the driver returned it: bytes of text, or a value; nil for NULL.
func (v *Values) Source(i int) any {
	if v.raw[i] != nil {
		return []byte(v.raw[i])
	}
	return v.given[i]
}

// sizeOf returns how many bytes a driver's value has.
func sizeOf(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	}
	return 8
}
