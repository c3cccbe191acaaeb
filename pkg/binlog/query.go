package binlog

import (
	"fmt"
)

// query decodes a statement.
func (d *decoder) query(h header, body []byte) error {
	c := cursor{b: body}
	c.take(8) // the thread, and how long it took
	schema := int(c.byte())
	c.take(2)              // its error
	c.take(int(c.uint(2))) // the session's variables
	name := c.take(schema) // the default schema
	if c.take(1); c.err != nil {
		return fmt.Errorf("read a statement of the log: %w", errShort)
	}
	text := c.b
	if h.kind == eventMariaQuery {
		var err error
		if text, err = inflate(text); err != nil {
			return err
		}
	}
	d.statement(string(name), string(text))
	return nil
}

// statement takes a statement within a transaction.
func (d *decoder) statement(schema, text string) {
	t := tokens{rest: text[:min(len(text), mostText)]}
	first, second := t.word(), ""
	if first == "XA" || first == "START" || first == "ROLLBACK" {
		second = t.word()
	}
	switch {
	case first == "XA" && (second == "START" || second == "BEGIN"):
		d.open.begun, d.open.xid = true, t.xid()
	case first == "BEGIN", first == "START" && second == "TRANSACTION":
		d.open.begun = true
	case first == "XA" && second == "END", first == "SAVEPOINT", first == "RELEASE", first == "ROLLBACK" && second == "TO":
	case first == "XA" && second == "COMMIT":
		d.end(XA{XACommit, t.xid()})
	case first == "XA" && second == "ROLLBACK":
		d.end(XA{XARollback, t.xid()})
	case first == "XA" && second == "PREPARE":
		d.end(XA{Prepared, t.xid()})
	case first == "COMMIT", first == "ROLLBACK":
		d.end(XA{})
	default:
		d.tables = d.tables[:0]
		s := ParseSQL(schema, text)
		d.add(Change{Kind: Statement, Schema: schema, SQL: s, EndOfStatement: true}, len(s.Text))
		if !d.open.begun {
			d.end(XA{})
		}
	}
}

// load takes a LOAD DATA that is logged as text: the file's name, of which only what is around it matters.
func (d *decoder) load(body []byte) error {
	c := cursor{b: body}
	c.take(8)
	schema := int(c.byte())
	c.take(2)
	vars := int(c.uint(2))
	c.take(4 + 4 + 4 + 1)
	c.take(vars)
	name := c.take(schema)
	if c.take(1); c.err != nil {
		return fmt.Errorf("read a LOAD DATA of the log: %w", errShort)
	}
	d.statement(string(name), string(c.b))
	return nil
}

// prepare takes the end of an XA transaction's own part.
func (d *decoder) prepare(body []byte) error {
	c := cursor{b: body}
	onePhase := c.byte() != 0
	format := c.uint(4)
	global, branch := int(c.uint(4)), int(c.uint(4)) //nolint:gosec // 32 bits
	g, b := c.take(global), c.take(branch)
	if c.err != nil || global > mostXID || branch > mostXID {
		return fmt.Errorf("read an XA PREPARE of the log: %w", errShort)
	}
	if onePhase {
		d.end(XA{})
	} else {
		d.end(XA{Prepared, xid(g, b, format)})
	}
	return nil
}

// mostXID is how long each part of an XA transaction's name may be.
const mostXID = 64

// xid writes the name of an XA transaction.
func xid(global, branch []byte, format uint64) string {
	return fmt.Sprintf("X'%x',X'%x',%d", global, branch, format)
}
