package value

import (
	"testing"
)

// TestEqualValuesAreUniform: two stored values have the same uniform spelling if, and only if, they are Equal.
func TestEqualValuesAreUniform(t *testing.T) {
	for _, c := range []struct {
		column Column
		values []string
	}{
		{Column{Kind: Integer, DataType: "int"}, []string{"7", "07", "+7", "-7", "70"}},
		{Column{Kind: Year, DataType: "year"}, []string{"0", "0000", "2026"}},
		{Column{Kind: Decimal, DataType: "decimal", Precision: 10, Scale: 4}, []string{"1.5", "1.50", "1.5000", "15", "100", "100.00", "0", "0.0"}},
		{Column{Kind: DateTime, DataType: "datetime", Scale: 6}, []string{"2026-11-27 10:00:00", "2026-11-27 10:00:00.000000", "2026-11-27 10:00:00.5", "2026-11-27 10:00:00.500000"}},
		{Column{Kind: Double, DataType: "double"}, []string{"1", "1.0", "1e0", "1.5", "0", "-0", "0.1", "0.10000000149011612"}},
		{Column{Kind: Double, DataType: "float"}, []string{"0.1", "0.10000000149011612", "0.2"}},
		{Column{Kind: Binary, DataType: "binary", Length: 4}, []string{"a", "a\x00", "a\x00\x00\x00", "\x00a"}},
		{Column{Kind: Binary, DataType: "varbinary"}, []string{"a", "a\x00", ""}},
		{Column{Kind: Text, DataType: "char"}, []string{"a", "a  ", "A", ""}},
		{Column{Kind: Text, DataType: "varchar"}, []string{"a", "a  ", "A", "", "1.0", "1"}},
		{Column{Kind: Text, DataType: "uuid"}, []string{"123E4567-e89b-12d3-a456-426655440000", "123e4567e89b12d3a456426655440000", "00000000-0000-0000-0000-000000000000"}},
		{Column{Kind: Text, DataType: "inet6"}, []string{"::1", "0:0::1", "::2"}},
		{Column{Kind: JSON, DataType: "json"}, []string{`{"a":1,"b":2}`, `{"b": 2, "a": 1}`, `{"a":1}`, `[]`}},
	} {
		for _, x := range c.values {
			for _, y := range c.values {
				a, b := []byte(x), []byte(y)
				if same := string(c.column.Uniform(a, c.column.DataType)) == string(c.column.Uniform(b, c.column.DataType)); same != c.column.Equal(a, b) {
					t.Errorf("%s: %q and %q have the same spelling: %t, are equal: %t", c.column.DataType, x, y, same, !same)
				}
			}
		}
		if c.column.Uniform(nil, "") != nil {
			t.Errorf("%s: NULL is a value", c.column.DataType)
		}
	}
	text, document := Column{Kind: Text, DataType: "longtext"}, Column{Kind: JSON, DataType: "json"}
	if a, b := text.Uniform([]byte(`{"b": 2}`), "json"), document.Uniform([]byte(`{"b":2}`), "longtext"); string(a) != string(b) {
		t.Errorf("a document that is text on one side is %s and %s", a, b)
	}
	short, long := Column{Kind: Decimal, DataType: "decimal", Precision: 5, Scale: 1}, Column{Kind: Decimal, DataType: "decimal", Precision: 9, Scale: 4}
	if a, b := short.Uniform([]byte("2.0"), "decimal"), long.Uniform([]byte("2.0000"), "decimal"); string(a) != string(b) {
		t.Errorf("a number in columns with different digits is %s and %s", a, b)
	}
	narrow, wide := Column{Kind: Double, DataType: "float"}, Column{Kind: Double, DataType: "double"}
	if a, b := narrow.Uniform([]byte("0.10000000149011612"), "double"), wide.Uniform([]byte("0.1"), "float"); string(a) != string(b) {
		t.Errorf("a float is %s and %s", a, b)
	}
}
