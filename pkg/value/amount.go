package value

import (
	"math/big"
	"strings"
)

// mostDigits bounds what Amount reads: a DECIMAL has 65, and sums of many may have a few more.
const mostDigits = 100

// Amount returns a whole or decimal number in the form that is the same for equal ones, such as "-12.5" for "-012.50"; false if
// the text is no such number. No amount is empty.
func Amount(text string) (string, bool) {
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "+"), "-"), ".")
	if whole+fraction == "" || len(text) > mostDigits || strings.Trim(whole+fraction, "0123456789") != "" || strings.Contains(text, "+-") {
		return "", false
	}
	n, scale := unscaled(text)
	return shown(n, scale), true
}

// Adds reports whether the column's values are amounts.
func (c *Column) Adds() bool { return c.Kind == Integer || c.Kind == Decimal }

// Add returns the sum of two amounts. It is exact.
func Add(a, b string) string { return combine(a, b, (*big.Int).Add) }

// Subtract returns the difference of two amounts. It is exact.
func Subtract(a, b string) string { return combine(a, b, (*big.Int).Sub) }

// CompareAmounts orders amounts by size.
func CompareAmounts(a, b string) int {
	if a == b {
		return 0
	}
	x, y, _ := aligned(a, b)
	return x.Cmp(y)
}

// AmountFor returns an amount as the server shows it in a column with so many digits after the point.
func (c *Column) AmountFor(amount string) []byte {
	if c.Kind != Decimal || c.Scale == 0 {
		return []byte(amount)
	}
	_, fraction, point := strings.Cut(amount, ".")
	if !point {
		amount += "."
	}
	return []byte(amount + strings.Repeat("0", max(c.Scale-len(fraction), 0)))
}

func combine(a, b string, f func(z, x, y *big.Int) *big.Int) string {
	x, y, scale := aligned(a, b)
	return shown(f(new(big.Int), x, y), scale)
}

// aligned returns two amounts as whole numbers of the same unit, and how many digits of these are after the point.
func aligned(a, b string) (x, y *big.Int, scale int) {
	x, n := unscaled(a)
	y, m := unscaled(b)
	return raised(x, m-n), raised(y, n-m), max(n, m)
}

// raised returns a number with so many zeros appended.
func raised(x *big.Int, zeros int) *big.Int {
	if zeros <= 0 {
		return x
	}
	return x.Mul(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(zeros)), nil))
}

// unscaled returns a number without its point, and how many digits were after it. What is no number is 0.
func unscaled(text string) (*big.Int, int) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return new(big.Int), 0
	}
	return n, len(fraction)
}

func shown(n *big.Int, scale int) string {
	digits := new(big.Int).Abs(n).String()
	if scale > 0 {
		digits = strings.Repeat("0", max(scale+1-len(digits), 0)) + digits
		digits = strings.TrimRight(digits[:len(digits)-scale]+"."+digits[len(digits)-scale:], "0")
		digits = strings.TrimSuffix(digits, ".")
	}
	if n.Sign() < 0 {
		return "-" + digits
	}
	return digits
}
