package value_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// FuzzEncode checks that what a peer sends for a column of any type is stored or
// refused, and that a stored value survives Decode and Encode.
func FuzzEncode(f *testing.F) {
	types := []string{"varchar", "int", "bigint", "decimal", "double", "float", "bit", "binary", "varbinary", "date", "datetime", "timestamp", "time", "year", "json",
		"enum", "set", "geometry"}
	for i, text := range []string{`"x"`, `1`, `"9223372036854775808"`, `"-0.10"`, `1e308`, `"0.1"`, `{"type":"Buffer","data":[1]}`, `"\u0000"`, `""`, `"2024-02-30"`,
		`"2024-05-06T07:08:09.123456+02:00"`, `"0000-00-00 00:00:00"`, `"-838:59:59.9"`, `2155`, `{"a":[1]}`, `true`, `null`, `[]`} {
		f.Add(uint8(i), uint8(i), []byte(text))
	}
	zone := time.FixedZone("+02:00", 7200)
	f.Fuzz(func(t *testing.T, which, size uint8, text []byte) {
		entity, err := value.DecodeEntity(append(append([]byte(`{"c":`), text...), '}'))
		if err != nil || len(entity) != 1 {
			return
		}
		c := value.Column{Name: "c", DataType: types[int(which)%len(types)], Length: int(size), Scale: int(size % 7), Nullable: size%2 == 0}
		if c.Kind, err = value.KindOf(c.DataType); err != nil {
			t.Fatal(err)
		}
		stored, err := c.Encode(entity[0].Value, zone)
		if err != nil {
			return
		}
		shown := c.Decode(stored, zone)
		again, err := c.Encode(shown, zone)
		if err != nil {
			return // what the server would refuse too, such as an invalid date
		}
		if twice, err := c.Encode(c.Decode(again, zone), zone); err != nil || !bytes.Equal(again, twice) {
			t.Errorf("%s %s is stored as %q, shown as %#v, stored as %q and then as %q, %v", c.DataType, text, stored, shown, again, twice, err)
		}
	})
}
