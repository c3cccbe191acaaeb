package value_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// keys are columns of each kind allowed in a key, with stored values in canonical form, their key
// part and their ID.
var keys = []struct {
	column           *value.Column
	stored, part, id string
}{
	{column("int"), "-7", "-7", "-7"},
	{column("bigint"), "18446744073709551615", "18446744073709551615", "18446744073709551615"},
	{column("decimal", scale(3)), "1.500", "1.500", "1.500"},
	{column("decimal"), "-12", "-12", "-12"},
	{column("bit"), "5", "5", "5"},
	{column("year"), "1999", "1999", "1999"},
	{column("year"), "0000", "0000", "0000"},
	{column("varchar"), "", "", ""},
	{column("varchar"), "ä,\\'", "ä,\\'", "ä,\\'"},
	{column("varchar"), "a ", "a ", "a "},
	{column("char"), "a", "a", "a"},
	{column("uuid"), "53d21975-608f-40a5-b97b-02d4ad7b1f71", "53d21975-608f-40a5-b97b-02d4ad7b1f71", "53d21975-608f-40a5-b97b-02d4ad7b1f71"},
	{column("varbinary"), "abc", "abc", "abc"},
	{column("varbinary"), "\xff\x00", "\xff\x00", "0xff00"},
	{column("varbinary"), "0x41", "0x41", "0x30783431"},
	{column("varbinary"), "0xzz", "0xzz", "0x30787a7a"},
	{column("binary", length(4)), "\xff\x00\x01\x00", "\xff\x00\x01\x00", "0xff000100"},
	{column("binary", length(4)), "ab\x00\x00", "ab\x00\x00", "ab\x00\x00"},
	{column("date"), "2024-02-29", "2024-02-29", "2024-02-29"},
	{column("time", scale(2)), "-01:02:03.40", "-01:02:03.40", "-01:02:03.40"},
	{column("datetime", scale(6)), "2024-02-29 01:02:03.000004", "2024-02-29 01:02:03.000004", "2024-02-29 01:02:03.000004"},
	{column("timestamp"), "2024-02-29 01:02:03", "1709168523", "2024-02-29 01:02:03"},
	{column("timestamp", scale(3)), "2024-02-29 01:02:03.450", "1709168523.450", "2024-02-29 01:02:03.450"},
	{column("timestamp", scale(3)), "0000-00-00 00:00:00.000", "0.000", "0000-00-00 00:00:00.000"},
}

func TestKeyFormsRoundTrip(t *testing.T) {
	for _, k := range keys {
		t.Run(fmt.Sprintf("%s %q", k.column.DataType, k.stored), func(t *testing.T) {
			if err := k.column.CheckKey(); err != nil {
				t.Errorf("CheckKey: %v", err)
			}
			part, err := k.column.KeyPart([]byte(k.stored))
			if err != nil || string(part) != k.part {
				t.Errorf("KeyPart = %q, %v, want %q", part, err, k.part)
			}
			stored, err := k.column.KeyValue([]byte(k.part))
			if err != nil || string(stored) != k.stored {
				t.Errorf("KeyValue = %q, %v, want %q", stored, err, k.stored)
			}
			id, err := k.column.IDPart([]byte(k.part))
			if err != nil || id != k.id {
				t.Errorf("IDPart = %q, %v, want %q", id, err, k.id)
			}
			back, err := k.column.ParseIDPart(k.id)
			if err != nil || string(back) != k.part {
				t.Errorf("ParseIDPart = %q, %v, want %q", back, err, k.part)
			}
		})
	}
}

func TestKeyPartIsTheSameForEverySpelling(t *testing.T) {
	for _, test := range []struct {
		column *value.Column
		part   string
		forms  []string
	}{
		{column("int"), "42", []string{"42", "0042", "+42"}},
		{column("year"), "0000", []string{"0", "0000"}},
		{column("decimal", scale(2)), "1.50", []string{"1.5", "01.5", "1.50", "+1.500"}},
		{column("decimal", scale(2)), "0.00", []string{"0", "-0.0"}},
		{column("char"), "a", []string{"a", "a  "}},
		{column("uuid"), "53d2", []string{"53D2", "53d2"}},
		{column("binary", length(3)), "a\x00\x00", []string{"a", "a\x00", "a\x00\x00"}},
		{column("datetime", scale(3)), "2024-01-01 00:00:00.100", []string{"2024-01-01 00:00:00.1", "2024-01-01 00:00:00.100000"}},
		{column("datetime"), "2024-01-01 00:00:00", []string{"2024-01-01 00:00:00.000"}},
	} {
		for _, form := range test.forms {
			if got, err := test.column.KeyPart([]byte(form)); err != nil || string(got) != test.part {
				t.Errorf("%s: KeyPart(%q) = %q, %v, want %q", test.column.DataType, form, got, err, test.part)
			}
		}
	}
}

func TestErrorsOfWrongKeysNameTheColumn(t *testing.T) {
	for _, test := range []struct {
		column *value.Column
		stored []byte
	}{
		{column("int"), nil},
		{column("int"), []byte("1.5")},
		{column("int"), []byte("0x10")},
		{column("int"), []byte(strings.Repeat("1", 1000))},
		{column("decimal", scale(2)), []byte("1e9")},
		{column("decimal", scale(2)), []byte("1/2")},
		{column("decimal", scale(2)), []byte("0b11")},
		{column("decimal", scale(2)), []byte("")},
		{column("timestamp"), []byte("yesterday")},
		{column("timestamp"), []byte("1969-12-31 23:59:59")},
	} {
		got, err := test.column.KeyPart(test.stored)
		if err == nil || !strings.Contains(err.Error(), "column c:") || len(err.Error()) > 200 {
			t.Errorf("%s: KeyPart(%q) = %q, %v, want a short error that names column c", test.column.DataType, test.stored, got, err)
		}
	}
	for _, part := range []string{"", "x", "-5", "99999999999999"} {
		if got, err := column("timestamp").KeyValue([]byte(part)); err == nil {
			t.Errorf("KeyValue(%q) = %q, want an error", part, got)
		}
	}
	for _, dataType := range []string{"float", "double", "json", "point"} {
		if err := column(dataType).CheckKey(); err == nil || !strings.Contains(err.Error(), "column c:") {
			t.Errorf("CheckKey of %s: %v, want an error that names column c", dataType, err)
		}
	}
}

func TestCompositeKeysSplitAsJoined(t *testing.T) {
	for key, parts := range map[string][]string{
		`a`:              {`a`},
		`a,b\`:           {`a,b\`},
		`1,2`:            {`1`, `2`},
		`,`:              {``, ``},
		`,,`:             {``, ``, ``},
		`a\,b,c\\,\\\,`:  {`a,b`, `c\`, `\,`},
		"\xff\x00,\\,\n": {"\xff\x00", ",\n"},
	} {
		list := make([][]byte, len(parts))
		for i, p := range parts {
			list[i] = []byte(p)
		}
		if got := value.JoinKey(list); string(got) != key {
			t.Errorf("JoinKey(%q) = %q, want %q", parts, got, key)
		}
		if got, err := value.SplitKey([]byte(key), len(parts)); err != nil || !reflect.DeepEqual(got, list) {
			t.Errorf("SplitKey(%q) = %q, %v, want %q", key, got, err, parts)
		}
	}
}

func TestSplitKeyRefusesAWrongNumberOfParts(t *testing.T) {
	for key, n := range map[string]int{"a": 2, "a,b": 3, "a,b,c": 2, "": 2, `a,b\`: 2} {
		if got, err := value.SplitKey([]byte(key), n); err == nil {
			t.Errorf("SplitKey(%q, %d) = %q, want an error", key, n, got)
		}
	}
}

// FuzzSplitKey checks that a key that can be split identifies one row: joined again, it is the
// canonical key of the same parts.
func FuzzSplitKey(f *testing.F) {
	for _, key := range []string{"", "a", ",", `a\,b,c`, `\`, `\a,b`, "1,2,3", "\xff,\x00"} {
		f.Add([]byte(key), 2)
	}
	f.Fuzz(func(t *testing.T, key []byte, n int) {
		if n < 1 || n > 16 {
			n = 2
		}
		parts, err := value.SplitKey(key, n)
		if err != nil {
			return
		}
		again, err := value.SplitKey(value.JoinKey(parts), n)
		if err != nil || !reflect.DeepEqual(again, parts) {
			t.Errorf("%q is %q, and joined and split again %q, %v", key, parts, again, err)
		}
	})
}

// FuzzParseIDPart checks that an accepted ID names a key whose ID names the same key.
func FuzzParseIDPart(f *testing.F) {
	for i, k := range keys {
		f.Add(uint(i), k.id)
	}
	for i := range keys {
		f.Add(uint(i), "0000-00-00 00:00:00.5")
		f.Add(uint(i), "1960-01-01 00:00:00")
		f.Add(uint(i), "99999-01-01 00:00:00")
		f.Add(uint(i), "0x")
		f.Add(uint(i), "-0")
	}
	f.Fuzz(func(t *testing.T, i uint, s string) {
		c := keys[i%uint(len(keys))].column
		part, err := c.ParseIDPart(s)
		if err != nil {
			return
		}
		id, err := c.IDPart(part)
		if err != nil {
			t.Fatalf("%s: ParseIDPart(%q) = %q, which has no id: %v", c.DataType, s, part, err)
		}
		again, err := c.ParseIDPart(id)
		if err != nil || string(again) != string(part) {
			t.Errorf("%s: ParseIDPart(%q) = %q, its id is %q, and that is %q, %v", c.DataType, s, part, id, again, err)
		}
	})
}

// TestDigitsAreCountedBeforeTheyAreRead checks that a number too long for a key costs no
// arithmetic, which would take memory and quadratic time.
func TestDigitsAreCountedBeforeTheyAreRead(t *testing.T) {
	digits := strings.Repeat("9", 1<<20)
	for _, c := range []*value.Column{column("int"), column("bigint"), column("bit"), column("year"), column("decimal", scale(3)), column("decimal")} {
		for _, s := range []string{digits, "-" + digits, "0." + digits, "1e999999999"} {
			stored := []byte(s)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := c.KeyPart(stored)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; err == nil || len(err.Error()) > 200 || n > uint64(len(s))+1<<16 {
				t.Errorf("%s: a key of %d bytes is read as %v with %d bytes of memory", c.DataType, len(s), err, n)
			}
		}
	}
}
