package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// mostMade is how many columns of a batch may have writes of their own: each takes some 40 bytes.
const mostMade = 1 << 17

// appendMade appends by which writes a row's columns were made: the write of the rest, then how many columns were made by others,
// and for each of these its place among the section's columns, counted from the one before, and its write. Columns that are not
// sent are left out.
func appendMade(p []byte, c *change.Change, index map[string]uint64) []byte {
	version := func(v change.Version) {
		p = binary.AppendVarint(p, c.Version.Time-v.Time)
		p = binary.AppendUvarint(p, index[v.Origin])
	}
	version(c.Made.Rest)
	by := make([]change.Version, len(c.Columns))
	n := 0
	for i, name := range c.Columns {
		if by[i] = c.Made.By(name); by[i] != c.Made.Rest {
			n++
		}
	}
	p = binary.AppendUvarint(p, uint64(n))
	last := -1
	for i := range by {
		if by[i] != c.Made.Rest {
			p = binary.AppendUvarint(p, uint64(i-last-1))
			version(by[i])
			last = i
		}
	}
	return p
}

// made reads what appendMade wrote. No write that made a column can be later than the row's version.
func (r *reader) made(columns, origins []string) *change.Made {
	version := func() change.Version {
		v := r.version(r.last-r.varint(), origins)
		if r.err == nil && v.Time > r.last {
			r.fail(errors.New("a column is later than its row"))
		}
		return v
	}
	m := &change.Made{Rest: version()}
	n := r.count(len(columns), "columns made by other writes")
	if r.madeAll += n; r.madeAll > mostMade {
		r.fail(fmt.Errorf("the batch has more than %d columns made by other writes", mostMade))
	}
	for at := -1; n > 0 && r.err == nil; n-- {
		skip := r.uvarint()
		if skip >= uint64(len(columns)) || at+1+int(skip) >= len(columns) {
			r.fail(errors.New("a column that is made by another write is not there"))
			break
		}
		at += 1 + int(skip)
		m.Columns = append(m.Columns, change.MadeBy{Name: columns[at], Version: version()})
	}
	if r.err != nil {
		return nil
	}
	return m.Sorted()
}
