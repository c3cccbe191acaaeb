package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/cases"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// ErrNoKey is the error of a record in which a key column is NULL or missing.
var ErrNoKey = errors.New("has no key")

// mostKey is how many bytes a key may have: more than any index of a database takes. Keys are held, compared and looked up
// by the hundred, so that a longer one would cost many times its size.
const mostKey = 8 << 10

var errLongKey = fmt.Errorf("has a key of more than %d bytes", mostKey)

// Key returns the key form of the values of a record's key columns; it is never empty. Numbers are plain decimals,
// however they are written, and a text of the same digits is the same key: services return as "1" what they got as 1.
// Zero, false and the empty text are keys; NULL is not, and gives ErrNoKey. Composite keys are joined as by
// value.JoinKey. A key that is longer than mostKey is an error.
func Key(values []any, ignoreCase bool) (string, error) {
	parts := make([][]byte, len(values))
	for i, v := range values {
		part, err := keyPart(v)
		if err != nil {
			return "", err
		}
		if ignoreCase {
			part = cases.Fold().String(part) // a Caser is not safe for concurrent use
		}
		parts[i] = []byte(part)
	}
	key := string(value.JoinKey(parts))
	if key == "" || key[0] == empty {
		key = string(empty) + key
	}
	if len(key) > mostKey {
		return "", errLongKey
	}
	return key, nil
}

// empty is put before the empty text, and before a key that begins with it: the empty key means a record without one.
const empty = '\x00'

// keyPart returns a value as text.
func keyPart(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", ErrNoKey
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case time.Time:
		return Time(v), nil
	case json.Number:
		return Decimal(v.String()), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("%v cannot be a key", v)
		}
		return Decimal(strconv.FormatFloat(v, 'g', -1, 64)), nil
	case []byte:
		return "0x" + fmt.Sprintf("%x", v), nil
	case map[string]any: // bytes in the form of Node's Buffer, or not usable as a key
		if b, ok := Buffer(v); ok {
			return "0x" + fmt.Sprintf("%x", b), nil
		}
	}
	return "", fmt.Errorf("a value of type %T cannot be a key", v)
}

// mostExponent is the largest exponent that is written out: those of a float64 are below it.
const mostExponent = 400

// Decimal returns a JSON number as a plain decimal: without an exponent, zeros at its end, or the sign of -0. A number
// that has more than 400 digits more without its exponent, or is too long for a key, stays as it is.
func Decimal(number string) string {
	if number == "-0" {
		return "0"
	}
	if len(number) > mostKey || !strings.ContainsAny(number, ".eE") {
		return number
	}
	mantissa, shift := number, 0
	if e := strings.IndexAny(number, "eE"); e >= 0 {
		var err error
		if shift, err = strconv.Atoi(number[e+1:]); err != nil || max(shift, -shift) > mostExponent {
			return number
		}
		mantissa = number[:e]
	}
	unsigned, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(unsigned, ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" { // it is not a JSON number
		return number
	}
	if shift >= 0 {
		fraction += strings.Repeat("0", max(shift-len(fraction), 0))
		whole, fraction = whole+fraction[:shift], fraction[shift:]
	} else {
		whole = strings.Repeat("0", max(-shift-len(whole), 0)) + whole
		whole, fraction = whole[:len(whole)+shift], whole[len(whole)+shift:]+fraction
	}
	text := cmp.Or(strings.TrimLeft(whole, "0"), "0")
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		text += "." + fraction
	}
	if negative && text != "0" {
		return "-" + text
	}
	return text
}

// Buffer returns the bytes of {"type":"Buffer","data":[…]}, and whether an object is one.
func Buffer(v map[string]any) ([]byte, bool) {
	list, ok := v["data"].([]any)
	if !ok || v["type"] != "Buffer" || len(v) != 2 {
		return nil, false
	}
	b := make([]byte, len(list))
	for i, item := range list {
		n, err := strconv.ParseUint(fmt.Sprint(item), 10, 8)
		if err != nil {
			return nil, false
		}
		b[i] = byte(n)
	}
	return b, true
}

// SplitKey returns the parts of a key of n columns, as the text that Key made of each.
func SplitKey(key string, n int) ([]string, error) {
	if key != "" && key[0] == empty {
		key = key[1:]
	}
	parts, err := value.SplitKey([]byte(key), n)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(parts))
	for i, p := range parts {
		list[i] = string(p)
	}
	return list, nil
}
