package binlog

import (
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// time reads dates and times: with a fraction as servers keep them since 5.6, or the older ones without.
func (col *Column) time(c *value.Column, raw []byte) ([]byte, error) {
	u := cursor{b: raw}
	switch col.kind {
	case typeYear:
		n := u.uint(1)
		if n > 0 {
			n += 1900
		}
		return fmt.Appendf(nil, "%04d", n), u.err
	case typeDate, typeNewDate:
		n := u.uint(3)
		return fmt.Appendf(nil, "%04d-%02d-%02d", n>>9, n>>5&15, n&31), u.err
	case typeTime:
		n := int64(u.uint(3)) << 40 >> 40 //nolint:gosec // 24 bits, with a sign
		sign := ""
		if n < 0 {
			sign, n = "-", -n
		}
		return fmt.Appendf(nil, "%s%02d:%02d:%02d", sign, n/10000, n/100%100, n%100), u.err
	case typeDateTime:
		n := u.uint(8)
		return fmt.Appendf(nil, "%04d-%02d-%02d %02d:%02d:%02d", n/10000000000%10000, n/100000000%100, n/1000000%100, n/10000%100, n/100%100, n%100), u.err
	case typeTimestamp:
		return epoch(u.uint(4), ""), u.err
	}
	fraction := int(col.meta+1) / 2
	if len(raw) <= fraction || fraction > 3 {
		return nil, errShort
	}
	n := bigEndian(raw)
	whole := len(raw) - fraction
	negative := false
	if col.kind != typeTimestamp2 { // half of the range is below zero
		zero := uint64(1) << (8*len(raw) - 1)
		if negative = n < zero; negative {
			n = zero - n
		} else {
			n -= zero
		}
	}
	digits := ""
	if col.meta > 0 {
		digits = fmt.Sprintf(".%0*d", 2*fraction, n&(1<<(8*fraction)-1))
		digits = digits[:min(len(digits), 1+int(col.meta))]
	}
	n >>= 8 * fraction
	switch {
	case col.kind == typeTimestamp2 && whole == 4:
		return epoch(n, digits), nil
	case col.kind == typeTime2 && whole == 3:
		sign := ""
		if negative {
			sign = "-"
		}
		return fmt.Appendf(nil, "%s%02d:%02d:%02d%s", sign, n>>12&1023, n>>6&63, n&63, digits), nil
	case col.kind == typeDateTime2 && whole == 5 && !negative:
		months := n >> 22
		return fmt.Appendf(nil, "%04d-%02d-%02d %02d:%02d:%02d%s", months/13, months%13, n>>17&31, n>>12&31, n>>6&63, n&63, digits), nil
	}
	return nil, errShort
}

// epoch writes a TIMESTAMP in UTC.
func epoch(seconds uint64, digits string) []byte {
	if seconds == 0 {
		return []byte("0000-00-00 00:00:00" + digits)
	}
	return []byte(time.Unix(int64(seconds), 0).UTC().Format(time.DateTime) + digits) //nolint:gosec // 32 bits
}
