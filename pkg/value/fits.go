package value

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Fits returns an error if the server would store a value other than the one
// given: rounded, cut, padded, or converted, silently or with a note, even in
// strict mode. The error names the column, the value and the type. Values that
// the server refuses by itself may be left to it.
//
// It is called for each value received, and costs next to nothing for one read
// from a column of the same type.
func (c *Column) Fits(stored []byte) error {
	if stored == nil {
		if !c.Nullable && c.Type != "" {
			return c.misfit("NULL", "the column is NOT NULL")
		}
		return nil // the server would store a default or the next id instead
	}
	var why string
	switch c.Kind {
	case Integer:
		why = c.fitsInteger(stored)
	case Decimal:
		why = c.fitsDecimal(stored)
	case Double:
		why = c.fitsDouble(stored)
	case Bit:
		why = c.fitsBit(stored)
	case Year:
		why = fitsYear(stored)
	case Date, DateTime, Timestamp:
		why = c.fitsDate(stored)
	case Time:
		why = c.fitsTime(stored)
	case Text:
		return c.fitsText(stored)
	case Binary:
		switch {
		case c.DataType == "binary" && len(stored) < c.Length:
			return c.misfit(fmt.Sprintf("a value of %d bytes", len(stored)), "it would be padded with zero bytes")
		case c.Length > 0 && len(stored) > c.Length:
			return c.misfit(fmt.Sprintf("a value of %d bytes", len(stored)), "it is too long")
		}
	case JSON:
		return c.fitsJSON(stored)
	case Geometry:
		return c.fitsGeometry(stored)
	}
	if why != "" {
		return c.misfit(clip(strings.ToValidUTF8(string(stored), "?")), why)
	}
	return nil
}

// misfit returns the error of a value that does not fit the column; shown is how
// the error shows it.
func (c *Column) misfit(shown, why string) error {
	return fmt.Errorf("column %s: %s does not fit %s: %s", c.Name, shown, c.typeName(), why)
}

// typeName shows the column's type as people write it: DECIMAL(12,2).
func (c *Column) typeName() string {
	name, rest, _ := strings.Cut(c.Type, "(")
	if name == "" {
		name = c.DataType
	}
	name = strings.ToUpper(name)
	switch {
	case rest == "":
	case c.Members != nil:
		name += "(" + clip(rest)
	default:
		size, more, _ := strings.Cut(rest, ")")
		name += "(" + size + ")" + strings.ToUpper(more)
	}
	if c.Kind == Text && c.Charset != "" && !strings.HasPrefix(c.Charset, "utf8mb4") {
		name += " CHARACTER SET " + c.Charset
	}
	return name
}

// fitsText checks the length of a text, and the members of an ENUM or a SET. Characters
// that the common character sets lack are reported with the column's name, which MySQL
// does not always do; the server refuses the others.
func (c *Column) fitsText(stored []byte) error {
	switch c.DataType {
	case "enum":
		if len(stored) > 0 && !c.isMember(stored) {
			return c.misfit(quoted(stored), "it is not one of the column's values")
		}
		return nil
	case "set":
		return c.fitsSet(stored)
	case "char":
		if n := len(stored); n > 0 && stored[n-1] == ' ' {
			return c.misfit("a text with spaces at its end", "they would be cut off")
		}
	}
	if c.lacks(stored) {
		return c.misfit(quoted(stored), "the character set lacks a character")
	}
	// A text as short as this fits in every character set, whether characters or
	// bytes count.
	if c.Length == 0 && (c.Type == "" || !strings.HasSuffix(c.DataType, "char")) || len(stored) <= c.Length/4 {
		return nil
	}
	length, unit := utf8.RuneCount(stored), "characters"
	if strings.HasSuffix(c.DataType, "text") {
		length, unit = c.bytes(stored, length), "bytes"
	}
	if length > c.Length {
		return c.misfit(fmt.Sprintf("a text of %d %s", length, unit), fmt.Sprintf("it takes %d", c.Length))
	}
	return nil
}

// beyondLatin are the characters of the servers' latin1 beyond U+00FF.
const beyondLatin = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"

// lacks reports whether the column's character set is known to lack a character.
func (c *Column) lacks(stored []byte) bool {
	var most rune
	switch c.Charset {
	case "ascii":
		most = 0x7F
	case "latin1":
		most = 0xFF
	case "utf8mb3", "utf8", "ucs2", "tis620": // the last replaces others
		most = 0xFFFF
	default:
		return false
	}
	for i := 0; i < len(stored); {
		if stored[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(stored[i:])
		if r > most && (c.Charset != "latin1" || !strings.ContainsRune(beyondLatin, r)) {
			return true
		}
		i += size
	}
	return false
}

// bytes returns how many bytes a text has in the column's character set; if
// characters differ in size, each counts as many as most have.
func (c *Column) bytes(stored []byte, characters int) int {
	switch c.Charset {
	case "utf8mb4", "utf8mb3", "utf8", "":
		return len(stored)
	case "ucs2":
		return 2 * characters
	case "utf32":
		return 4 * characters
	case "utf16", "utf16le":
		n := 0
		for _, r := range string(stored) {
			if n += 2; r > 0xFFFF {
				n += 2
			}
		}
		return n
	case "big5", "gbk", "gb2312", "gb18030", "sjis", "cp932", "euckr", "ujis", "eucjpms":
		n := characters
		for _, r := range string(stored) {
			if r > 0x7F && (r < 0xFF61 || r > 0xFF9F) { // all but narrow katakana
				n++
			}
		}
		return n
	}
	return characters
}

// isMember reports whether an ENUM or a SET has a member with this exact spelling,
// if the members are known. If none has, the server takes a number as a member's
// position, and another spelling as that member.
func (c *Column) isMember(v []byte) bool {
	return slices.Contains(c.Members, string(v)) ||
		slices.ContainsFunc(c.Members, func(m string) bool { return strings.Contains(m, lostCharacter) })
}

// fitsSet allows any order of the members, since it is the same set.
func (c *Column) fitsSet(stored []byte) error {
	if len(stored) == 0 {
		return nil
	}
	rest, more := string(stored), true
	for more {
		var m string
		if m, rest, more = strings.Cut(rest, ","); !c.isMember([]byte(m)) {
			return c.misfit(quoted(stored), quoted([]byte(m))+" is not one of the column's values")
		}
	}
	return nil
}

// quoted shows a short text.
func quoted(text []byte) string {
	return fmt.Sprintf("%q", clip(strings.ToValidUTF8(string(text), "?")))
}
