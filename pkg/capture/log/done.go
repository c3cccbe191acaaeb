package log

import (
	"context"
	"encoding/binary"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// name names a write in each reading of the log.
type name struct {
	place
	of  string // its transaction's GTID
	nth uint32 // of the table's in the transaction
}

// name returns the item's.
func (i *item) name() name { return name{i.place(), i.origin().gtid.String(), i.nth} }

// says is who writes into the log what is done: each has a row.
type says int

// Who writes it.
const (
	byCapture says = 1
	byApply   says = 2
)

// namesMost is how many bytes of names are written in one row.
const namesMost = 1 << 20

// tellDone writes into the log, in the transaction that records them, which writes are done though P does not pass them: who reads
// the log again does not take them for new. Rule 8.
func (s *Source) tellDone(ctx context.Context, tx mysqldb.Execer, by says, names []name) error {
	for len(names) > 0 {
		var text []byte
		text, names = pack(names, namesMost)
		if err := s.server.Done(ctx, tx, int(by), text); err != nil {
			return err
		}
	}
	return nil
}

// pack returns names as the log has them, at least one and up to about so many bytes, and the rest. What is as in the one before
// is left out.
func pack(names []name, most int) (text []byte, rest []name) {
	var last name
	for i, n := range names {
		if len(text) > most {
			return text, names[i:]
		}
		of, table := n.of, n.table
		if of == last.of {
			of = ""
		}
		if table == last.table {
			table = ""
		}
		for _, part := range []string{of, table, n.key} {
			text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
		}
		text, last = binary.AppendUvarint(text, uint64(n.nth)), n
	}
	return text, nil
}

// unpack returns the names in a text; of one that is damaged, those before.
func unpack(text []byte) (names []name) {
	var last name
	part := func(same string) (string, bool) {
		n, size := binary.Uvarint(text)
		if size <= 0 || n > uint64(len(text)-size) {
			return "", false
		}
		got := string(text[size : size+int(n)])   //nolint:gosec // it is not above the length
		if text = text[size+int(n):]; got == "" { //nolint:gosec // the same
			return same, true
		}
		return got, true
	}
	for len(text) > 0 {
		n := last
		var ok [3]bool
		n.of, ok[0] = part(last.of)
		n.table, ok[1] = part(last.table)
		n.key, ok[2] = part("")
		nth, size := binary.Uvarint(text)
		if ok != [3]bool{true, true, true} || size <= 0 {
			return names
		}
		text, n.nth = text[size:], uint32(nth) //nolint:gosec // one that is too large names nothing
		names, last = append(names, n), n
	}
	return names
}

// doneIn returns the names that a row of sync_log_done has, as proves reads it.
func doneIn(c *binlog.Change) []name {
	if len(c.After) < 2 {
		return nil
	}
	return unpack(c.After[1].Raw)
}

// names returns the names of the given items whose transactions are not done as a whole.
func names(items []*item, whole func(binlog.GTID) bool) (list []name) {
	for _, i := range items {
		if !whole(i.origin().gtid) {
			list = append(list, i.name())
		}
	}
	return list
}

// never says that none is.
func never(binlog.GTID) bool { return false }

// finish takes what the log says is done from what is pending: a COMMIT that was not answered has arrived. P passes writes in
// their order.
func (p *pending) finish(m *meaning) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range m.done {
		for i := range p.row(n.place) {
			if i.nth == n.nth && !i.of.old && i.name() == n {
				p.end(i)
				break
			}
		}
	}
	for _, to := range m.moved {
		for _, i := range p.items {
			if i.done {
				continue
			}
			if i.of.old || !to.Has(i.origin().gtid) {
				break
			}
			p.end(i)
		}
	}
	p.pop()
}
