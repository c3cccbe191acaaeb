package binlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Convert turns a text of a character set, as the server names it, into UTF-8, as the server would; see Charsets.
type Convert func(charset string, text []byte) ([]byte, error)

// Stored returns the stored form of a present value of the layout's column at a place, as the node's sessions would read
// it; c is the column as the server describes it, which must Fit. nil is NULL. Kinds that cannot be part of a key have
// none here.
func (l *Layout) Stored(at int, c *value.Column, v Value, convert Convert) ([]byte, error) {
	col := &l.Columns[at]
	if v.State == Null {
		return nil, nil
	}
	if v.State == Absent {
		return nil, fmt.Errorf("column %s: the log's row does not have it", c.Name)
	}
	stored, err := col.stored(c, v.Raw, convert)
	if err != nil {
		return nil, fmt.Errorf("column %s: its value in the log: %w", c.Name, err)
	}
	return stored, nil
}

func (col *Column) stored(c *value.Column, raw []byte, convert Convert) ([]byte, error) {
	switch c.Kind {
	case value.Integer:
		return col.integer(c, raw)
	case value.Decimal:
		return decimal(raw, int(col.meta>>8), int(col.meta&0xff))
	case value.Bit:
		return strconv.AppendUint(nil, bigEndian(raw), 10), nil
	case value.Binary:
		if c.DataType == "binary" && len(raw) < c.Length && c.Length <= 255 { // zeros at the end are left out
			return append(bytes.Clone(raw), make([]byte, c.Length-len(raw))...), nil
		}
		return notNil(raw), nil
	case value.Text:
		return col.text(c, raw, convert)
	case value.Date, value.Time, value.DateTime, value.Timestamp, value.Year:
		return col.time(c, raw)
	}
	return nil, fmt.Errorf("a %s is not read", c.DataType)
}

// notNil returns b, and of empty bytes not NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (col *Column) integer(c *value.Column, raw []byte) ([]byte, error) {
	if len(raw) == 0 || len(raw) > 8 {
		return nil, errShort
	}
	u := cursor{b: raw}
	n := u.uint(len(raw))
	if c.Unsigned {
		return strconv.AppendUint(nil, n, 10), nil
	}
	shift := 64 - 8*len(raw)
	return strconv.AppendInt(nil, int64(n<<shift)>>shift, 10), nil //nolint:gosec // it is the sign
}

// decimal reads a DECIMAL: groups of nine digits in four bytes, the first and the last group shorter, all inverted if it
// is negative, and the highest bit always.
func decimal(raw []byte, precision, scale int) ([]byte, error) {
	if size := decimalSize(precision, scale); size <= 0 || size != len(raw) {
		return nil, errShort
	}
	digits := bytes.Clone(raw)
	negative := digits[0]&0x80 == 0
	digits[0] ^= 0x80
	if negative {
		for i := range digits {
			digits[i] = ^digits[i]
		}
	}
	c := cursor{b: digits}
	group := func(b []byte, n int) []byte {
		if n > 0 {
			b = fmt.Appendf(b, "%0*d", n, bigEndian(c.take(digitBytes[n])))
		}
		return b
	}
	whole := precision - scale
	b := group(nil, whole%9)
	for range whole / 9 {
		b = group(b, 9)
	}
	for len(b) > 1 && b[0] == '0' {
		b = b[1:]
	}
	if len(b) == 0 {
		b = []byte{'0'}
	}
	if scale > 0 {
		b = append(b, '.')
		for range scale / 9 {
			b = group(b, 9)
		}
		b = group(b, scale%9)
	}
	if negative {
		b = append([]byte{'-'}, b...)
	}
	return b, nil
}

// text reads texts, and what servers show as text.
func (col *Column) text(c *value.Column, raw []byte, convert Convert) ([]byte, error) {
	switch c.DataType {
	case "enum":
		u := cursor{b: raw}
		switch n := u.uint(len(raw)); {
		case n == 0:
			return []byte{}, nil
		case n > uint64(len(c.Members)):
			return nil, fmt.Errorf("it is the member %d of %d", n, len(c.Members))
		default:
			return []byte(c.Members[n-1]), nil
		}
	case "set":
		u := cursor{b: raw}
		n := u.uint(len(raw))
		if bits.Len64(n) > len(c.Members) {
			return nil, fmt.Errorf("it has the member %d of %d", bits.Len64(n), len(c.Members))
		}
		b := []byte{}
		for ; n != 0; n &= n - 1 {
			if len(b) > 0 {
				b = append(b, ',')
			}
			b = append(b, c.Members[bits.TrailingZeros64(n)]...)
		}
		return b, nil
	case "uuid", "inet4", "inet6":
		return network(c.DataType, raw)
	}
	text, err := unicode(c.Charset, raw, convert)
	if err == nil && !utf8.Valid(text) {
		err = errors.New("it is no text of the column's character set")
	}
	return text, err
}

// network reads MariaDB's types of 4 or 16 bytes, without the zeros at their end.
func network(dataType string, raw []byte) ([]byte, error) {
	size := 16
	if dataType == "inet4" {
		size = 4
	}
	if len(raw) > size {
		return nil, errShort
	}
	full := make([]byte, size)
	copy(full, raw)
	switch dataType {
	case "inet4":
		return []byte(netip.AddrFrom4([4]byte(full)).String()), nil
	case "inet6":
		return inet6([16]byte(full)), nil
	}
	return []byte(uuid(full)), nil
}

// inet6 writes an address as MariaDB does, which shortens even a single zero, and writes the last four bytes as IPv4
// after six zeros.
func inet6(full [16]byte) []byte {
	word := func(i int) int { return int(full[2*i])<<8 | int(full[2*i+1]) }
	from, zeros := -1, 0
	for i := 0; i < 8; i++ {
		n := 0
		for i+n < 8 && word(i+n) == 0 {
			n++
		}
		if n > zeros {
			from, zeros = i, n
		}
		i += n
	}
	var b []byte
	for i := 0; i < 8; i++ {
		switch {
		case i == from:
			b = append(b, "::"[min(i, 1):]...)
			i += zeros - 1
		case i == 6 && from == 0 && (zeros == 6 || zeros == 5 && word(5) == 0xffff):
			return append(b, netip.AddrFrom4([4]byte(full[12:])).String()...)
		default:
			b = strconv.AppendInt(b, int64(word(i)), 16)
			if i < 7 {
				b = append(b, ':')
			}
		}
	}
	return b
}

// unicode turns a text into UTF-8.
func unicode(charset string, raw []byte, convert Convert) ([]byte, error) {
	switch charset {
	case "utf8mb4", "utf8mb3", "utf8", "ascii", "":
		return notNil(raw), nil
	case "ucs2", "utf16":
		return fromUTF16(raw, binary.BigEndian)
	case "utf16le":
		return fromUTF16(raw, binary.LittleEndian)
	case "utf32":
		if len(raw)%4 != 0 {
			return nil, errShort
		}
		runes := make([]rune, 0, len(raw)/4)
		for i := 0; i < len(raw); i += 4 {
			runes = append(runes, rune(binary.BigEndian.Uint32(raw[i:]))) //nolint:gosec // an invalid one becomes U+FFFD
		}
		return []byte(string(runes)), nil
	}
	return convert(charset, raw)
}

func fromUTF16(raw []byte, order binary.ByteOrder) ([]byte, error) {
	if len(raw)%2 != 0 {
		return nil, errShort
	}
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i < len(raw); i += 2 {
		units = append(units, order.Uint16(raw[i:]))
	}
	return []byte(string(utf16.Decode(units))), nil
}
