package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Decode converts a stored value to its entity form. TIMESTAMP values, which
// are stored in UTC, are shown in zone.
func (c *Column) Decode(stored []byte, zone *time.Location) any {
	if stored == nil {
		return nil
	}
	s := string(stored)
	switch c.Kind {
	case Integer, Bit, Year:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n <= safeInteger && n >= -safeInteger {
			return n
		}
	case Double:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	case Binary, Geometry:
		return stored
	case Timestamp:
		return shift(s, time.UTC, zone)
	}
	return s
}

// Encode converts an entity value to the column's stored form. It takes every
// form that peers are known to send; values that the server cannot store are
// left for it to refuse.
func (c *Column) Encode(v any, zone *time.Location) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool:
		if v {
			return []byte("1"), nil
		}
		return []byte("0"), nil
	case int64:
		if c.Kind == Year && v == 0 {
			return []byte(zeroYear), nil
		}
		return strconv.AppendInt(nil, v, 10), nil
	case uint64:
		return strconv.AppendUint(nil, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("column %s: %v is not a number that can be stored", c.Name, v)
		}
		if v == math.Trunc(v) && math.Abs(v) < 1e21 {
			return strconv.AppendFloat(nil, v, 'f', -1, 64), nil
		}
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	case string:
		return c.encodeText(v, zone)
	case []byte:
		return c.encodeBytes(v)
	case time.Time:
		return c.encodeTime(v, zone), nil
	case json.RawMessage:
		if c.Kind != JSON && c.Kind != Text {
			return nil, fmt.Errorf("column %s: a nested object does not fit a column of type %s", c.Name, c.DataType)
		}
		return v, nil
	}
	return nil, fmt.Errorf("column %s: a value of type %T does not fit a column", c.Name, v)
}

func (c *Column) encodeText(s string, zone *time.Location) ([]byte, error) {
	switch c.Kind {
	case Date, DateTime, Timestamp:
		// An ISO form with a T is what a Date becomes in JSON.
		if len(s) > 10 && s[10] == 'T' {
			if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
				return c.encodeMoment(t, zone), nil
			}
			s = s[:10] + " " + s[11:]
		}
		if c.Kind == Timestamp {
			return []byte(shift(s, zone, time.UTC)), nil
		}
	case Text, JSON:
		if !utf8.ValidString(s) {
			return nil, fmt.Errorf("column %s: the text is not valid UTF-8", c.Name)
		}
	}
	return []byte(s), nil
}

func (c *Column) encodeBytes(b []byte) ([]byte, error) {
	switch c.Kind {
	case Binary, Geometry:
		if b == nil {
			b = []byte{}
		}
		return b, nil
	case Bit, Integer:
		// Node's MySQL driver gives a BIT as its bytes, the most significant first.
		if len(b) > 8 {
			return nil, fmt.Errorf("column %s: %d bytes do not fit a %s", c.Name, len(b), c.DataType)
		}
		var n uint64
		for _, x := range b {
			n = n<<8 | uint64(x)
		}
		return strconv.AppendUint(nil, n, 10), nil
	}
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("column %s: the bytes are not valid UTF-8, and the column's type is %s", c.Name, c.DataType)
	}
	return append([]byte{}, b...), nil
}

// encodeTime writes a moment that a script gave, always with a date and
// milliseconds, in the parts that the column has: a TIMESTAMP in UTC, all else in
// the zone's local time.
func (c *Column) encodeTime(t time.Time, zone *time.Location) []byte {
	switch c.Kind {
	case Timestamp:
		zone = time.UTC
	case Date:
		return []byte(t.In(zone).Format("2006-01-02"))
	case Time:
		return []byte(t.In(zone).Format("15:04:05" + c.fractionLayout()))
	}
	return []byte(t.In(zone).Format(timeLayout + c.fractionLayout()))
}

// fractionLayout is the layout of the column's fractional digits: all, if its type
// is unknown.
func (c *Column) fractionLayout() string {
	const all = ".000000"
	switch {
	case c.Type == "" || c.Scale > 6:
		return all
	case c.Scale == 0:
		return ""
	}
	return all[:c.Scale+1]
}

// encodeMoment writes a moment that came as text, with all fractional digits, so
// that Fits sees those that the column lacks. In a DATE it is the day in zone.
func (c *Column) encodeMoment(t time.Time, zone *time.Location) []byte {
	if c.Kind == Date {
		return c.encodeTime(t, zone)
	}
	if c.Kind == Timestamp {
		zone = time.UTC
	}
	layout := timeLayout + ".000000"
	if t.Nanosecond()%1000 > 0 {
		layout += "000"
	}
	return []byte(t.In(zone).Format(layout))
}

// shift converts a time from one zone to another. Zero dates, and texts that
// are not times, stay as they are.
func shift(s string, from, to *time.Location) string {
	if from == to || strings.HasPrefix(s, "0000-00-00") {
		return s
	}
	whole, frac, dot := strings.Cut(s, ".")
	t, err := time.ParseInLocation(timeLayout, whole, from)
	if err != nil {
		return s
	}
	whole = t.In(to).Format(timeLayout)
	if dot {
		return whole + "." + frac
	}
	return whole
}

// Equal reports whether two stored values of the column are the same value,
// however they are written: 1.5 and 1.50 are the same DECIMAL.
func (c *Column) Equal(a, b []byte) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if string(a) == string(b) {
		return true
	}
	switch c.Kind {
	case Integer, Bit, Year, Decimal, DateTime, Time, Timestamp:
		x, err1 := c.KeyPart(a)
		y, err2 := c.KeyPart(b)
		return err1 == nil && err2 == nil && string(x) == string(y)
	case Double:
		x, err1 := strconv.ParseFloat(string(a), 64)
		y, err2 := strconv.ParseFloat(string(b), 64)
		if c.DataType == "float" {
			return err1 == nil && err2 == nil && float32(x) == float32(y)
		}
		return err1 == nil && err2 == nil && x == y
	case Binary:
		x, err1 := c.KeyPart(a)
		y, err2 := c.KeyPart(b)
		return err1 == nil && err2 == nil && string(x) == string(y)
	case Text:
		return c.sameText(string(a), string(b))
	case JSON:
		return sameJSON(a, b)
	}
	return false
}

// sameText compares texts that have several spellings.
func (c *Column) sameText(a, b string) bool {
	switch c.DataType {
	case "char":
		return strings.TrimRight(a, " ") == strings.TrimRight(b, " ")
	case "set": // the same members in a different order
		x, ok1 := c.Number([]byte(a))
		y, ok2 := c.Number([]byte(b))
		return ok1 && ok2 && x == y
	case "uuid":
		return strings.EqualFold(strings.ReplaceAll(a, "-", ""), strings.ReplaceAll(b, "-", ""))
	case "inet4", "inet6":
		x, err1 := netip.ParseAddr(a)
		y, err2 := netip.ParseAddr(b)
		return err1 == nil && err2 == nil && x == y
	}
	return false
}

// sameJSON compares two documents by their parsed values: MySQL reorders and
// respaces what it stores.
func sameJSON(a, b []byte) bool {
	return json.Valid(a) && json.Valid(b) && string(Canonical(a)) == string(Canonical(b))
}

// Canonical returns a JSON document in one spelling, the same for all servers; other
// text is returned unchanged. Whole numbers keep all their digits; others are
// doubles, as in MySQL.
func Canonical(document []byte) []byte {
	if !json.Valid(document) {
		return document
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return document
	}
	text, err := json.Marshal(doubles(v))
	if err != nil {
		return document
	}
	return text
}

// doubles replaces the numbers of a document that are not 64-bit integers.
func doubles(v any) any {
	switch v := v.(type) {
	case json.Number:
		_, err1 := strconv.ParseInt(v.String(), 10, 64)
		_, err2 := strconv.ParseUint(v.String(), 10, 64)
		if f, err := v.Float64(); err == nil && err1 != nil && err2 != nil {
			return f
		}
	case []any:
		for i := range v {
			v[i] = doubles(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = doubles(v[k])
		}
	}
	return v
}
