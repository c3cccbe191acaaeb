package sql

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// valueOf converts a record's value for a statement.
func valueOf(d dialect, kind string, v any) any {
	if n, ok := bits(d, kind, v); ok {
		return n
	}
	switch v := v.(type) {
	case bool:
		if d.texts() && !numeric(kind) && kind != "BIT" {
			return strconv.FormatBool(v)
		}
		if d.texts() && kind == "BIT" {
			return v
		}
		return map[bool]int64{true: 1}[v]
	case string:
		if (kind == "JSON" || kind == "JSONB") && !json.Valid([]byte(v)) {
			return text(v)
		}
		if d.moments(kind) {
			if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
				return t.UTC().Format("2006-01-02 15:04:05.999999")
			}
		}
	case json.RawMessage:
		return string(v)
	case int64:
		if kind == "YEAR" { // MySQL's: the text 0 is the year 2000
			return fmt.Sprintf("%04d", v)
		}
		if d.texts() {
			return strconv.FormatInt(v, 10)
		}
	case uint64:
		if d.texts() {
			return strconv.FormatUint(v, 10)
		}
	case float64:
		if d.texts() {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	return v // bytes, NULL
}

// text returns a text as JSON.
func text(s string) string {
	b, _ := json.Marshal(s) // it cannot fail
	return string(b)
}

// bits returns the value of a MySQL BIT as a number: the server takes a text for the bits of its characters, and cannot
// compare bytes with bits. Numbers beyond 2^53 are texts in a record.
func bits(d dialect, kind string, v any) (n uint64, ok bool) {
	if _, of := d.(mysqlDialect); !of || kind != "BIT" {
		return 0, false
	}
	switch v := v.(type) {
	case uint64:
		return v, true
	case int64:
		return uint64(v), v >= 0
	case string:
		n, err := strconv.ParseUint(v, 10, 64)
		return n, err == nil && strconv.FormatUint(n, 10) == v
	case []byte: // the first is the most significant
		for _, c := range v {
			n = n<<8 | uint64(c)
		}
		return n, len(v) <= 8
	}
	return 0, false
}

// numeric reports whether a type holds numbers.
func numeric(kind string) bool {
	for _, part := range []string{"INT", "NUMERIC", "DECIMAL", "FLOAT", "DOUBLE", "REAL"} {
		if strings.HasPrefix(kind, part) || strings.HasSuffix(kind, part) {
			return true
		}
	}
	return false
}

// keyText decodes a part of a canonical key: bytes are hexadecimal there.
func keyText(kind, part string) (any, error) {
	for _, binary := range []string{"BYTEA", "BLOB", "BINARY", "BIT"} {
		if digits, ok := strings.CutPrefix(part, "0x"); ok && strings.Contains(kind, binary) {
			return hex.DecodeString(digits)
		}
	}
	return part, nil
}

// asKept returns a key's value in the form in which the table returns it: a moment as a time.
func asKept(kind string, v any) any {
	text, ok := v.(string)
	if !ok || !strings.Contains(kind, "TIMESTAMP") && !strings.Contains(kind, "DATETIME") {
		return v
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime} { // with any fraction; a mesh has it to the second
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return v
}
