package value

import (
	"fmt"
	"slices"
	"strings"
)

// Holds says why some values of another column might not fit this one, or returns
// "" if all fit. It goes by the types alone: it is Fits for every value that the
// other column can have.
func (c *Column) Holds(o *Column) string {
	if o.Nullable && !c.Nullable {
		return "NULL does not fit"
	}
	if c.Type == o.Type && c.Charset == o.Charset {
		return ""
	}
	if why, known := c.holdsKind(o); known {
		return why
	}
	return "values of another kind may not fit"
}

// holdsKind compares kinds that have values in common; it is false for those that
// have none.
func (c *Column) holdsKind(o *Column) (string, bool) {
	switch {
	case c.Kind == Text || c.Kind == JSON:
		return c.holdsText(o), true
	case c.Kind == Integer && (o.Kind == Integer || o.Kind == Decimal):
		return c.holdsInteger(o), true
	case c.Kind == Decimal && (o.Kind == Integer || o.Kind == Decimal):
		return c.holdsDecimal(o), true
	case c.Kind == Double && (o.Kind == Integer || o.Kind == Decimal || o.Kind == Double):
		return c.holdsDouble(o), true
	case c.Kind == Bit && o.Kind == Bit:
		return unless(c.Precision >= o.Precision, outOfRange), true
	case c.Kind == Binary && o.Kind == Binary:
		switch {
		case c.DataType == "binary" && (o.DataType != "binary" || o.Length < c.Length):
			return "shorter values would be padded", true
		}
		return unless(c.Length == 0 || o.Length > 0 && c.Length >= o.Length, tooLong), true
	case o.Kind == Date && (c.Kind == Date || c.Kind == DateTime):
		return "", true
	case c.Kind == Date && (o.Kind == DateTime || o.Kind == Timestamp):
		return "the time of the day would be cut off", true
	case c.Kind == Timestamp && (o.Kind == Date || o.Kind == DateTime):
		return "a TIMESTAMP holds times from 1970 on only", true
	case c.Kind == o.Kind && (c.Kind == Time || c.Kind == DateTime || c.Kind == Timestamp), c.Kind == DateTime && o.Kind == Timestamp:
		return unless(c.Scale >= o.Scale, "it has fewer digits of a second"), true
	case c.Kind == Geometry && o.Kind == Geometry:
		return unless(c.DataType == o.DataType || strings.HasPrefix(c.DataType, "geom"), "another kind of geometry"), true
	}
	return "", c.Kind == Year && o.Kind == Year
}

const tooLong = "values may be too long"

func unless(fits bool, why string) string {
	if fits {
		return ""
	}
	return why
}

// wholeDigits are the most digits that an integer type has.
func (c *Column) wholeDigits() int {
	switch c.DataType {
	case "tinyint":
		return 3
	case "smallint":
		return 5
	case "mediumint":
		return 8 - btoi(!c.Unsigned)
	case "int":
		return 10
	case "bigint":
		return 19 + btoi(c.Unsigned)
	}
	return c.Precision - c.Scale
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Column) holdsInteger(o *Column) string {
	switch {
	case o.Kind == Decimal && o.Scale > 0:
		return "fractions would be rounded"
	case c.Unsigned && !o.Unsigned:
		return outOfRange
	case o.Kind == Decimal:
		return unless(o.wholeDigits() < c.wholeDigits(), outOfRange)
	}
	width := bits[o.DataType]
	if o.Unsigned && !c.Unsigned {
		width++
	}
	return unless(width <= bits[c.DataType], outOfRange)
}

func (c *Column) holdsDecimal(o *Column) string {
	switch {
	case c.Scale < o.Scale && o.Kind == Decimal:
		return "digits would be rounded"
	case c.Unsigned && !o.Unsigned || o.wholeDigits() > c.wholeDigits():
		return outOfRange
	}
	return ""
}

func (c *Column) holdsDouble(o *Column) string {
	most, sure := uint(53), sureDouble
	if c.DataType == "float" {
		most, sure = 24, sureFloat
	}
	fixed := strings.Contains(c.Type, ",")
	switch o.Kind {
	case Integer:
		return unless(bits[o.DataType] <= most && !fixed, "digits would be rounded")
	case Decimal:
		return unless(o.Precision <= sure && !(fixed && c.Scale < o.Scale), "digits would be rounded")
	}
	return unless(!fixed && (c.DataType == "double" || o.DataType == "float"), "digits would be rounded")
}

// holdsText compares lengths, members and character sets. Values that are not text
// count as ASCII text.
func (c *Column) holdsText(o *Column) string {
	if o.Kind == Binary || o.Kind == Geometry {
		return "bytes may be no text"
	}
	if c.IsNumbered() {
		if o.DataType != c.DataType {
			return "it takes its own values only"
		}
		for _, m := range o.Members {
			if !c.isMember([]byte(m)) {
				return fmt.Sprintf("%s is not one of its values", quoted([]byte(m)))
			}
		}
		return ""
	}
	if c.DataType == "char" && o.Kind == Text && o.DataType != "char" && !o.IsNumbered() {
		return "spaces at the end would be cut off"
	}
	if c.Length > 0 && o.longest(c) > c.Length {
		return tooLong
	}
	if o.Kind == Text && !covers(c.Charset, o.Charset) {
		return fmt.Sprintf("the character set %s may lack characters of %s", c.Charset, o.Charset)
	}
	return ""
}

// longest is the most that a text of the column can have, in the unit of the column
// that it must fit: characters, or bytes for a TEXT.
func (c *Column) longest(in *Column) int {
	const unbounded = 1<<31 - 1
	var characters int
	switch {
	case c.Kind == Text && c.IsNumbered():
		all := 0
		for _, m := range c.Members {
			characters, all = max(characters, len([]rune(m))), all+len([]rune(m))+1
		}
		if c.DataType == "set" {
			characters = max(all-1, 0)
		}
	case c.Kind == JSON, c.Kind == Text && c.Length == 0:
		characters = unbounded
	case c.Kind == Text && strings.HasSuffix(c.DataType, "text"):
		if strings.HasSuffix(in.DataType, "text") && (in.Charset == c.Charset || strings.HasPrefix(in.Charset, "utf8") && strings.HasPrefix(c.Charset, "utf8")) {
			return c.Length
		}
		characters = c.Length
	case c.Kind == Text:
		characters = c.Length
	case c.Kind == Integer:
		characters = c.wholeDigits() + 1
	case c.Kind == Decimal:
		characters = c.Precision + 2
	case c.Kind != Double && c.Kind != Bit:
		characters = 26
	default:
		characters = 24
	}
	if c.Kind == Text && strings.HasSuffix(in.DataType, "text") {
		return characters * widest(in.Charset)
	}
	return characters
}

// widest is the most bytes that a character can have.
func widest(charset string) int {
	switch {
	case slices.Contains([]string{"utf8mb4", "utf16", "utf16le", "utf32", "gb18030", ""}, charset):
		return 4
	case slices.Contains([]string{"utf8mb3", "utf8", "ujis", "eucjpms"}, charset):
		return 3
	case slices.Contains([]string{"ucs2", "big5", "gbk", "gb2312", "sjis", "cp932", "euckr"}, charset):
		return 2
	}
	return 1
}

// covers reports whether a character set has all characters of another.
func covers(charset, other string) bool {
	all := []string{"utf8mb4", "utf16", "utf16le", "utf32", "gb18030", ""}
	basic := []string{"utf8mb3", "utf8", "ucs2"}
	switch {
	case charset == other || other == "ascii" && charset != "swe7" || slices.Contains(all, charset):
		return true
	case slices.Contains(basic, charset):
		return !slices.Contains(all, other)
	}
	return false
}
