package change

import (
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Made says by which write each column of a row was made. Of a row whose table merges columns, this is more than its version
// tells. It does not change once it is part of a State.
type Made struct {
	Rest    Version // made the columns that are not listed; of a deleted row, the delete; zero: nobody's write that is known
	Columns []MadeBy
}

// MadeBy is a column and the write that made it.
type MadeBy struct {
	Name string
	Version
}

// By returns the write that made a column. Case is ignored, as by the server.
func (m *Made) By(column string) Version {
	for i := range m.Columns {
		if m.Columns[i].Name == column || strings.EqualFold(m.Columns[i].Name, column) {
			return m.Columns[i].Version
		}
	}
	return m.Rest
}

// Latest returns the latest of the writes.
func (m *Made) Latest() Version {
	v := m.Rest
	for i := range m.Columns {
		if m.Columns[i].Compare(v) > 0 {
			v = m.Columns[i].Version
		}
	}
	return v
}

// MadeOf returns what says that the columns with these names were made by these writes, in its shortest form. It is the same
// for the same columns, in whichever order they come; nil if version made them all.
func MadeOf(version Version, names []string, by []Version) *Made {
	count := map[Version]int{}
	for _, v := range by {
		count[v]++
	}
	rest := version
	for _, v := range slices.SortedFunc(maps.Keys(count), Version.Compare) {
		if count[v] >= count[rest] {
			rest = v
		}
	}
	m := &Made{Rest: rest}
	for i, v := range by {
		if v != rest {
			m.Columns = append(m.Columns, MadeBy{names[i], v})
		}
	}
	if rest == version && len(m.Columns) == 0 {
		return nil
	}
	return m.Sorted()
}

// Sorted returns m with its columns in order.
func (m *Made) Sorted() *Made {
	slices.SortFunc(m.Columns, func(a, b MadeBy) int { return cmp.Compare(a.Name, b.Name) })
	return m
}

// With returns what is so after a write of some columns; m is not changed.
func (m *Made) With(v Version, columns []string) *Made {
	n := &Made{Rest: m.Rest, Columns: slices.Clone(m.Columns)}
	for _, name := range columns {
		at := slices.IndexFunc(n.Columns, func(c MadeBy) bool { return strings.EqualFold(c.Name, name) })
		if at < 0 {
			at = len(n.Columns)
			n.Columns = append(n.Columns, MadeBy{Name: name})
		}
		n.Columns[at].Version = v
	}
	return n.Sorted()
}

// MadeBy returns the write that made a column of the row.
func (s State) MadeBy(column string) Version {
	if s.Made == nil {
		return s.Version
	}
	return s.Made.By(column)
}

// LastWrite returns the latest of the writes that made the row, or its delete. It is the version, unless a conflict policy
// made that.
func (s State) LastWrite() Version {
	if s.Made == nil {
		return s.Version
	}
	return s.Made.Latest()
}

// Append appends a version in a form that no other has.
func (v Version) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(v.Time))
	b = binary.AppendUvarint(b, uint64(len(v.Origin)))
	return append(b, v.Origin...)
}

// Text returns a form that is the same for equal ones, and that ParseMade understands.
func (m *Made) Text() []byte {
	b := m.Rest.Append(nil)
	for i := range m.Columns {
		b = binary.AppendUvarint(b, uint64(len(m.Columns[i].Name)))
		b = append(b, m.Columns[i].Name...)
		b = m.Columns[i].Version.Append(b)
	}
	return b
}

var errMade = errors.New("what it says about the row's columns is damaged")

// ParseMade returns what Text wrote; nil for nothing.
func ParseMade(b []byte) (*Made, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := madeReader{b, true}
	m := &Made{Rest: r.version()}
	for r.ok && len(r.rest) > 0 {
		m.Columns = append(m.Columns, MadeBy{r.text(), r.version()})
	}
	if !r.ok {
		return nil, errMade
	}
	return m, nil
}

// madeReader reads what Text wrote.
type madeReader struct {
	rest []byte
	ok   bool
}

func (r *madeReader) number() uint64 {
	n, k := binary.Uvarint(r.rest)
	if k <= 0 || n > 1<<62 {
		r.ok, r.rest = false, nil
		return 0
	}
	r.rest = r.rest[k:]
	return n
}

func (r *madeReader) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.ok, r.rest = false, nil
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *madeReader) version() Version { return Version{int64(r.number()), r.text()} }
