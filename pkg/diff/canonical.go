package diff

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// deepest is how deep values are canonicalized in parts: each level reads its inner ones again.
const deepest = 8

// errNotJSON is the error of a value that is none.
var errNotJSON = errors.New("is not JSON")

// canonical writes a value as json.Marshal does once it was decoded, with the members of objects sorted and numbers as
// plain decimals, in small parts.
func canonical(w io.Writer, v []byte) error { return canonicalAt(w, v, deepest) }

func canonicalAt(w io.Writer, v []byte, depth int) error {
	switch {
	case len(v) == 0:
		return errNotJSON
	case v[0] == '"' && len(v) > 1:
		return canonicalText(w, v[1:len(v)-1])
	case v[0] == '[' && len(v) > 1 && onlyBytes(v):
		_, err := w.Write(v)
		return err
	case v[0] == '[' && depth > 0:
		return canonicalList(w, v, depth)
	case v[0] == '{' && depth > 0:
		return canonicalObject(w, v, depth)
	}
	return whole(w, v)
}

// whole writes the canonical form of a value at once.
func whole(w io.Writer, v []byte) error {
	x := record.Parsed(v)
	if x == nil && string(v) != "null" {
		return errNotJSON
	}
	text, err := json.Marshal(plainNumbers(x))
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// plainNumbers returns a decoded value with its numbers as plain decimals. It changes lists and objects in place.
func plainNumbers(x any) any {
	switch x := x.(type) {
	case json.Number:
		return json.Number(record.Decimal(x.String()))
	case []any:
		for i, item := range x {
			x[i] = plainNumbers(item)
		}
	case map[string]any:
		for name, v := range x {
			x[name] = plainNumbers(v)
		}
	}
	return x
}

// onlyBytes reports whether a list has only digits and commas, as that of Node's Buffer.
func onlyBytes(list []byte) bool {
	for _, c := range list[1 : len(list)-1] {
		if c != ',' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func canonicalList(w io.Writer, v []byte, depth int) error {
	before := "["
	err := value.EachItem(v, func(raw []byte) error {
		if _, err := io.WriteString(w, before); err != nil {
			return err
		}
		before = ","
		return canonicalAt(w, raw, depth-1)
	})
	if err != nil {
		return err
	}
	if before == "[" {
		before = "[]"
	} else {
		before = "]"
	}
	_, err = io.WriteString(w, before)
	return err
}

// member is one of an object.
type member struct {
	name string
	raw  []byte
}

func canonicalObject(w io.Writer, v []byte, depth int) error {
	var list []member
	if err := value.EachMember(v, func(name string, raw []byte) error {
		list = append(list, member{name, raw})
		return nil
	}); err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	before := "{"
	for i, m := range list {
		if i+1 < len(list) && list[i+1].name == m.name { // the last one counts
			continue
		}
		name, err := json.Marshal(m.name)
		if err == nil {
			_, err = w.Write(append(append([]byte(before), name...), ':'))
		}
		if err == nil {
			err = canonicalAt(w, m.raw, depth-1)
		}
		if err != nil {
			return err
		}
		before = ","
	}
	end := "}"
	if before == "{" {
		end = "{}"
	}
	_, err := io.WriteString(w, end)
	return err
}

// canonicalText writes a string, given without its quotes, piece by piece.
func canonicalText(w io.Writer, inner []byte) error {
	quote := []byte{'"'}
	if _, err := w.Write(quote); err != nil {
		return err
	}
	var quoted, text []byte
	var again bytes.Buffer
	e := json.NewEncoder(&again)
	for len(inner) > 0 {
		n := value.UnquotePart(inner)
		if isCanonical(inner[:n]) {
			if _, err := w.Write(inner[:n]); err != nil {
				return err
			}
			inner = inner[n:]
			continue
		}
		quoted = append(append(append(quoted[:0], '"'), inner[:n]...), '"')
		inner = inner[n:]
		if !json.Valid(quoted) {
			return errNotJSON
		}
		text = value.AppendUnquoted(text[:0], quoted[1:len(quoted)-1])
		again.Reset()
		if err := e.Encode(string(text)); err != nil { // as json.Marshal, and a line break
			return err
		}
		if _, err := w.Write(again.Bytes()[1 : again.Len()-2]); err != nil {
			return err
		}
	}
	_, err := w.Write(quote)
	return err
}

// isCanonical reports whether a piece is certainly written as it is.
func isCanonical(piece []byte) bool {
	for _, c := range piece {
		if c < ' ' || c >= utf8.RuneSelf || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
