package binlog

import "fmt"

// rowsEvent is a rows event, whose rows are not looked at yet.
type rowsEvent struct {
	kind    Kind
	partial bool // the images may have parts of JSON documents
	packed  bool // MariaDB compressed the rows
	id      uint64
	last    bool // of its statement
	n       int
	before  []byte // which columns the images have: of an insert, this is after
	after   []byte // of an update
	rows    []byte
}

const (
	flagStatementEnd = 1
	noTable4         = 1<<32 - 1 // these end a statement without rows
	noTable6         = 1<<48 - 1
	noTable3         = 1<<24 - 1
)

// rowKinds are the types of events with rows.
var rowKinds = map[byte]Kind{
	eventWrite1: Insert, eventWrite2: Insert, eventMariaWrite: Insert,
	eventUpdate1: Update, eventUpdate2: Update, eventMariaUpdate: Update, eventPartialUpdate: Update,
	eventDelete1: Delete, eventDelete2: Delete, eventMariaDelete: Delete,
}

// parseRows reads the front of a rows event.
func parseRows(f format, kind byte, body []byte) (rowsEvent, error) {
	e := rowsEvent{kind: rowKinds[kind], partial: kind == eventPartialUpdate, packed: kind >= eventMariaWrite}
	c := cursor{b: body}
	e.id = c.uint(f.idSize(kind))
	e.last = c.uint(2)&flagStatementEnd != 0
	if kind >= eventWrite2 && kind <= eventPartialUpdate { // the second version has extra data
		c.take(int(c.uint(2)) - 2)
	}
	n := c.packed() // columns: a row of NULLs has fewer bytes
	if n > mostColumns {
		return rowsEvent{}, fmt.Errorf("read rows: they have %d columns", n)
	}
	e.n = int(n)
	e.before = c.take((e.n + 7) / 8)
	if e.kind == Update {
		e.after = c.take((e.n + 7) / 8)
	}
	e.rows = c.b
	if c.err != nil {
		return rowsEvent{}, fmt.Errorf("read rows: %w", errShort)
	}
	return e, nil
}

// ends reports whether the event only ends a statement.
func (e *rowsEvent) ends() bool { return e.id == noTable3 || e.id == noTable4 || e.id == noTable6 }

// each calls f with the images of each row: of an insert after, of a delete before. What they have is copied.
func (e *rowsEvent) each(l *Layout, f func(before, after []Value)) error {
	if e.n != len(l.Columns) {
		return fmt.Errorf("read rows of %s.%s: they have %d columns, and the table %d", l.Schema, l.Table, e.n, len(l.Columns))
	}
	rows := e.rows
	if e.packed {
		var err error
		if rows, err = inflate(rows); err != nil {
			return fmt.Errorf("read rows of %s.%s: %w", l.Schema, l.Table, err)
		}
	}
	c := cursor{b: rows}
	for more := true; more; more = len(c.b) > 0 { // an insert of defaults alone has no bytes with MINIMAL images
		had := len(c.b)
		var before, after []Value
		switch e.kind {
		case Insert:
			after = l.image(&c, e.before, false)
		case Delete:
			before = l.image(&c, e.before, false)
		default:
			before = l.image(&c, e.before, false)
			after = l.image(&c, e.after, e.partial)
		}
		if c.err != nil || had > 0 && len(c.b) == had {
			return fmt.Errorf("read rows of %s.%s: %w", l.Schema, l.Table, errShort)
		}
		f(before, after)
	}
	return nil
}

// image reads the image of a row that has the columns of a bitmap, and returns the wanted ones.
func (l *Layout) image(c *cursor, has []byte, partial bool) []Value {
	values := make([]Value, len(l.Wanted))
	var parts []byte // of JSON columns
	const partialJSON = 1
	if partial && c.packed()&partialJSON != 0 {
		n := 0
		for i := range l.Columns {
			if l.Columns[i].kind == typeJSON {
				n++
			}
		}
		parts = c.take((n + 7) / 8)
	}
	n := 0
	for i := range l.Columns {
		if bit(has, i) {
			n++
		}
	}
	nulls := c.take((n + 7) / 8)
	if c.err != nil {
		return values
	}
	size := 0
	n, json := 0, 0
	for i := range l.Columns {
		part := false
		if parts != nil && l.Columns[i].kind == typeJSON {
			part = bit(parts, json)
			json++
		}
		if !bit(has, i) {
			continue
		}
		null := bit(nulls, n)
		n++
		var raw []byte
		if !null {
			raw = l.Columns[i].take(c)
		}
		if at := l.at[i]; at >= 0 {
			switch {
			case null:
				values[at].State = Null
			case !part:
				values[at] = Value{Present, raw}
				size += len(raw)
			}
		}
	}
	kept := make([]byte, 0, size) // so that an image does not hold its event
	for i := range values {
		if values[i].State == Present {
			from := len(kept)
			kept = append(kept, values[i].Raw...)
			values[i].Raw = kept[from:len(kept):len(kept)]
		}
	}
	return values
}

// take reads the column's value, without its length.
func (col *Column) take(c *cursor) []byte {
	meta := int(col.meta)
	fraction := (meta + 1) / 2
	switch col.kind {
	case typeTiny, typeYear:
		return c.take(1)
	case typeShort:
		return c.take(2)
	case typeInt24, typeDate, typeNewDate, typeTime:
		return c.take(3)
	case typeLong, typeFloat, typeTimestamp:
		return c.take(4)
	case typeLongLong, typeDouble, typeDateTime:
		return c.take(8)
	case typeTime2:
		return c.take(3 + fraction)
	case typeTimestamp2:
		return c.take(4 + fraction)
	case typeDateTime2:
		return c.take(5 + fraction)
	case typeDecimal:
		return c.take(decimalSize(meta>>8, meta&0xff))
	case typeBit:
		return c.take(((meta>>8)*8 + meta&0xff + 7) / 8)
	case typeEnum, typeSet:
		return c.take(meta)
	case typeString, typeVarchar, typeVarString, typeTextPacked:
		if meta < 256 {
			return c.take(int(c.uint(1)))
		}
		return c.take(int(c.uint(2)))
	case typeBlob, typeGeometry, typeJSON, typeVector, typeBlobPacked:
		if meta < 1 || meta > 4 {
			break
		}
		return c.take(int(c.uint(meta))) //nolint:gosec // at most 32 bits
	case typeNull:
		return nil
	}
	c.b, c.err = nil, errShort
	return nil
}

// digitBytes is how many bytes so many digits take.
var digitBytes = [...]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

// decimalSize is how many bytes a DECIMAL takes; -1 if there is no such type.
func decimalSize(precision, scale int) int {
	whole := precision - scale
	if whole < 0 || precision > 100 {
		return -1
	}
	return whole/9*4 + digitBytes[whole%9] + scale/9*4 + digitBytes[scale%9]
}
