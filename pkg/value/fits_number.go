package value

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Why a value does not fit, as errors say it.
const (
	rounded    = "it would be rounded"
	outOfRange = "it is out of range"
	noNumber   = "it is not a number"
)

// numeral is a number as written: an optional sign, digits, an optional point
// among them, and an optional exponent.
type numeral struct {
	negative bool
	digits   int    // from the first nonzero digit to the last; 0 for the number 0
	whole    int    // how many of its digits are before the point
	fraction int    // how many are after it, up to the last nonzero one
	mantissa []byte // the digits, with the point, without surrounding zeros
}

// parse reads a number; it returns false for anything else.
func parse(text []byte) (n numeral, ok bool) {
	text = bytes.TrimSpace(text)
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		n.negative = text[0] == '-'
		text = text[1:]
	}
	point, first, last, seen, i := -1, -1, -1, 0, 0
	for ; i < len(text); i++ {
		switch ch := text[i]; {
		case ch >= '0' && ch <= '9':
			seen++
			if ch != '0' {
				last = i
				if first < 0 {
					first = i
				}
			}
			continue
		case ch == '.' && point < 0:
			point = i
			continue
		}
		break
	}
	end, exponent := i, 0
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		e, err := strconv.Atoi(string(text[i+1:]))
		if err != nil {
			return n, false
		}
		exponent, i = min(max(e, -1<<20), 1<<20), len(text)
	}
	if seen == 0 || i < len(text) {
		return n, false
	}
	if first < 0 {
		return n, true
	}
	if point < 0 {
		point = end
	}
	n.mantissa = text[first : last+1]
	n.digits = len(n.mantissa)
	if first < point && point < last {
		n.digits--
	}
	n.whole = point - first + exponent
	if first > point {
		n.whole++
	}
	n.fraction = max(n.digits-n.whole, 0)
	n.whole = max(n.whole, 0)
	return n, true
}

// magnitude returns the absolute value of a whole number below 1e20, or false
// if it is larger.
func (n *numeral) magnitude() (uint64, bool) {
	if n.whole > 20 {
		return 0, false
	}
	var u uint64
	add := func(d uint64) bool {
		if u > (math.MaxUint64-d)/10 {
			return false
		}
		u = u*10 + d
		return true
	}
	for _, d := range n.mantissa {
		if d != '.' && !add(uint64(d-'0')) {
			return 0, false
		}
	}
	for range n.whole - n.digits {
		if !add(0) {
			return 0, false
		}
	}
	return u, true
}

// bits are the widths of the integer types.
var bits = map[string]uint{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}

func (c *Column) fitsInteger(stored []byte) string {
	n, ok := parse(stored)
	if !ok {
		return noNumber
	}
	if n.fraction > 0 {
		return rounded
	}
	u, ok := n.magnitude()
	width := bits[c.DataType]
	if width == 0 {
		return ""
	}
	most := uint64(math.MaxUint64) >> (64 - width)
	switch {
	case c.Unsigned && n.negative:
		most = 0
	case c.Unsigned:
	case n.negative:
		most = most>>1 + 1
	default:
		most >>= 1
	}
	if !ok || u > most {
		return outOfRange
	}
	return ""
}

func (c *Column) fitsDecimal(stored []byte) string {
	n, ok := parse(stored)
	switch {
	case !ok:
		return noNumber
	case n.fraction > c.Scale:
		return rounded
	case n.digits > 0 && c.Precision > 0 && (n.whole > c.Precision-c.Scale || c.Unsigned && n.negative):
		return outOfRange
	}
	return ""
}

// sure is how many decimal digits a FLOAT or a DOUBLE always keeps.
const (
	sureFloat  = 6
	sureDouble = 15

	leastFloat  = 0x1p-126 // below it, digits are lost
	leastDouble = 0x1p-1022
)

// fitsDouble accepts a number that the type holds, in any spelling: with all
// its digits, or the fewest that identify it.
func (c *Column) fitsDouble(stored []byte) string {
	n, ok := parse(stored)
	if !ok {
		return noNumber
	}
	fixed := strings.Contains(c.Type, ",") // FLOAT(10,2) rounds to 2 digits
	sure := sureDouble
	if c.DataType == "float" {
		sure = sureFloat
	}
	if n.digits <= sure && n.whole <= 30 && n.fraction <= 30 && (!fixed || n.fraction <= c.Scale) {
		return ""
	}
	x, err := strconv.ParseFloat(string(bytes.TrimSpace(stored)), 64)
	if err != nil {
		return outOfRange
	}
	near := x
	if fixed && n.fraction > c.Scale {
		near, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'f', c.Scale, 64), 64)
	}
	kept := n.digits <= sureDouble && math.Abs(x) >= leastDouble || n.digits == 0 || meant(&n, x, 64)
	if c.DataType == "float" {
		y := float32(x)
		if math.IsInf(float64(y), 0) {
			return outOfRange
		}
		kept = kept && float32(near) == y && (float64(y) == x || n.digits <= sureFloat && math.Abs(x) >= leastFloat || meant(&n, x, 32))
	} else {
		kept = kept && near == x
	}
	if !kept {
		return rounded
	}
	return ""
}

// meant reports whether a number is x in full, or the shortest that identifies x
// in so many bits.
func meant(n *numeral, x float64, bits int) bool {
	var buffer [32]byte
	short, ok := parse(strconv.AppendFloat(buffer[:0], x, 'e', -1, bits))
	if !ok {
		return false
	}
	if short.digits == n.digits && sameDigits(short.mantissa, n.mantissa) {
		return true
	}
	if bits == 32 {
		x = float64(float32(x))
	}
	if n.digits > 800 {
		return false // no double has so many
	}
	exact, ok := parse([]byte(new(big.Float).SetFloat64(x).Text('e', 800)))
	return ok && exact.digits == n.digits && sameDigits(exact.mantissa, n.mantissa)
}

// sameDigits compares digits, wherever the point is.
func sameDigits(a, b []byte) bool {
	i, k := 0, 0
	for i < len(a) && k < len(b) {
		switch {
		case a[i] == '.':
			i++
		case b[k] == '.':
			k++
		case a[i] != b[k]:
			return false
		default:
			i++
			k++
		}
	}
	return i == len(a) && k == len(b)
}

// fitsBit accepts only numbers: the server would take other text as bits.
func (c *Column) fitsBit(stored []byte) string {
	n, err := strconv.ParseUint(string(stored), 10, 64)
	switch {
	case err != nil:
		return "it is not a number of bits"
	case c.Precision > 0 && c.Precision < 64 && n>>uint(c.Precision) > 0:
		return outOfRange
	}
	return ""
}

// fitsYear accepts years of four digits, and 0; the server turns other numbers
// into years of this century or the last.
func fitsYear(stored []byte) string {
	if string(stored) == "0" { // see Bind
		return ""
	}
	n, err := strconv.Atoi(string(stored))
	if err != nil || len(stored) != 4 || n != 0 && (n < 1901 || n > 2155) {
		return "it is not a four-digit year from 1901 to 2155"
	}
	return ""
}
