package value

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// longText is from how many bytes on a JSON string with escapes is decoded here. For shorter ones, encoding/json is fast.
const longText = 4 << 10

// Unquote returns the value of a valid JSON string. A long one takes no more memory than its value, although encoding/json
// would take as much again as the string is long, which may be six times the value.
func Unquote(raw []byte) (string, error) {
	inner := raw[1 : len(raw)-1]
	if isPlain(inner) {
		return string(inner), nil
	}
	if len(inner) < longText {
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	}
	var b strings.Builder
	b.Grow(unquotedSize(inner))
	part := make([]byte, 0, longText+utf8.UTFMax)
	for len(inner) > 0 {
		n := UnquotePart(inner)
		part = AppendUnquoted(part[:0], inner[:n])
		b.Write(part)
		inner = inner[n:]
	}
	return b.String(), nil
}

// AppendUnquoted appends the value of a valid JSON string, which is given without its quotes.
func AppendUnquoted(to, inner []byte) []byte {
	for len(inner) > 0 {
		n := bytes.IndexByte(inner, '\\')
		if n < 0 {
			n = len(inner)
		}
		to = appendValid(to, inner[:n])
		if inner = inner[n:]; len(inner) == 0 {
			break
		}
		r, n := escaped(inner)
		to = utf8.AppendRune(to, r)
		inner = inner[n:]
	}
	return to
}

// isPlain reports whether what is between quotes is the text itself.
func isPlain(inner []byte) bool { return bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) }

// unquotedSize returns how many bytes the value of a string has, at most, unless it is not valid UTF-8.
func unquotedSize(inner []byte) (size int) {
	for i := 0; i < len(inner); size++ {
		switch {
		case inner[i] != '\\':
			i++
		case i+4 < len(inner) && inner[i+1] == 'u':
			if inner[i+2] != '0' || inner[i+3] != '0' || inner[i+4] > '7' {
				size += 2
			}
			i += 6
		default:
			i += 2
		}
	}
	return size
}

// appendValid appends what has no escapes. As in encoding/json, each byte that is not UTF-8 becomes U+FFFD.
func appendValid(to, part []byte) []byte {
	if utf8.Valid(part) {
		return append(to, part...)
	}
	for len(part) > 0 {
		r, n := utf8.DecodeRune(part)
		to = utf8.AppendRune(to, r)
		part = part[n:]
	}
	return to
}

// escaped returns the character that an escape, or the two of a surrogate pair, stand for, and how many bytes it takes.
func escaped(from []byte) (r rune, n int) {
	if len(from) < 2 {
		return utf8.RuneError, len(from)
	}
	switch from[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return rune(from[1]), 2
	}
	high, ok := unit(from)
	if !ok {
		return utf8.RuneError, len(from)
	}
	if !utf16.IsSurrogate(high) {
		return high, 6
	}
	if low, ok := unit(from[6:]); ok {
		if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

// unit reads a \u escape.
func unit(from []byte) (rune, bool) {
	if len(from) < 6 || from[0] != '\\' || from[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(from[2:6]), 16, 16)
	return rune(n), err == nil
}

// UnquotePart returns how much of a JSON string, given without its quotes, can be decoded without the rest, about longText: it
// divides neither an escape nor a character, nor one that is written as two escapes.
func UnquotePart(inner []byte) int {
	for n := 0; n < len(inner); {
		high := false
		switch {
		case inner[n] != '\\':
			n++
		case n+4 < len(inner) && inner[n+1] == 'u':
			high = (inner[n+2] == 'd' || inner[n+2] == 'D') && (inner[n+3] == '8' || inner[n+3] == '9' || inner[n+3]|0x20 == 'a' || inner[n+3]|0x20 == 'b')
			n += 6
		default:
			n += 2
		}
		if n >= longText && n < len(inner) && !high && utf8.RuneStart(inner[n]) {
			return n
		}
	}
	return len(inner)
}
