package value

import (
	"bytes"
	"slices"
	"strings"
)

// lostCharacter is what the server shows in a type instead of a character
// beyond the basic plane.
const lostCharacter = "?"

// Members returns the members of an ENUM or a SET from its type as
// information_schema writes it: enum('a','b').
func Members(columnType string) []string {
	_, list, _ := strings.Cut(columnType, "(")
	var members []string
	var m strings.Builder
	in := false
	for i := 0; i < len(list); i++ {
		ch := list[i]
		switch {
		case !in:
			in = ch == '\''
		case ch == '\'' && i+1 < len(list) && list[i+1] == '\'':
			m.WriteByte('\'') // a quote in a member is doubled
			i++
		case ch == '\'':
			members = append(members, m.String())
			m.Reset()
			in = false
		case ch == '\\' && i+1 < len(list):
			i++
			m.WriteByte(unescaped(list[i]))
		default:
			m.WriteByte(ch)
		}
	}
	return members
}

// unescaped returns what a backslash and a letter stand for.
func unescaped(letter byte) byte {
	switch letter {
	case '0':
		return 0
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	}
	return letter
}

// IsNumbered reports whether the server keeps and orders the column's values by
// a number, and shows them as text.
func (c *Column) IsNumbered() bool { return c.DataType == "enum" || c.DataType == "set" }

// Number returns the number of an ENUM or SET value, or false if the column
// does not have it. Empty text that is not a member is number 0: a SET without
// members, or what the server stores for an invalid ENUM.
func (c *Column) Number(stored []byte) (uint64, bool) {
	if c.DataType == "enum" {
		i := c.member(string(stored))
		return uint64(max(i+1, 0)), i >= 0 || len(stored) == 0
	}
	if len(stored) == 0 {
		return 0, true
	}
	n := uint64(0)
	for m := range bytes.SplitSeq(stored, []byte{','}) {
		i := c.member(string(m))
		if i < 0 {
			return 0, false
		}
		n |= 1 << i
	}
	return n, true
}

// member returns the position of a member, or -1. Like the server, it accepts a
// different case if the column's collation does.
func (c *Column) member(s string) int {
	if i := slices.Index(c.Members, s); i >= 0 {
		return i
	}
	return slices.IndexFunc(c.Members, func(m string) bool { return strings.EqualFold(m, s) })
}

// spelled returns an ENUM or SET value as the server gives it: in the spelling
// and order of the column's members.
func (c *Column) spelled(stored []byte) []byte {
	n, ok := c.Number(stored)
	if !ok || n == 0 {
		return stored
	}
	if c.DataType == "enum" {
		return []byte(c.Members[n-1])
	}
	var b []byte
	for i, m := range c.Members {
		if n&(1<<i) == 0 {
			continue
		}
		if b != nil {
			b = append(b, ',')
		}
		b = append(b, m...)
	}
	return b
}
