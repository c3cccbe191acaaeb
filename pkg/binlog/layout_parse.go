package binlog

import (
	"bytes"
	"fmt"
)

// The numbers of the servers' types, as table maps have them.
const (
	typeDecimalOld = 0
	typeTiny       = 1
	typeShort      = 2
	typeLong       = 3
	typeFloat      = 4
	typeDouble     = 5
	typeNull       = 6
	typeTimestamp  = 7 // this and the next ones without a fraction, from servers before 5.6
	typeLongLong   = 8
	typeInt24      = 9
	typeDate       = 10
	typeTime       = 11
	typeDateTime   = 12
	typeYear       = 13
	typeNewDate    = 14
	typeVarchar    = 15
	typeBit        = 16
	typeTimestamp2 = 17
	typeDateTime2  = 18
	typeTime2      = 19
	typeBlobPacked = 140 // MariaDB's compressed columns
	typeTextPacked = 141
	typeVector     = 242
	typeJSON       = 245
	typeDecimal    = 246
	typeEnum       = 247
	typeSet        = 248
	typeBlob       = 252
	typeVarString  = 253
	typeString     = 254
	typeGeometry   = 255
)

// mostColumns is how many columns a table may have: 4,096 on both servers, with some room.
const mostColumns = 1 << 13

// parseLayout reads a table map without its id.
func parseLayout(id uint64, body []byte) (*Layout, error) {
	c := cursor{b: body}
	c.take(2) // flags
	l := &Layout{id: id}
	l.Schema = string(c.take(int(c.byte())))
	c.take(1) // a zero
	l.Table = string(c.take(int(c.byte())))
	c.take(1)
	n := c.length()
	kinds := c.take(n)
	meta := cursor{b: c.take(c.length())}
	nullable := c.take((n + 7) / 8)
	if c.err != nil || n > mostColumns {
		return nil, fmt.Errorf("read a table of the log: %w", errShort)
	}
	l.Columns = make([]Column, n)
	for i, kind := range kinds {
		col := &l.Columns[i]
		col.kind, col.Nullable = kind, bit(nullable, i)
		switch kind {
		case typeString, typeDecimal:
			col.meta = uint16(meta.byte())<<8 | uint16(meta.byte())
		case typeVarString, typeVarchar, typeBit, typeTextPacked:
			col.meta = uint16(meta.uint(2))
		case typeBlob, typeDouble, typeFloat, typeGeometry, typeVector, typeJSON, typeTime2, typeDateTime2, typeTimestamp2, typeBlobPacked:
			col.meta = uint16(meta.byte())
		case typeTiny, typeShort, typeLong, typeLongLong, typeInt24, typeNull, typeYear, typeDate, typeNewDate, typeTime, typeDateTime, typeTimestamp:
		default:
			l.unknown = kind // the meta data of what follows cannot be found
		}
		if l.unknown != 0 {
			break
		}
		if kind == typeString { // its first byte is the real type, or has two more bits of the length
			if real := byte(col.meta >> 8); real == typeEnum || real == typeSet {
				col.kind, col.meta = real, col.meta&0xff
			} else if real&0x30 != 0x30 {
				col.meta = col.meta&0xff | uint16(real&0x30^0x30)<<4
			} else {
				col.meta &= 0xff
			}
		}
	}
	if meta.err != nil {
		return nil, fmt.Errorf("read the table %s of the log: %w", clip(l.Table), errShort)
	}
	return l, l.parseOptional(c.b)
}

// The optional parts of a table map that are read.
const (
	partSigns      = 1
	partNames      = 4
	partKey        = 8
	partPrefixKeys = 9
)

// parseOptional reads what binlog_row_metadata adds.
func (l *Layout) parseOptional(b []byte) error {
	c := cursor{b: b}
	for c.err == nil && len(c.b) > 0 {
		part := c.byte()
		v := cursor{b: c.take(c.length())}
		switch part {
		case partSigns:
			l.signs(v.b)
		case partNames:
			for i := range l.Columns {
				l.Columns[i].Name = string(v.take(int(v.byte())))
			}
			l.Named = true
		case partKey, partPrefixKeys:
			l.Key = nil
			for v.err == nil && len(v.b) > 0 {
				at, prefix := v.packed(), uint64(0)
				if part == partPrefixKeys {
					prefix = v.packed()
				}
				if at >= uint64(len(l.Columns)) || len(l.Key) > len(l.Columns) {
					v.err = errShort
					break
				}
				l.Key = append(l.Key, int(at)) //nolint:gosec // bounded
				l.Prefixes = l.Prefixes || prefix != 0
			}
		}
		if v.err != nil {
			c.err = v.err
		}
	}
	if c.err != nil {
		return fmt.Errorf("read the table %s of the log: %w", clip(l.Table), c.err)
	}
	return nil
}

// signs reads the bits of the columns that are numbers, the highest bit first.
func (l *Layout) signs(bits []byte) {
	n := 0
	for i := range l.Columns {
		col := &l.Columns[i]
		switch col.kind {
		case typeTiny, typeShort, typeInt24, typeLong, typeLongLong, typeDecimalOld, typeDecimal, typeFloat, typeDouble, typeYear:
		default:
			continue
		}
		if n/8 >= len(bits) {
			return
		}
		col.Signs, col.Unsigned = true, bits[n/8]&(0x80>>(n%8)) != 0
		n++
	}
}

// layouts keeps the layouts of tables, which statement after statement repeats.
type layouts struct {
	wants func(*Layout) ([]int, bool)
	known map[uint64]*known
}

type known struct {
	body   []byte
	layout *Layout // nil: its rows are not wanted
	schema string
	table  string
}

// mostKnown is how many tables are kept.
const mostKnown = 4096

// find returns the layout of a table map, without its id.
func (ls *layouts) find(id uint64, body []byte) (*known, error) {
	if k := ls.known[id]; k != nil && bytes.Equal(k.body, body) {
		return k, nil
	}
	l, err := parseLayout(id, body)
	if err != nil {
		return nil, err
	}
	k := &known{body: bytes.Clone(body), schema: l.Schema, table: l.Table}
	if columns, ok := ls.wants(l); ok {
		if l.unknown != 0 {
			return nil, fmt.Errorf("read the table %s.%s of the log: a column has the unknown type %d", l.Schema, l.Table, l.unknown)
		}
		l.want(columns)
		k.layout = l
	}
	if ls.known == nil || len(ls.known) >= mostKnown {
		ls.known = map[uint64]*known{}
	}
	ls.known[id] = k
	return k, nil
}

// want notes the columns whose values are wanted.
func (l *Layout) want(columns []int) {
	l.at = make([]int, len(l.Columns))
	for i := range l.at {
		l.at[i] = -1
	}
	for _, i := range columns {
		if i >= 0 && i < len(l.at) && l.at[i] < 0 {
			l.at[i] = len(l.Wanted)
			l.Wanted = append(l.Wanted, i)
		}
	}
}
