package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Builder writes the Data of records: a JSON object with its members in the order they are added. The zero Builder is
// ready; Bytes ends an object and begins the next. It is for one goroutine.
type Builder struct {
	buf []byte
}

// Add adds a member. A value is nil, a bool, an int64 or uint64, a float64, a string, bytes (written in the form of
// Node's Buffer), a time (written as by Time), or raw JSON. Whole numbers beyond 2^53, which other programs cannot read
// as numbers, become strings, as do NaN and the infinities.
func (b *Builder) Add(name string, v any) error {
	if len(b.buf) == 0 {
		b.buf = append(b.buf, '{')
	} else {
		b.buf = append(b.buf, ',')
	}
	b.buf = append(appendString(b.buf, name), ':')
	var err error
	b.buf, err = appendValue(b.buf, v)
	if err != nil {
		return fmt.Errorf("column %s: %w", name, err)
	}
	return nil
}

// largeObject is from how many bytes on an object is handed out as it was built, not copied.
const largeObject = 64 << 10

// Bytes returns the object; it stays valid.
func (b *Builder) Bytes() []byte {
	if len(b.buf) == 0 {
		return []byte("{}")
	}
	if len(b.buf) >= largeObject {
		result := append(b.buf, '}')
		b.buf = nil
		return result
	}
	result := append(bytes.Clone(b.buf), '}')
	b.buf = b.buf[:0]
	return result
}

// safeInteger is the largest whole number that every reader of JSON preserves.
const safeInteger = 1<<53 - 1

func appendValue(buf []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(buf, "null"...), nil
	case bool:
		return strconv.AppendBool(buf, v), nil
	case int64:
		if v > safeInteger || v < -safeInteger {
			return appendString(buf, strconv.FormatInt(v, 10)), nil
		}
		return strconv.AppendInt(buf, v, 10), nil
	case uint64:
		if v > safeInteger {
			return appendString(buf, strconv.FormatUint(v, 10)), nil
		}
		return strconv.AppendUint(buf, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return appendString(buf, strconv.FormatFloat(v, 'g', -1, 64)), nil
		}
		text, err := json.Marshal(v)
		return append(buf, text...), err
	case string:
		return appendString(buf, v), nil
	case []byte:
		return value.AppendBuffer(buf, v), nil
	case time.Time:
		return append(append(append(buf, '"'), Time(v)...), '"'), nil
	case json.RawMessage:
		if !json.Valid(v) {
			return buf, errors.New("is not valid JSON")
		}
		return append(buf, v...), nil
	}
	text, err := json.Marshal(v)
	return append(buf, text...), err
}

// Grow makes room for n more bytes: an object that grows with each of its columns takes more than twice its size.
func (b *Builder) Grow(n int) { b.buf = slices.Grow(b.buf, n) }

// columnLength is what a column has besides a long value, in bytes, about.
const columnLength = 100

// Length returns how many bytes an object of these values has, at most, but for long names.
func Length(values ...any) int {
	n := 2
	for _, v := range values {
		n += columnLength + lengthOf(v)
	}
	return n
}

// lengthOf returns how many bytes a value has as JSON, at most; 0 for one that is short.
func lengthOf(v any) int {
	switch v := v.(type) {
	case string:
		return TextLength(v)
	case []byte:
		return value.BufferLength(v)
	case json.RawMessage:
		return len(v)
	}
	return 0
}

// isLong reports whether a value alone makes a large object.
func isLong(v any) bool {
	switch v := v.(type) {
	case string:
		return len(v) >= largeObject
	case []byte:
		return len(v) >= largeObject
	case json.RawMessage:
		return len(v) >= largeObject
	}
	return false
}

// TextLength returns how many bytes a text has as JSON, at most.
func TextLength[T string | []byte](s T) int {
	n := len(s) + 2
	valid := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			valid = false // perhaps
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
			n++
		case c < ' ':
			n += 5
		}
	}
	if !valid && !utf8.Valid([]byte(s)) {
		n += 2 * len(s)
	}
	return n
}

// appendString appends a JSON string. Invalid UTF-8 is replaced.
func appendString(buf []byte, s string) []byte {
	const hexadecimal = "0123456789abcdef"
	buf = append(buf, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			buf = append(buf, '\\', c)
		case c == '\n':
			buf = append(buf, `\n`...)
		case c == '\r':
			buf = append(buf, `\r`...)
		case c == '\t':
			buf = append(buf, `\t`...)
		case c < ' ':
			buf = append(buf, `\u00`...)
			buf = append(buf, hexadecimal[c>>4], hexadecimal[c&15])
		case c < utf8.RuneSelf:
			buf = append(buf, c)
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			buf = utf8.AppendRune(buf, r)
			i += size
			continue
		}
		i++
	}
	return append(buf, '"')
}

// Time returns a moment as all records write it: RFC 3339 in UTC, with milliseconds, or microseconds if it has them.
func Time(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		return t.Format("2006-01-02T15:04:05.000000Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// Member is a column of a record.
type Member struct {
	Name  string
	Value json.RawMessage
}

// fewMembers are so many that a name is found faster by looking at each.
const fewMembers = 16

// Members returns the columns of an object in order. A duplicate name keeps its last value, as in readers of JSON. Values
// are parts of data, not copied: a row may have many MB.
func Members(data []byte) ([]Member, error) {
	if !json.Valid(data) {
		var v any
		return nil, fmt.Errorf("is not a JSON object: %w", json.Unmarshal(data, &v))
	}
	if bytes.TrimLeft(data, " \t\r\n")[0] != '{' {
		return nil, errors.New("is not a JSON object")
	}
	list := make([]Member, 0, fewMembers)
	var at map[string]int // of many members: where each is
	err := value.EachMember(data, func(name string, raw []byte) error {
		if len(list) == fewMembers && at == nil {
			at = map[string]int{}
			for i := range list {
				at[list[i].Name] = i
			}
		}
		i, ok := at[name]
		if at == nil {
			i = slices.IndexFunc(list, func(m Member) bool { return m.Name == name })
			ok = i >= 0
		}
		if ok {
			list[i].Value = raw
			return nil
		}
		if at != nil {
			at[name] = len(list)
		}
		list = append(list, Member{name, raw})
		return nil
	})
	return list, err
}

// List returns the list that a JSON object has under a name, as a part of it: its items are read one by one, with
// value.EachItem, since decoded they may take many times as much memory. It is nil if data has no such list.
func List(data []byte, name string) json.RawMessage {
	var list json.RawMessage
	if !json.Valid(data) {
		return nil
	}
	if err := value.EachMemberOf(data, []string{name}, func(_ int, v []byte) { list = v }); err != nil || len(list) == 0 || list[0] != '[' {
		return nil
	}
	return list
}

// Weight estimates how many values a JSON text has; a list or an object counts as several. Decoded, each takes about a
// hundred bytes, however short it is in JSON: a source refuses an answer that is too heavy. Promise 12.
func Weight(text []byte) (n int64) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == ',':
			n++
		case c == '[' || c == '{':
			n += 4
		}
	}
	return n
}

// Columns returns some columns of an object by name, as Object does, without reading the others.
func Columns(data []byte, names ...string) (map[string]any, error) {
	members, err := Members(data)
	if err != nil {
		return nil, err
	}
	result := map[string]any{}
	for _, m := range members {
		if !slices.Contains(names, m.Name) {
			continue
		}
		result[m.Name] = Parsed(m.Value)
	}
	return result, nil
}

// Parsed returns a JSON value, with numbers as json.Number; nil for null, and for what is not JSON. Most are plain texts
// and numbers, for which no decoder is needed.
func Parsed(v json.RawMessage) any {
	if len(v) == 0 {
		return nil
	}
	switch c := v[0]; {
	case c == '"' && len(v) > 1 && v[len(v)-1] == '"':
		text, err := value.Unquote(v)
		if err != nil {
			return nil
		}
		return text
	case c == '-' || '0' <= c && c <= '9':
		return json.Number(v)
	}
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	var x any
	if d.Decode(&x) != nil {
		return nil
	}
	return x
}

// Object returns the columns of an object by name, with numbers as json.Number so that no digits are lost.
func Object(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var result map[string]any
	if err := d.Decode(&result); err != nil {
		return nil, fmt.Errorf("is not a JSON object: %w", err)
	}
	return result, nil
}

// Data returns the columns of an entity as the Data of a record: bytes keep their form, which
// value.Entity.AppendJSON gives up for existing peers.
func Data(e value.Entity) ([]byte, error) {
	var b Builder
	for _, f := range e {
		if isLong(f.Value) { // most rows with one have no other
			b.Grow(lengthOf(f.Value) + largeObject)
		}
	}
	for _, f := range e {
		if err := b.Add(f.Name, f.Value); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
