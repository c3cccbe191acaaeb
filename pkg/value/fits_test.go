package value

import (
	"strings"
	"testing"
	"time"
)

// Package schema tests what a server does with values; this tests the error messages.
func TestErrorsNameColumnValueAndType(t *testing.T) {
	t.Parallel()
	price := Column{Name: "price", DataType: "decimal", Kind: Decimal, Type: "decimal(12,2)", Precision: 12, Scale: 2}
	for name, c := range map[string]struct {
		column Column
		stored []byte
		want   string
	}{
		"digits":     {price, []byte("1.2345"), "column price: 1.2345 does not fit DECIMAL(12,2): it would be rounded"},
		"no value":   {price, nil, "column price: NULL does not fit DECIMAL(12,2): the column is NOT NULL"},
		"an integer": {Column{Name: "n", DataType: "int", Kind: Integer, Type: "int(10) unsigned", Unsigned: true}, []byte("-1"), "column n: -1 does not fit INT(10) UNSIGNED: it is out of range"},
		"a second":   {Column{Name: "at", DataType: "datetime", Kind: DateTime, Type: "datetime"}, []byte("2024-02-29 10:11:12.5"), "column at: 2024-02-29 10:11:12.5 does not fit DATETIME: it has more digits of a second"},
		"a day":      {Column{Name: "day", DataType: "date", Kind: Date, Type: "date"}, []byte("2024-02-29 10:11:12"), "column day: 2024-02-29 10:11:12 does not fit DATE: the time of the day would be cut off"},
		"spaces": {Column{Name: "code", DataType: "varchar", Kind: Text, Type: "varchar(4)", Length: 4, Charset: "latin1"}, []byte("abcd "),
			"column code: a text of 5 characters does not fit VARCHAR(4) CHARACTER SET latin1: it takes 4"},
		"a member": {Column{Name: "state", DataType: "enum", Kind: Text, Type: "enum('new','paid')", Members: []string{"new", "paid"}, Charset: "utf8mb4"}, []byte("1"),
			`column state: "1" does not fit ENUM('new','paid'): it is not one of the column's values`},
		"bytes": {Column{Name: "hash", DataType: "binary", Kind: Binary, Type: "binary(4)", Length: 4}, []byte("ab"), "column hash: a value of 2 bytes does not fit BINARY(4): it would be padded with zero bytes"},
	} {
		if err := c.column.Fits(c.stored); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestScriptDatesGetTheColumnsDigits(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 10, 11, 12, 345_678_000, time.UTC)
	for _, c := range []struct {
		column Column
		want   string
	}{
		{Column{Kind: DateTime, Type: "datetime"}, "2024-02-29 10:11:12"},
		{Column{Kind: Timestamp, Type: "timestamp(3)", Scale: 3}, "2024-02-29 10:11:12.345"},
		{Column{Kind: Time, Type: "time(6)", Scale: 6}, "10:11:12.345678"},
		{Column{Kind: Date, Type: "date"}, "2024-02-29"},
	} {
		got, err := c.column.Encode(at, time.UTC)
		if err != nil || string(got) != c.want || c.column.Fits(got) != nil {
			t.Errorf("%s: %s, %v, want %s", c.column.Type, got, err, c.want)
		}
		// As text it has all its digits, and is not cut silently.
		got, err = c.column.Encode("2024-02-29T10:11:12.345678912Z", time.UTC)
		if err != nil || c.column.Fits(got) == nil != (c.column.Kind == Date) && c.column.Kind != Time {
			t.Errorf("%s: %s, %v", c.column.Type, got, err)
		}
	}
}

func TestMembersAreReadAsTheServerShowsThem(t *testing.T) {
	t.Parallel()
	got := strings.Join(Members(`enum('a','it''s','x\\y','','a,b','n\nl')`), "|")
	if want := "a|it's|x\\y||a,b|n\nl"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c := Column{Name: "c", DataType: "enum", Kind: Text, Members: Members("enum('?','a')")}
	if err := c.Fits([]byte("😀")); err != nil {
		t.Errorf("a question mark may be another character: %v", err)
	}
}

// FuzzFits checks that Fits does not panic: values come from outside.
func FuzzFits(f *testing.F) {
	for _, s := range []string{"1.5", "-0.0e-5", ".", "e", "2024-02-29 10:11:12.5", "838:59:59", `{"a":[1,{"b":2}],"a":1e400}`, "a,b", "\xff", "\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, stored []byte) {
		for name, kind := range kinds {
			for _, scale := range []int{0, 3} {
				c := Column{Name: "c", DataType: name, Kind: kind, Type: name + "(10,3)", Length: 10, Precision: 10, Scale: scale, Charset: "sjis", Members: []string{"a", "b"}}
				_ = c.Fits(stored)
			}
		}
	})
}

// BenchmarkFits measures a row of the most common types.
func BenchmarkFits(b *testing.B) {
	columns := []Column{
		{Name: "id", DataType: "bigint", Kind: Integer, Type: "bigint(20)", Precision: 19},
		{Name: "customer", DataType: "varchar", Kind: Text, Type: "varchar(80)", Length: 80, Charset: "utf8mb4"},
		{Name: "state", DataType: "enum", Kind: Text, Type: "enum('new','paid')", Members: []string{"new", "paid"}},
		{Name: "amount", DataType: "decimal", Kind: Decimal, Type: "decimal(10,2)", Precision: 10, Scale: 2},
		{Name: "paid", DataType: "tinyint", Kind: Integer, Type: "tinyint(4)", Precision: 3},
		{Name: "made", DataType: "datetime", Kind: DateTime, Type: "datetime"},
		{Name: "changed", DataType: "timestamp", Kind: Timestamp, Type: "timestamp(6)", Scale: 6},
		{Name: "comment", DataType: "text", Kind: Text, Type: "text", Length: 65535, Charset: "utf8mb4"},
		{Name: "weight", DataType: "double", Kind: Double, Type: "double"},
	}
	row := []string{"4711", "customer 81", "paid", "1234.50", "1", "2026-05-06 07:08:09", "2026-05-06 05:08:09.123456", strings.Repeat("x", 130), "0.30000000000000004"}
	values := make([][]byte, len(row))
	for i, s := range row {
		values[i] = []byte(s)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range columns {
			if err := columns[i].Fits(values[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestSpellingsOfSpecialTypesAreEqual(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		column Column
		a, b   string
		want   bool
	}{
		{Column{DataType: "set", Kind: Text, Members: []string{"x", "y"}}, "y,x", "x,y", true},
		{Column{DataType: "set", Kind: Text, Members: []string{"x", "y"}}, "y", "x,y", false},
		{Column{DataType: "uuid", Kind: Text}, "123E4567e89b12d3a456426655440000", "123e4567-e89b-12d3-a456-426655440000", true},
		{Column{DataType: "inet6", Kind: Text}, "::FFFF:0102:0304", "::ffff:1.2.3.4", true},
		{Column{DataType: "inet6", Kind: Text}, "::1", "::2", false},
	} {
		if got := c.column.Equal([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%s %s, %s: %v", c.column.DataType, c.a, c.b, got)
		}
	}
}
