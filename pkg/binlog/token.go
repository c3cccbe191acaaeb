package binlog

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// tokens divides a statement into words, names and the like. Comments are left out, but what a server executes is not.
type tokens struct{ rest string }

// token is one of them.
type token struct {
	kind byte
	text string // of a name or a string without its quotes
}

// The kinds of tokens.
const (
	tokenEnd    = iota
	tokenWord   // unquoted: a keyword, a name or a number
	tokenName   // in backticks or double quotes
	tokenString // in single quotes
	tokenSign   // any other character
)

// next returns the next token.
func (t *tokens) next() token {
	t.skip()
	if t.rest == "" {
		return token{}
	}
	switch c := t.rest[0]; {
	case c == '`' || c == '"':
		return token{tokenName, t.quoted(c)}
	case c == '\'':
		return token{tokenString, t.quoted(c)}
	case inWord(c):
		n := 1
		for n < len(t.rest) && inWord(t.rest[n]) {
			n++
		}
		word := t.rest[:n]
		t.rest = t.rest[n:]
		return token{tokenWord, word}
	default:
		t.rest = t.rest[1:]
		return token{tokenSign, string(c)}
	}
}

// inWord reports whether a byte can be part of an unquoted name.
func inWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// quoted returns what is in quotes. A doubled quote is one; so is one after a backslash, but not in a name.
func (t *tokens) quoted(quote byte) string {
	var b strings.Builder
	i := 1
	for ; i < len(t.rest); i++ {
		c := t.rest[i]
		switch {
		case c == '\\' && quote != '`' && i+1 < len(t.rest):
			i++
			c = t.rest[i]
		case c == quote && i+1 < len(t.rest) && t.rest[i+1] == quote:
			i++
		case c == quote:
			t.rest = t.rest[i+1:]
			return b.String()
		}
		b.WriteByte(c)
	}
	t.rest = ""
	return b.String()
}

// skip leaves out spaces and comments.
func (t *tokens) skip() {
	for {
		t.rest = strings.TrimLeft(t.rest, " \t\r\n\f\v\x00;")
		switch {
		case strings.HasPrefix(t.rest, "/*!"), strings.HasPrefix(t.rest, "/*M!"): // its content is executed
			_, t.rest, _ = strings.Cut(t.rest, "!")
			t.rest = strings.TrimLeft(t.rest, "0123456789")
		case strings.HasPrefix(t.rest, "*/"):
			t.rest = t.rest[2:]
		case strings.HasPrefix(t.rest, "/*"):
			_, t.rest, _ = strings.Cut(t.rest[2:], "*/")
		case strings.HasPrefix(t.rest, "#"), strings.HasPrefix(t.rest, "-- "), strings.HasPrefix(t.rest, "--\t"), strings.HasPrefix(t.rest, "--\n"):
			_, t.rest, _ = strings.Cut(t.rest, "\n")
		default:
			return
		}
	}
}

// word returns the next token if it is a word, in capitals.
func (t *tokens) word() string {
	if k := t.next(); k.kind == tokenWord {
		return strings.ToUpper(k.text)
	}
	return ""
}

// xid returns the name of an XA transaction that follows, in the form of the function xid.
func (t *tokens) xid() string {
	var parts [2][]byte
	format := uint64(1)
	for i := range 3 {
		k := t.next()
		isHex := false
		if k.kind == tokenWord && strings.EqualFold(k.text, "x") {
			isHex, k = true, t.next()
		}
		switch {
		case i == 2:
			if n, err := strconv.ParseUint(k.text, 10, 32); err == nil {
				format = n
			}
		case isHex:
			parts[i], _ = hex.DecodeString(k.text) // of what is no number, what comes before
		case k.kind == tokenWord && strings.HasPrefix(k.text, "0x"):
			parts[i], _ = hex.DecodeString(k.text[2:])
		default:
			parts[i] = []byte(k.text)
		}
		if k = t.next(); k.text != "," || k.kind != tokenSign {
			break
		}
	}
	return xid(parts[0], parts[1], format)
}
