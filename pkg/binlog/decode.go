package binlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The most of a transaction that is kept at once; what follows is another piece.
const (
	mostRows  = 10_000
	mostBytes = 16 << 20
)

// decoder turns events into transactions. It does nothing else: bytes in, values out.
type decoder struct {
	mariaDB bool
	layouts layouts
	format  *format  // nil: before the first event of a file
	at      Place    // the end of the event last seen
	sent    string   // the file that the server sends
	tables  []mapped // that the current statement names
	open    *open
	inner   *payload // the rest of a compressed transaction
	ready   []*Transaction
	idle    bool // the last event said that nothing happened
}

// mapped is a table that the current statement names.
type mapped struct {
	*known
	id   uint64
	rows bool // there were rows
}

// open is a transaction whose end has not been seen.
type open struct {
	begin
	begun   bool // it has a BEGIN, or its like
	seconds uint32
	piece   int
	bytes   int
	changes []Change
}

// take decodes the next event, which may be changed afterwards. Finished transactions are in ready; if inner is not nil,
// there is more without another event.
func (d *decoder) take(b []byte) error { return d.event(b, false) }

// more decodes the next event of a compressed transaction.
func (d *decoder) more() error {
	b, err := d.inner.next()
	if err == io.EOF { //nolint:errorlint // as payload says
		d.inner.close()
		d.inner = nil
		return nil
	}
	if err == nil {
		err = d.event(b, true)
	}
	return err
}

func (d *decoder) event(b []byte, inner bool) error {
	h, body, err := parseHeader(b)
	if err != nil {
		return err
	}
	if h.kind == eventFormat {
		f, err := parseFormat(body)
		if err != nil {
			return err
		}
		d.format, d.open, d.tables = &f, nil, d.tables[:0] // what a crash left unfinished never happened
		return nil
	}
	if d.format != nil && d.format.checksum && !inner {
		if len(body) < checksumSize {
			return fmt.Errorf("read an event of the log: %w", errShort)
		}
		body = body[:len(body)-checksumSize]
	}
	d.idle = h.kind == eventHeartbeat || h.kind == eventHeartbeat2
	switch {
	case h.kind == eventRotate:
		return d.rotate(body, h.flags&flagArtificial != 0 || h.seconds == 0)
	case d.idle, h.kind == eventStop:
		return nil
	}
	if d.format == nil {
		return errors.New("read the log: it does not begin with its format")
	}
	if !inner && h.flags&flagArtificial == 0 {
		d.moved(h)
	}
	return d.meant(h, body, inner)
}

// rotate goes to the beginning of another file. What a server says by itself, not in its log, is which file it sends next: that is the
// next one, unless somebody has taken files out of the middle, of which the server itself knows nothing.
func (d *decoder) rotate(body []byte, sends bool) error {
	c := cursor{b: body}
	at := c.uint(8)
	if c.err != nil || len(c.b) > 512 {
		return fmt.Errorf("read the name of the next file of the log: %w", errShort)
	}
	d.at = Place{string(bytes.TrimRight(c.b, "\x00")), at}
	if !sends {
		return nil
	}
	before := d.sent
	d.sent = d.at.File
	if before != "" && skips(before, d.sent) {
		return fmt.Errorf("read the log: %w: after the file %.64q comes %.64q", ErrGone, before, d.sent)
	}
	return nil
}

// skips reports whether a file of a log is another than the next one, by their numbers. One of another name says nothing.
func skips(before, after string) bool {
	named := func(file string) string { return file[:strings.LastIndexByte(file, '.')+1] }
	return named(before) == named(after) && number(before) > 0 && number(after) > number(before)+1
}

// moved notes an event's end. The log has 32 bits of it, and on MariaDB 0 within a transaction.
func (d *decoder) moved(h header) {
	at := d.at.Offset + uint64(h.size)
	if h.end != 0 {
		end := at&^(1<<32-1) | uint64(h.end)
		if end+1<<31 < at { // it went past 4 GiB
			end += 1 << 32
		} else if end > at+1<<31 && end >= 1<<32 {
			end -= 1 << 32
		}
		at = end
	}
	d.at.Offset = at
}

// meant decodes an event that says something about transactions.
func (d *decoder) meant(h header, body []byte, inner bool) error {
	if others[h.kind] {
		return nil
	}
	var b begin
	var err error
	switch h.kind {
	case eventMariaGTID:
		b, err = parseMariaGTID(h, body)
	case eventGTID:
		b, err = parseGTID(body)
	case eventTagged:
		b, err = parseTagged(body)
	case eventAnonymous:
		return errNoGTID
	default:
		if d.open == nil {
			return nil // before the first one that is asked for
		}
		d.open.seconds = max(d.open.seconds, h.seconds)
		return d.within(h, body, inner)
	}
	if err != nil {
		return err
	}
	d.open, d.tables = &open{begin: b, begun: d.mariaDB && !b.standalone, seconds: h.seconds}, d.tables[:0]
	return nil
}

// within decodes an event of a transaction.
func (d *decoder) within(h header, body []byte, inner bool) error {
	switch h.kind {
	case eventQuery, eventMariaQuery:
		return d.query(h, body)
	case eventXID:
		d.end(XA{})
		return nil
	case eventXAPrepare:
		return d.prepare(body)
	case eventTableMap:
		return d.table(body)
	case eventPayload:
		if inner || d.inner != nil {
			return errors.New("expand a transaction: it is compressed twice")
		}
		var err error
		d.inner, err = openPayload(body)
		return err
	case eventIncident:
		d.add(Change{Kind: Unknown, EndOfStatement: true}, 0)
		return nil
	case eventExecuteLoad:
		return d.load(body)
	}
	if rowKinds[h.kind] != 0 {
		return d.rows(h.kind, body)
	}
	if h.flags&flagIgnorable != 0 {
		return nil
	}
	return fmt.Errorf("read the log: an event has the unknown type %d", h.kind)
}

// table notes a table of the current statement.
func (d *decoder) table(body []byte) error {
	c := cursor{b: body}
	id := c.uint(d.format.idSize(eventTableMap))
	if c.err != nil {
		return fmt.Errorf("read a table of the log: %w", errShort)
	}
	k, err := d.layouts.find(id, c.b)
	if err != nil {
		return err
	}
	if m := d.mapped(id); m != nil {
		*m = mapped{known: k, id: id}
		return nil
	}
	if len(d.tables) > mostTables {
		return errors.New("read the log: a statement has too many tables")
	}
	d.tables = append(d.tables, mapped{known: k, id: id})
	return nil
}

// mostTables is how many tables a statement may name: a server's has 64, and those of its triggers and foreign keys.
const mostTables = 4096

// mapped returns a table of the current statement, or nil.
func (d *decoder) mapped(id uint64) *mapped {
	for i := range d.tables {
		if d.tables[i].id == id {
			return &d.tables[i]
		}
	}
	return nil
}

// rows adds the rows of an event.
func (d *decoder) rows(kind byte, body []byte) error {
	e, err := parseRows(*d.format, kind, body)
	if err != nil {
		return err
	}
	if m := d.mapped(e.id); m != nil {
		m.rows = true
		if m.layout != nil {
			err = e.each(m.layout, func(before, after []Value) {
				d.add(Change{Kind: e.kind, Schema: m.schema, Table: m.table, Layout: m.layout, Before: before, After: after}, sizeOf(before)+sizeOf(after))
			})
		}
	} else if !e.ends() {
		err = fmt.Errorf("read rows: the table %d was not announced", e.id)
	}
	if err == nil && e.last {
		d.statementEnds()
	}
	return err
}

// sizeOf is about how much memory an image takes.
func sizeOf(image []Value) int {
	n := 0
	for i := range image {
		n += 32 + len(image[i].Raw)
	}
	return n
}

// statementEnds tells the tables that were named without rows.
func (d *decoder) statementEnds() {
	for _, m := range d.tables {
		if !m.rows && m.layout != nil {
			d.add(Change{Kind: Mentioned, Schema: m.schema, Table: m.table, Layout: m.layout}, 0)
		}
	}
	d.tables = d.tables[:0]
	if n := len(d.open.changes); n > 0 {
		d.open.changes[n-1].EndOfStatement = true
	}
}

// add adds a change.
func (d *decoder) add(c Change, size int) {
	const each = 160 // about what a Change takes
	o := d.open
	if len(o.changes) >= mostRows || o.bytes >= mostBytes {
		d.ready = append(d.ready, d.transaction())
		o.piece++
		o.changes, o.bytes = nil, 0
	}
	o.changes, o.bytes = append(o.changes, c), o.bytes+each+size
}

// transaction returns what there is of the open transaction.
func (d *decoder) transaction() *Transaction {
	o := d.open
	t := &Transaction{GTID: o.gtid, End: d.at, Piece: o.piece, Changes: o.changes}
	t.Time = Time{int64(o.seconds) * 1e6, false}
	if o.micros != 0 {
		t.Time = Time{int64(o.micros), true} //nolint:gosec // 55 bits
	}
	if o.xid != "" {
		t.XA = XA{Prepared, o.xid}
	}
	return t
}

// end ends the open transaction.
func (d *decoder) end(xa XA) {
	if n := len(d.open.changes); n > 0 {
		d.open.changes[n-1].EndOfStatement = true
	}
	t := d.transaction()
	if xa.ID == "" && t.Piece > 0 {
		xa.ID = t.XA.ID
	}
	t.Last, t.XA = true, xa
	d.ready = append(d.ready, t)
	d.open, d.tables = nil, d.tables[:0]
}
