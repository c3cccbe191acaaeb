package log

import (
	"cmp"
	"database/sql"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// place names a row by its spelling.
type place struct{ table, key string }

// item is a write that was read and is not recorded. Many wait at a time: it has 64 bytes, and what few have is apart.
type item struct {
	table *string
	key   string
	id    uint64
	of    *logged
	next  *item  // in its line
	rare  *rare  // nil: there is nothing of it
	nth   uint32 // of its table's writes in the transaction: see name
	fate  fate
	done  bool // it is recorded, and waits only for those before it
}

// fate says whether a write removed its row.
type fate uint8

// The fates.
const (
	untold fate = iota
	there
	gone
)

// rare is what few writes have.
type rare struct {
	note    uint64 // the entry of table_changes that tells of it; 0: the log itself does
	changed []string
	counted []change.Counted
}

// logged is a transaction that was read, or a piece of one. Those without writes that count are added to the one before, as are those
// that are done at the end.
type logged struct {
	gtid    binlog.GTID
	end     binlog.Place
	written int64   // µs since 1970
	from    *logged // the prepared transaction whose writes it commits; nil: they are its own
	ends    *logged // the same, until they are done
	left    int     // how many of its items are pending, and 1 if it is prepared
	bytes   int     // see pending.bytes
	more    []run   // which P has, too, when all up to here is recorded
	last    bool    // so has P the transaction itself
	old     bool    // of a log that is no longer read
}

// run is a number of transactions that follow each other.
type run struct {
	first uint64
	binlog.GTID
}

// sources is how many servers and domains may write by turns, and their runs still be found.
const sources = 16

// add adds transactions that follow.
func (l *logged) add(r run) {
	for i := len(l.more) - 1; i >= 0 && i >= len(l.more)-sources; i-- {
		if m := &l.more[i]; m.Domain == r.Domain && m.Server == r.Server && m.Source == r.Source && m.Number+1 == r.first {
			m.Number = r.Number
			return
		}
	}
	l.more = append(l.more, r)
}

// join adds a transaction that follows, of which nothing is pending.
func (l *logged) join(next *logged) {
	l.bytes += next.bytes
	if next.last {
		l.add(run{next.gtid.Number, next.gtid})
	}
	for _, r := range next.more {
		l.add(r)
	}
}

// moves moves P past the transaction.
func (l *logged) moves(p *binlog.Position) {
	if l.last {
		p.Add(l.gtid)
	}
	for _, r := range l.more {
		p.AddFrom(r.first, r.GTID)
	}
}

// The memory that things take, about, in bytes.
const (
	itemRoom    = 112 // with its places in pending
	loggedRoom  = 136
	rareRoom    = 72
	countedRoom = 160
)

func (i *item) room() int {
	n := itemRoom + len(i.key)
	if i.rare != nil {
		n += rareRoom + 16*len(i.rare.changed) + countedRoom*len(i.rare.counted)
	}
	return n
}

func (i *item) place() place { return place{*i.table, i.key} }

// origin is the transaction that wrote it, which another may have committed.
func (i *item) origin() *logged { return cmp.Or(i.of.from, i.of) }

func (i *item) note() uint64 {
	if i.rare == nil {
		return 0
	}
	return i.rare.note
}

// entry returns it as others know it.
func (i *item) entry() capture.Entry {
	e := capture.Entry{ID: i.id, Row: change.Row{Table: *i.table, Key: i.key}, Written: i.origin().written, Gone: sql.NullBool{Valid: i.fate != untold, Bool: i.fate == gone}}
	if i.rare != nil {
		e.Changed, e.Counted = i.rare.changed, i.rare.counted
	}
	return e
}
