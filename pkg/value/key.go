package value

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// KeySeparator joins the parts of a composite key; KeyEscape precedes a
// separator or an escape inside a part.
const (
	KeySeparator = ','
	KeyEscape    = '\\'
)

const timeLayout = "2006-01-02 15:04:05"

// zeroYear is how the server prints the YEAR 0; a single 0 in a text is 2000.
const zeroYear = "0000"

// JoinKey makes a key form from its parts. A key of one part is that part; the
// parts of a composite key are escaped and joined, as the triggers do.
func JoinKey(parts [][]byte) []byte {
	if len(parts) == 1 {
		return parts[0]
	}
	var b []byte
	for i, p := range parts {
		if i > 0 {
			b = append(b, KeySeparator)
		}
		for _, c := range p {
			if c == KeySeparator || c == KeyEscape {
				b = append(b, KeyEscape)
			}
			b = append(b, c)
		}
	}
	return b
}

// SplitKey is the reverse of JoinKey for a key of n parts.
func SplitKey(key []byte, n int) ([][]byte, error) {
	if n == 1 {
		return [][]byte{key}, nil
	}
	parts := make([][]byte, 0, n)
	part := []byte{}
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case KeyEscape:
			i++
			if i == len(key) {
				return nil, errors.New("the key ends with an escape")
			}
			part = append(part, key[i])
		case KeySeparator:
			parts = append(parts, part)
			part = []byte{}
		default:
			part = append(part, key[i])
		}
	}
	parts = append(parts, part)
	if len(parts) != n {
		return nil, fmt.Errorf("the key has %d parts, the table's primary key has %d", len(parts), n)
	}
	return parts, nil
}

// The most bytes of a number in a key: more than the server ever writes.
const (
	mostWhole   = 40
	mostDecimal = 100
)

// KeyPart converts a stored value to the column's part of a key form: the bytes
// that KeyExpr gives for it, however the value was written.
func (c *Column) KeyPart(stored []byte) ([]byte, error) {
	if stored == nil {
		return nil, fmt.Errorf("column %s: the key is NULL", c.Name)
	}
	if c.Kind == Integer && plain(stored) || c.Kind == Text && (c.DataType == "varchar" || c.DataType == "text") {
		return stored, nil // most keys; the rest costs more
	}
	s := string(stored)
	switch c.Kind {
	case Integer, Bit, Year:
		n, ok := new(big.Int), false
		if len(s) <= mostWhole { // before any arithmetic, which is quadratic in it
			_, ok = n.SetString(s, 10)
		}
		if !ok {
			return nil, fmt.Errorf("column %s: the key %q is not a whole number", c.Name, clip(s))
		}
		if c.Kind == Year && n.Sign() == 0 {
			return []byte(zeroYear), nil
		}
		return []byte(n.String()), nil
	case Decimal:
		return c.decimalPart(s)
	case Binary:
		if c.DataType == "binary" && len(stored) < c.Length {
			return append(bytes.Clone(stored), make([]byte, c.Length-len(stored))...), nil
		}
	case DateTime, Time:
		return c.fraction(s), nil
	case Timestamp:
		return c.epoch(s)
	case Text:
		switch c.DataType {
		case "char":
			return []byte(strings.TrimRight(s, " ")), nil
		case "uuid":
			return []byte(strings.ToLower(s)), nil
		case "enum", "set":
			return c.spelled(stored), nil
		}
	}
	return stored, nil
}

// plain reports whether a whole number is written as the server writes it.
func plain(stored []byte) bool {
	digits := bytes.TrimPrefix(stored, []byte("-"))
	if len(digits) == 0 || len(digits) > 20 || digits[0] == '0' {
		return string(stored) == "0"
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return false
		}
	}
	return true
}

// KeyValue is the reverse of KeyPart.
func (c *Column) KeyValue(part []byte) ([]byte, error) {
	if c.Kind != Timestamp {
		return part, nil
	}
	sec, frac, _ := strings.Cut(string(part), ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return nil, fmt.Errorf("column %s: the key %q is not an epoch", c.Name, clip(string(part)))
	}
	s := "0000-00-00 00:00:00"
	if n > 0 {
		s = time.Unix(n, 0).UTC().Format(timeLayout)
	}
	if frac != "" {
		s += "." + frac
	}
	return []byte(s), nil
}

func (c *Column) decimalPart(s string) ([]byte, error) {
	r, ok := new(big.Rat), false
	if len(s) <= mostDecimal && !strings.ContainsAny(s, "bBeEoOpPxX/_") { // before any arithmetic
		_, ok = r.SetString(s)
	}
	if !ok {
		return nil, fmt.Errorf("column %s: the key %q is not a decimal number", c.Name, clip(s))
	}
	return []byte(r.FloatString(c.Scale)), nil
}

// fraction gives a time the column's fractional digits.
func (c *Column) fraction(s string) []byte {
	whole, frac, _ := strings.Cut(s, ".")
	if c.Scale == 0 {
		return []byte(whole)
	}
	if len(frac) > c.Scale {
		frac = frac[:c.Scale]
	}
	return []byte(whole + "." + frac + strings.Repeat("0", c.Scale-len(frac)))
}

func (c *Column) epoch(s string) ([]byte, error) {
	whole, frac, _ := strings.Cut(string(c.fraction(s)), ".")
	n := int64(0)
	if !strings.HasPrefix(whole, "0000-00-00") {
		t, err := time.Parse(timeLayout, whole)
		if err != nil || t.Unix() < 1 {
			return nil, fmt.Errorf("column %s: the key %q is not a time that a TIMESTAMP holds", c.Name, clip(s))
		}
		n = t.Unix()
	}
	e := strconv.FormatInt(n, 10)
	if frac != "" {
		e += "." + frac
	}
	return []byte(e), nil
}

// IDPart shows a part of a key as text for the wire and for people. Binary
// parts that are not valid UTF-8, or that look like hex, are shown as 0x and
// hex digits.
func (c *Column) IDPart(part []byte) (string, error) {
	if c.Kind == Binary && (!utf8.Valid(part) || bytes.HasPrefix(part, []byte("0x"))) {
		return "0x" + hex.EncodeToString(part), nil
	}
	v, err := c.KeyValue(part)
	return string(v), err
}

// ParseIDPart is the reverse of IDPart.
func (c *Column) ParseIDPart(s string) ([]byte, error) {
	stored := []byte(s)
	if c.Kind == Binary && strings.HasPrefix(s, "0x") {
		if b, err := hex.DecodeString(s[2:]); err == nil {
			stored = b
		}
	}
	return c.KeyPart(stored)
}

// clip bounds a foreign text in an error.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
