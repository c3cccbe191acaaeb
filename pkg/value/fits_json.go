package value

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
)

// fitsJSON finds what MySQL's JSON type would change: a number with more digits
// than a DOUBLE has, and a duplicate key in an object. The server itself refuses
// invalid JSON. MariaDB keeps the text.
func (c *Column) fitsJSON(stored []byte) error {
	if !json.Valid(stored) {
		return nil
	}
	d := document{text: stored}
	if d.value(); d.why != "" {
		return c.misfit(clip(d.part), d.why)
	}
	return nil
}

// document goes through a valid JSON text.
type document struct {
	text      []byte
	at        int
	part, why string // what does not fit
}

func (d *document) space() {
	for d.at < len(d.text) && bytes.IndexByte([]byte(" \t\r\n"), d.text[d.at]) >= 0 {
		d.at++
	}
}

// next steps over a byte if it comes next.
func (d *document) next(b byte) bool {
	d.space()
	if d.at < len(d.text) && d.text[d.at] == b {
		d.at++
		return true
	}
	return false
}

// value steps over one value.
func (d *document) value() {
	d.space()
	from := d.at
	switch d.text[d.at] {
	case '{':
		d.object()
	case '[':
		d.at++
		for !d.next(']') && d.why == "" {
			d.value()
			d.next(',')
		}
	case '"':
		d.at += valueLength(d.text[d.at:])
	default:
		d.at += valueLength(d.text[d.at:])
		d.number(d.text[from:d.at])
	}
}

func (d *document) object() {
	var few [8][]byte // keys; most objects have few
	keys := few[:0]
	var many map[string]bool
	d.at++
	for !d.next('}') && d.why == "" {
		d.space()
		from := d.at
		d.at += valueLength(d.text[d.at:])
		key := d.text[from:d.at]
		if bytes.IndexByte(key, '\\') >= 0 { // one key has many spellings
			if plain, err := Unquote(key); err == nil {
				key = []byte(`"` + plain + `"`)
			}
		}
		twice := many[string(key)]
		for _, k := range keys {
			twice = twice || bytes.Equal(k, key)
		}
		if twice {
			d.part, d.why = string(key), "the key stands twice in one object"
			return
		}
		if len(keys) < cap(keys) {
			keys = append(keys, key)
		} else {
			if many == nil {
				many = map[string]bool{}
			}
			many[string(key)] = true
		}
		d.next(':')
		d.value()
		d.next(',')
	}
}

// number checks a number: 64-bit integers are kept, others become a DOUBLE.
func (d *document) number(token []byte) {
	n, ok := parse(token)
	if !ok || n.digits <= sureDouble && n.whole+n.fraction < 300 {
		return
	}
	if !bytes.ContainsAny(token, ".eE") {
		if u, ok := n.magnitude(); ok && (!n.negative || u <= 1<<63) {
			return
		}
	}
	double := Column{Kind: Double, DataType: "double"}
	if why := double.fitsDouble(token); why != "" {
		d.part, d.why = string(token), "the number in it would be rounded"
	}
}

// shapes are the types of a geometry in its binary form.
var shapes = map[uint32]string{1: "point", 2: "linestring", 3: "polygon", 4: "multipoint", 5: "multilinestring", 6: "multipolygon", 7: "geometrycollection"}

// fitsGeometry compares the type of a geometry, which follows its SRID.
func (c *Column) fitsGeometry(stored []byte) error {
	if len(stored) < 9 || stored[4] != 1 || strings.HasPrefix(c.DataType, "geom") {
		return nil // the server knows what a collection may contain
	}
	if shape := shapes[binary.LittleEndian.Uint32(stored[5:])]; shape != "" && shape != c.DataType {
		return c.misfit("a "+strings.ToUpper(shape), "it is another kind of geometry")
	}
	return nil
}
