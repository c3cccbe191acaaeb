package value

import (
	"strings"
	"testing"
)

// typed makes a column of a type as the servers describe it.
func typed(t *testing.T, columnType string) *Column {
	t.Helper()
	name, rest, _ := strings.Cut(columnType, "(")
	c := &Column{Name: "c", DataType: strings.Fields(name)[0], Type: columnType, Unsigned: strings.HasSuffix(columnType, "unsigned"), Nullable: true}
	var err error
	if c.Kind, err = KindOf(c.DataType); err != nil {
		t.Fatal(err)
	}
	if c.IsNumbered() {
		c.Members = Members(columnType)
		c.Charset = "utf8mb4"
		return c
	}
	var a, b int
	for i, part := range strings.Split(strings.TrimRight(strings.TrimSuffix(rest, " unsigned"), ")"), ",") {
		n := 0
		for _, d := range part {
			n = n*10 + int(d-'0')
		}
		if i == 0 {
			a = n
		} else {
			b = n
		}
	}
	switch c.Kind {
	case Text, Binary:
		c.Length = a
		if c.Kind == Text {
			c.Charset = "utf8mb4"
		}
		switch c.DataType {
		case "tinytext", "tinyblob":
			c.Length = 255
		case "text", "blob":
			c.Length = 65535
		case "longtext":
			c.Length = 1<<31 - 1
		}
	case Time, DateTime, Timestamp:
		c.Scale = a
	default:
		c.Precision, c.Scale = a, b
	}
	return c
}

func TestWhichColumnsHoldEachOther(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		narrow, wide string
		why          string // why the wide one does not fit the narrow one
		back         string // the other way
	}{
		{"decimal(12,2)", "decimal(12,4)", "rounded", "out of range"},
		{"decimal(12,2)", "decimal(14,4)", "rounded", ""},
		{"int", "bigint", "out of range", ""},
		{"int unsigned", "int", "out of range", "out of range"},
		{"int", "decimal(9,0)", "", "out of range"},
		{"bigint", "int unsigned", "", "out of range"},
		{"float", "double", "rounded", ""},
		{"double", "bigint", "rounded", "another kind"},
		{"double", "int", "", "another kind"},
		{"datetime", "datetime(6)", "digits of a second", ""},
		{"date", "datetime", "time of the day", ""},
		{"timestamp", "datetime", "1970", ""},
		{"time", "time(3)", "digits of a second", ""},
		{"char(10)", "varchar(10)", "spaces", ""},
		{"varchar(4)", "varchar(5)", "too long", ""},
		{"tinytext", "text", "too long", ""},
		{"tinytext", "varchar(63)", "", "too long"},
		{"tinytext", "varchar(64)", "too long", "too long"},
		{"varchar(20)", "bigint", "", "another kind"},
		{"varchar(10)", "bigint", "too long", "another kind"},
		{"binary(4)", "varbinary(4)", "padded", ""},
		{"varbinary(4)", "blob", "too long", ""},
		{"enum('a','b')", "enum('b','c','a')", `"c" is not one`, ""},
		{"enum('a','b')", "varchar(1)", "its own values", ""},
		{"bit(8)", "bit(9)", "out of range", ""},
		{"longtext", "json", "", ""},
		{"point", "geometry", "geometry", ""},
		{"year", "int", "another kind", "another kind"},
	} {
		narrow, wide := typed(t, x.narrow), typed(t, x.wide)
		for _, one := range []struct {
			c, o *Column
			want string
		}{{narrow, wide, x.why}, {wide, narrow, x.back}, {narrow, narrow, ""}, {wide, wide, ""}} {
			if got := one.c.Holds(one.o); got == "" != (one.want == "") || !strings.Contains(got, one.want) {
				t.Errorf("%s into %s: %q, want %q", one.o.Type, one.c.Type, got, one.want)
			}
		}
	}
	latin, full, empty := typed(t, "varchar(4)"), typed(t, "varchar(4)"), typed(t, "varchar(4)")
	latin.Charset, empty.Nullable = "latin1", false
	if latin.Holds(full) == "" || full.Holds(latin) != "" || empty.Holds(full) == "" || full.Holds(empty) != "" {
		t.Error("character sets, or NULL")
	}
}
