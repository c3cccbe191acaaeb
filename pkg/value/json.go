package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// safeInteger is the largest whole number that JavaScript holds exactly.
const safeInteger = 1 << 53

// DecodeEntity reads the entity of a JSON message: null gives a nil Entity, an
// object its fields in their order. If a name occurs twice, the last value
// counts, as in JavaScript. {"type":"Buffer","data":[…]} gives bytes.
//
// It has at most as many columns as a table can have.
func DecodeEntity(raw []byte) (Entity, error) {
	if !json.Valid(raw) {
		var v any
		return nil, fmt.Errorf("entity: %w", json.Unmarshal(raw, &v))
	}
	switch skipSpace(raw)[0] {
	case 'n':
		return nil, nil
	case '{':
	default:
		return nil, fmt.Errorf("entity: neither an object nor null")
	}
	e := Entity{}
	at := map[string]int{}
	err := EachMember(raw, func(name string, raw []byte) error {
		f := Field{Name: name}
		var err error
		if f.Value, err = decodeValue(raw); err != nil {
			return fmt.Errorf("column %s: %w", clip(name), err)
		}
		if i, ok := at[name]; ok {
			e[i] = f
			return nil
		}
		if len(e) == maxColumns {
			return fmt.Errorf("it has more than %d columns", maxColumns)
		}
		at[name] = len(e)
		e = append(e, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("entity: %w", err)
	}
	return e, nil
}

// EachMember calls f with the name and the value of each member of a JSON object, in their order, a name that occurs twice
// twice. The object should be valid: see json.Valid; of one that is not, anything may be called a value. Values are parts
// of it, not copied.
func EachMember(object []byte, f func(name string, raw []byte) error) error {
	return eachMember(object, func(quoted, raw []byte) error {
		name, err := Unquote(quoted)
		if err != nil {
			return err
		}
		return f(name, raw)
	})
}

// EachMemberOf is EachMember for the members with some names, which are sorted: f is called with a name's place among
// them. It allocates nothing for names without escapes.
func EachMemberOf(object []byte, names []string, f func(i int, raw []byte)) error {
	return eachMember(object, func(quoted, raw []byte) error {
		name := quoted[1 : len(quoted)-1]
		if !isPlain(name) {
			unquoted, err := Unquote(quoted)
			if err != nil {
				return err
			}
			name = []byte(unquoted)
		}
		if i, ok := slices.BinarySearchFunc(names, name, compare); ok {
			f(i, raw)
		}
		return nil
	})
}

// compare compares without a copy.
func compare(a string, b []byte) int {
	switch {
	case a < string(b):
		return -1
	case a > string(b):
		return 1
	}
	return 0
}

// errCut is the error of JSON that ends too early.
var errCut = errors.New("is not valid JSON")

func eachMember(object []byte, f func(quoted, raw []byte) error) error {
	rest := skipSpace(object)
	if len(rest) == 0 || rest[0] != '{' {
		return errCut
	}
	for rest = skipSpace(rest[1:]); len(rest) > 0 && rest[0] == '"'; {
		n := valueLength(rest)
		name, after := rest[:n], skipSpace(rest[n:])
		if len(name) < 2 || len(after) == 0 {
			return errCut
		}
		after = skipSpace(after[1:]) // the colon
		if n = valueLength(after); n == 0 {
			return errCut
		}
		if err := f(name, after[:n:n]); err != nil {
			return err
		}
		if rest = skipSpace(after[n:]); len(rest) > 0 && rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	if len(rest) == 0 || rest[0] != '}' {
		return errCut
	}
	return nil
}

// EachItem calls f with each item of a JSON list, which should be valid as in EachMember.
func EachItem(list []byte, f func(raw []byte) error) error {
	rest := skipSpace(list)
	if len(rest) == 0 || rest[0] != '[' {
		return errCut
	}
	for rest = skipSpace(rest[1:]); len(rest) > 0 && rest[0] != ']'; {
		n := valueLength(rest)
		if err := f(rest[:n:n]); err != nil {
			return err
		}
		if rest = skipSpace(rest[n:]); len(rest) > 0 && rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	if len(rest) == 0 {
		return errCut
	}
	return nil
}

// maxColumns is the servers' own limit.
const maxColumns = 4096

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// valueLength returns the length of the JSON value at the front of b: all of it if the value does not end.
func valueLength(b []byte) int {
	depth := 0
	for i := 0; i < len(b); {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			i++
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			i++
			if depth == 0 { // a number or a word
				for i < len(b) && bytes.IndexByte([]byte(",}] \t\r\n"), b[i]) < 0 {
					i++
				}
			}
		}
		if depth <= 0 {
			return min(i, len(b))
		}
	}
	return len(b)
}

func decodeValue(raw []byte) (any, error) {
	switch raw[0] {
	case 'n':
		return nil, nil
	case 't':
		return true, nil
	case 'f':
		return false, nil
	case '"':
		return Unquote(raw)
	case '{':
		var b struct {
			Type string      `json:"type"`
			Data *bufferData `json:"data"`
		}
		if json.Unmarshal(raw, &b) == nil && b.Type == "Buffer" && b.Data != nil {
			return []byte(*b.Data), nil
		}
		return json.RawMessage(bytes.Clone(raw)), nil
	case '[':
		return json.RawMessage(bytes.Clone(raw)), nil
	}
	return number(string(raw)), nil
}

// bufferData is the byte list of Node's Buffer in JSON.
type bufferData []byte

// UnmarshalJSON reads a list of numbers from 0 to 255.
func (b *bufferData) UnmarshalJSON(raw []byte) error {
	// encoding/json reads []uint8 as base64, and a list of integers would take eight times as many bytes.
	list, ok := bytes.CutPrefix(bytes.TrimSpace(raw), []byte("["))
	list = bytes.TrimSpace(bytes.TrimSuffix(list, []byte("]")))
	if !ok {
		return fmt.Errorf("%.40s is not a list of bytes", raw)
	}
	ints := []byte{}
	if len(list) > 0 {
		ints = make([]byte, 0, bytes.Count(list, []byte(","))+1)
		for text := range bytes.SplitSeq(list, []byte(",")) {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 8)
			if err != nil {
				return fmt.Errorf("%.40s is not a byte", text)
			}
			ints = append(ints, byte(n))
		}
	}
	*b = ints
	return nil
}

// number converts a JSON number without losing a digit: one that neither an
// integer nor a float64 holds stays text.
func number(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || digits(s) > 15 && strconv.FormatFloat(f, 'g', -1, 64) != s {
		return s
	}
	return f
}

func digits(s string) int {
	n := 0
	for _, c := range s {
		if c == 'e' || c == 'E' {
			break
		}
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}

// AppendJSON appends the entity as the JSON object of wire version 1. Values
// have the forms that existing peers store correctly: bytes as text if they are
// valid UTF-8, else as a Buffer.
func (e Entity) AppendJSON(b []byte) ([]byte, error) {
	if e == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '{')
	for i, f := range e {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, f.Name)
		b = append(b, ':')
		var err error
		if b, err = appendValue(b, f.Value); err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
	}
	return append(b, '}'), nil
}

// Buffer returns bytes as Node's Buffer in JSON, {"type":"Buffer","data":[…]}.
func Buffer(v []byte) json.RawMessage {
	return AppendBuffer(nil, v)
}

// BufferLength returns how many bytes Buffer has, at most.
func BufferLength(v []byte) int {
	n := 32
	for _, c := range v {
		n += 2 + btoi(c > 9) + btoi(c > 99)
	}
	return n
}

// AppendBuffer appends bytes in the form of Buffer.
func AppendBuffer(b, v []byte) []byte {
	b = append(slices.Grow(b, BufferLength(v)), `{"type":"Buffer","data":[`...) // exactly as much as needed: it may be a lot
	for i, c := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(c), 10)
	}
	return append(b, "]}"...)
}

func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is not a number that can be stored", v)
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil
	case string:
		return appendString(b, v), nil
	case []byte:
		if utf8.Valid(v) {
			return appendString(b, string(v)), nil
		}
		return append(b, Buffer(v)...), nil
	case time.Time:
		return appendString(b, v.UTC().Format("2006-01-02 15:04:05.000000")), nil
	case json.RawMessage:
		return append(b, v...), nil
	}
	return nil, fmt.Errorf("a value of type %T cannot be sent", v)
}

// appendString appends a JSON string; most hold no byte that needs escaping.
func appendString(b []byte, s string) []byte {
	if strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r == '"' || r == '\\' || r == utf8.RuneError }) < 0 {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	j, err := json.Marshal(s)
	if err != nil { // cannot happen: a string always has a JSON form
		return append(b, `""`...)
	}
	return append(b, j...)
}
