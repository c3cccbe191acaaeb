package value_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// plusTwo is the zone of most tests; it is fixed, so that nothing depends on the
// zone files of the machine.
var plusTwo = time.FixedZone("+02:00", 2*60*60)

// column returns a column of a data type; it panics on an unknown type.
func column(dataType string, set ...func(*value.Column)) *value.Column {
	kind, err := value.KindOf(dataType)
	if err != nil {
		panic(err)
	}
	c := &value.Column{Name: "c", DataType: dataType, Kind: kind}
	for _, f := range set {
		f(c)
	}
	return c
}

func scale(n int) func(*value.Column)  { return func(c *value.Column) { c.Scale = n } }
func length(n int) func(*value.Column) { return func(c *value.Column) { c.Length = n } }

func TestDecode(t *testing.T) {
	for name, test := range map[string]struct {
		column *value.Column
		stored string
		want   any
	}{
		"an integer is a number":                    {column("int"), "-42", int64(-42)},
		"2^53 is the last exact number":             {column("bigint"), "9007199254740992", int64(1 << 53)},
		"an integer beyond 2^53 is a string":        {column("bigint"), "9007199254740993", "9007199254740993"},
		"the largest unsigned integer is a string":  {column("bigint"), "18446744073709551615", "18446744073709551615"},
		"a decimal is a string with all its digits": {column("decimal", scale(4)), "1.5000", "1.5000"},
		"a double is a number":                      {column("double"), "0.1", 0.1},
		"a bit is a number":                         {column("bit"), "5", int64(5)},
		"a year is a number":                        {column("year"), "1999", int64(1999)},
		"bytes stay bytes":                          {column("blob"), "\xff\x00", []byte{0xff, 0}},
		"a geometry is its bytes":                   {column("point"), "\x00\x01", []byte{0, 1}},
		"a text is text":                            {column("varchar"), "Grüße", "Grüße"},
		"JSON is text":                              {column("json"), `{"a": 1}`, `{"a": 1}`},
		"a datetime has no zone":                    {column("datetime"), "2024-05-06 07:08:09", "2024-05-06 07:08:09"},
		"a timestamp is in the zone":                {column("timestamp", scale(3)), "2024-05-06 23:08:09.123", "2024-05-07 01:08:09.123"},
		"a zero timestamp has no zone":              {column("timestamp"), "0000-00-00 00:00:00", "0000-00-00 00:00:00"},
		"an invalid time is left alone":             {column("timestamp"), "nonsense", "nonsense"},
		"a time of more than a day, with its sign":  {column("time", scale(6)), "-838:59:59.000000", "-838:59:59.000000"},
		"an invalid number is left to the reader":   {column("int"), "x", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.column.Decode([]byte(test.stored), plusTwo); !reflect.DeepEqual(got, test.want) {
				t.Errorf("Decode(%q) = %#v, want %#v", test.stored, got, test.want)
			}
			if got := test.column.Decode(nil, plusTwo); got != nil {
				t.Errorf("Decode(NULL) = %#v, want nil", got)
			}
		})
	}
}

func TestEncodeAcceptsEveryFormThatPeersSend(t *testing.T) {
	noon := time.Date(2024, 5, 6, 12, 0, 0, 500_000_000, time.UTC)
	for name, test := range map[string]struct {
		column *value.Column
		entity any
		want   string
	}{
		"true is 1":                                  {column("tinyint"), true, "1"},
		"false is 0":                                 {column("tinyint"), false, "0"},
		"an integer":                                 {column("bigint"), int64(math.MinInt64), "-9223372036854775808"},
		"an unsigned integer":                        {column("bigint"), uint64(math.MaxUint64), "18446744073709551615"},
		"a whole float is an integer":                {column("int"), 1e6, "1000000"},
		"a float keeps its digits":                   {column("double"), 0.1, "0.1"},
		"a large float has an exponent":              {column("double"), 1e300, "1e+300"},
		"a number as text":                           {column("bigint"), "9007199254740993", "9007199254740993"},
		"a decimal as text":                          {column("decimal", scale(2)), "1.10", "1.10"},
		"a year zero, which as text 0 would be 2000": {column("year"), int64(0), "0000"},
		"a year":                                {column("year"), int64(1999), "1999"},
		"a bit as a number":                     {column("bit"), int64(5), "5"},
		"a bit as a Buffer, highest byte first": {column("bit"), []byte{1, 2}, "258"},
		"an integer as a Buffer":                {column("int"), []byte{0, 7}, "7"},
		"bytes":                                 {column("blob"), []byte{0xff, 0}, "\xff\x00"},
		"bytes as text":                         {column("varbinary"), "abc", "abc"},
		"text as bytes":                         {column("text"), []byte("ü"), "ü"},
		"an empty Buffer is not NULL":           {column("blob"), []byte(nil), ""},
		"an ISO time in a datetime is converted to the zone": {column("datetime", scale(3)), "2024-05-06T12:00:00.500Z", "2024-05-06 14:00:00.500000"},
		"an ISO time in a timestamp is UTC":                  {column("timestamp", scale(3)), "2024-05-06T12:00:00.500Z", "2024-05-06 12:00:00.500000"},
		"an ISO time with an offset":                         {column("timestamp"), "2024-05-06T12:00:00+05:30", "2024-05-06 06:30:00.000000"},
		"an ISO time without a zone is as written":           {column("datetime"), "2024-05-06T12:00:00", "2024-05-06 12:00:00"},
		"an ISO time in a date is the zone's day":            {column("date"), "2024-05-06T22:30:00Z", "2024-05-07"},
		"a timestamp as text is in the zone":                 {column("timestamp", scale(3)), "2024-05-07 01:08:09.123", "2024-05-06 23:08:09.123"},
		"a zero timestamp":                                   {column("timestamp"), "0000-00-00 00:00:00", "0000-00-00 00:00:00"},
		"a zero date":                                        {column("date"), "0000-00-00", "0000-00-00"},
		"a Date in a datetime":                               {column("datetime"), noon, "2024-05-06 14:00:00.500000"},
		"a Date in a timestamp":                              {column("timestamp"), noon, "2024-05-06 12:00:00.500000"},
		"a Date in a date":                                   {column("date"), noon, "2024-05-06"},
		"a Date in a time":                                   {column("time"), noon, "14:00:00.500000"},
		"a nested object in JSON":                            {column("json"), json.RawMessage(`{"a":[1]}`), `{"a":[1]}`},
		"a nested object in a text":                          {column("longtext"), json.RawMessage(`[1]`), `[1]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.column.Encode(test.entity, plusTwo)
			if err != nil || got == nil || string(got) != test.want {
				t.Errorf("Encode(%#v) = %q, %v, want %q", test.entity, got, err, test.want)
			}
			if got, err := test.column.Encode(nil, plusTwo); got != nil || err != nil {
				t.Errorf("Encode(nil) = %q, %v, want NULL", got, err)
			}
		})
	}
}

func TestEncodeErrorsNameTheColumn(t *testing.T) {
	for name, test := range map[string]struct {
		column *value.Column
		entity any
	}{
		"NaN":                             {column("double"), math.NaN()},
		"infinity":                        {column("double"), math.Inf(-1)},
		"nine bytes in a BIT":             {column("bit"), make([]byte, 9)},
		"bytes that are not text":         {column("varchar"), []byte{0xff}},
		"invalid text":                    {column("varchar"), "\xff"},
		"bytes that are not a date":       {column("date"), []byte{0xff}},
		"an object in a number":           {column("int"), json.RawMessage(`{}`)},
		"an object in bytes":              {column("blob"), json.RawMessage(`{}`)},
		"a value that no decoder returns": {column("int"), struct{}{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.column.Encode(test.entity, time.UTC)
			if err == nil || !strings.Contains(err.Error(), "column c:") {
				t.Errorf("Encode(%#v) = %q, %v, want an error that names column c", test.entity, got, err)
			}
		})
	}
}

func TestStoredValuesSurviveARoundTrip(t *testing.T) {
	for _, test := range []struct {
		column *value.Column
		stored []string
	}{
		{column("bigint"), []string{"0", "-1", "9007199254740993", "-9223372036854775808", "18446744073709551615"}},
		{column("decimal", scale(30)), []string{"0." + strings.Repeat("1", 30), "-" + strings.Repeat("9", 35) + "." + strings.Repeat("9", 30)}},
		{column("double"), []string{"0", "0.1", "-1.5", "3"}},
		{column("bit"), []string{"0", "1", "18446744073709551615"}},
		{column("varbinary"), []string{"", "\x00", "\xff\xfe", "0x41", `\`}},
		{column("text"), []string{"", " ", "Grüße 😀", "\x00"}},
		{column("date"), []string{"0000-00-00", "2024-02-29", "9999-12-31"}},
		{column("time", scale(6)), []string{"-838:59:59.000000", "00:00:00.000001"}},
		{column("datetime", scale(6)), []string{"0000-00-00 00:00:00.000000", "2024-02-29 23:59:59.999999"}},
		{column("timestamp", scale(6)), []string{"0000-00-00 00:00:00.000000", "1970-01-01 00:00:01.000000", "2038-01-19 03:14:07.999999"}},
		{column("year"), []string{"0000", "1901", "2155"}},
		{column("json"), []string{`{"a": [1, null]}`, `null`}},
		{column("geometry"), []string{"\x00\x00\x00\x00\x01\x01"}},
	} {
		for _, stored := range test.stored {
			t.Run(fmt.Sprintf("%s %q", test.column.DataType, stored), func(t *testing.T) {
				entity := value.Entity{{Name: "c", Value: test.column.Decode([]byte(stored), plusTwo)}}
				wire, err := entity.AppendJSON(nil)
				if err != nil {
					t.Fatal(err)
				}
				back, err := value.DecodeEntity(wire)
				if err != nil {
					t.Fatal(err)
				}
				v, _ := back.Value("c")
				got, err := test.column.Encode(v, plusTwo)
				if err != nil || !bytes.Equal(got, []byte(stored)) {
					t.Errorf("%q went out as %s and came back as %q, %v", stored, wire, got, err)
				}
			})
		}
	}
}

func TestEqualComparesValuesNotSpellings(t *testing.T) {
	for name, test := range map[string]struct {
		column *value.Column
		a, b   string
		want   bool
	}{
		"the same bytes":               {column("blob"), "a", "a", true},
		"other bytes":                  {column("blob"), "a", "a\x00", false},
		"padding of a BINARY":          {column("binary", length(4)), "a", "a\x00\x00\x00", true},
		"digits of a DECIMAL":          {column("decimal", scale(2)), "1.5", "1.50", true},
		"another DECIMAL":              {column("decimal", scale(2)), "1.5", "1.51", false},
		"zeros before an integer":      {column("int"), "0042", "42", true},
		"another integer":              {column("int"), "42", "43", false},
		"a YEAR of zero":               {column("year"), "0", "0000", true},
		"forms of a DOUBLE":            {column("double"), "1e2", "100", true},
		"another DOUBLE":               {column("double"), "1.0000001", "1", false},
		"digits beyond a FLOAT":        {column("float"), "0.10000000149011612", "0.1", true},
		"digits of a DOUBLE":           {column("double"), "0.10000000149011612", "0.1", false},
		"fractions of a second":        {column("datetime", scale(3)), "2024-05-06 07:08:09", "2024-05-06 07:08:09.000", true},
		"another second":               {column("datetime", scale(3)), "2024-05-06 07:08:09.001", "2024-05-06 07:08:09", false},
		"the space after a CHAR":       {column("char"), "a  ", "a", true},
		"the space after a VARCHAR":    {column("varchar"), "a  ", "a", false},
		"case":                         {column("varchar"), "a", "A", false},
		"order and space in JSON":      {column("json"), `{"a": 1, "b":2}`, `{"b":2,"a":1}`, true},
		"a large number in JSON":       {column("json"), `[9007199254740993]`, `[9007199254740992]`, false},
		"forms of a number in JSON":    {column("json"), `[1.50, 1e2, 7]`, `[1.5, 100, 7]`, true},
		"another document":             {column("json"), `[1,2]`, `[2,1]`, false},
		"an invalid number is unequal": {column("int"), "x", "y", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
				if got := test.column.Equal([]byte(pair[0]), []byte(pair[1])); got != test.want {
					t.Errorf("Equal(%q, %q) = %v", pair[0], pair[1], got)
				}
			}
			if test.column.Equal(nil, []byte(test.a)) || test.column.Equal([]byte{}, nil) || !test.column.Equal(nil, nil) {
				t.Error("NULL equals only NULL")
			}
		})
	}
}

func TestUnknownTypesAreRefused(t *testing.T) {
	if _, err := value.KindOf("cube"); err == nil || !strings.Contains(err.Error(), "cube") {
		t.Errorf("KindOf(cube): %v, want an error that names the type", err)
	}
	if k, err := value.KindOf("VARCHAR"); k != value.Text || err != nil {
		t.Errorf("KindOf(VARCHAR) = %v, %v", k, err)
	}
}
