package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
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
		return decimal(v.String()), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("%v cannot be a key", v)
		}
		return decimal(strconv.FormatFloat(v, 'g', -1, 64)), nil
	case []byte:
		return "0x" + fmt.Sprintf("%x", v), nil
	case map[string]any: // bytes in the form of Node's Buffer, or not usable as a key
		if b, ok := Buffer(v); ok {
			return "0x" + fmt.Sprintf("%x", b), nil
		}
	}
	return "", fmt.Errorf("a value of type %T cannot be a key", v)
}

// decimal returns a JSON number without an exponent and without trailing zeros. One that is too large for that, or too long
// for a key, stays as it is.
func decimal(number string) string {
	if len(number) > mostKey || !strings.ContainsAny(number, ".eE") {
		return number
	}
	if e := strings.IndexAny(number, "eE"); e >= 0 {
		exponent, err := strconv.Atoi(number[e+1:])
		if err != nil || exponent > 40 || exponent < -40 {
			return number
		}
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return number
	}
	if r.IsInt() {
		return r.Num().String()
	}
	digits, exact := r.FloatPrec()
	if !exact {
		return number
	}
	return r.FloatString(digits)
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
