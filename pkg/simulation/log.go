package simulation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// binaryLog is a server's binary log, and how far it is with each transaction: W has it once it is logged, then its rows can be seen
// and their locks go, and then C has it.
type binaryLog struct {
	mariaDB bool
	ordered bool // rows can be seen in the log's order; MySQL with binlog_order_commits=OFF has none
	list    []*logged
	writes  map[uint64]int // the users' writes, by the ids of their entries, which are their times
	p       log.Recorded
	xa      []*preparing
}

// logged is a transaction of the log.
type logged struct {
	t       *binlog.Transaction
	foreign bool   // not the daemon's
	commit  func() // makes its rows seen, and unlocks them
	ready   bool   // the server gets to that
	seen    bool   // commit was called
	counted bool   // it is in C
}

// schemaName is the name of all databases.
const schemaName = "db"

// layouts of the tables as the log has them.
var (
	rowsLayout                  = map[string]*binlog.Layout{parents.Name: binlog.Define(schemaName, parents.Name, own[0]), children.Name: binlog.Define(schemaName, children.Name, own[0])}
	versionsLayout, marksLayout = binlog.Define(schemaName, "sync_versions", text("table_name"), text("row_id")), binlog.Define(schemaName, "sync_log", text("mark"), text("position"))
	doneLayout                  = binlog.Define(schemaName, "sync_log_done", text("id"), text("names"))
)

func text(name string) value.Column {
	return value.Column{Name: name, DataType: "varbinary", Kind: value.Binary, Length: 64}
}

// changed is a changed row as the log has it.
func changed(l *binlog.Layout, kind binlog.Kind, values ...string) binlog.Change {
	var image []binlog.Value
	for _, v := range values {
		image = append(image, binlog.Value{State: binlog.Present, Raw: []byte(v)})
	}
	c := binlog.Change{Kind: kind, Schema: l.Schema, Table: l.Table, Layout: l, EndOfStatement: true}
	if kind != binlog.Insert {
		c.Before = image
	}
	if kind != binlog.Delete {
		c.After = image
	}
	return c
}

// wrote is what the log has of a row that was changed.
func (n *node) wrote(key int, before, after row) binlog.Change {
	kind := binlog.Update
	switch {
	case !before.exists:
		kind = binlog.Insert
	case !after.exists:
		kind = binlog.Delete
	}
	r := n.row(key)
	return changed(rowsLayout[r.Table], kind, r.Key)
}

// versioned are the versions that a transaction of the daemon writes.
func (n *node) versioned(entries []version.Entry) (list []binlog.Change) {
	if n.w.mistake == LogForgetOwn {
		return nil
	}
	for i := range entries {
		list = append(list, changed(versionsLayout, binlog.Insert, entries[i].Row.Table, entries[i].Row.ID()))
	}
	return list
}

// logs returns what the log has of the session's transaction.
func (x *session) logs() (list []binlog.Change) {
	n := x.n
	for key := range n.w.rows {
		if now, ok := x.rows[key]; ok && (now.exists || n.db.rows[key].exists) {
			list = append(list, n.wrote(key, n.db.rows[key], now))
		}
	}
	return slices.Concat(list, n.versioned(x.entries), x.done)
}

// logs returns what the log has of the transaction.
func (x *capturing) logs() []binlog.Change {
	list := x.n.versioned(x.entries)
	if x.moved != nil {
		list = append(list, changed(marksLayout, binlog.Update, x.moved.Mark, x.moved.At.String()))
	}
	return append(list, x.done...)
}

func (x *revising) logs() []binlog.Change { return x.n.versioned(x.entries) }

// log writes a transaction into the log, and so into W. Its rows are seen a while later, in the log's order or not.
func (n *node) log(t *binlog.Transaction, foreign bool, commit func()) {
	b := n.binary
	number := uint64(len(b.list) + 1)
	t.GTID = binlog.GTID{Source: b.source(n), Number: number}
	if b.mariaDB {
		t.GTID = binlog.GTID{Server: 1, Number: number}
	}
	t.End, t.Last = binlog.Place{File: "log.000001", Offset: number}, true
	e := &logged{t: t, foreign: foreign, commit: commit}
	b.list = append(b.list, e)
	n.rouse(n.capturing)
	life := n.life
	n.w.after(n.w.random(n.w.tempo.log), func() {
		if n.life != life {
			return // the server was killed: see recover
		}
		e.ready = true
		if b.mariaDB && t.XA.Phase == binlog.XACommit {
			e.counted = true // too early
		}
		n.advance()
	})
}

func (b *binaryLog) source(n *node) string {
	return fmt.Sprintf("%08d-0000-0000-0000-000000000000", n.id)
}

// advance makes seen what can be.
func (n *node) advance() {
	b := n.binary
	for _, e := range b.list {
		if !e.ready && b.ordered {
			return
		}
		if e.ready && !e.seen {
			e.seen = true
			life := n.life
			do := func() {
				if n.life == life {
					e.end()
				}
			}
			if e.counted {
				n.w.after(n.w.random(n.w.tempo.log), do)
				continue
			}
			do()
			n.w.after(n.w.random(n.w.tempo.log), func() { e.counted = true })
		}
	}
}

// end makes a transaction's rows seen.
func (e *logged) end() {
	if e.commit != nil {
		e.commit()
		e.commit = nil
	}
}

// recover commits what the log has when the server is killed: it ends what it logged.
func (n *node) recover() {
	for _, e := range n.binary.list {
		e.ready, e.seen, e.counted = true, true, true
		e.end()
	}
	for _, x := range n.binary.xa {
		x.lock(n)
	}
}

// variables are those by which servers say how far the log is written.
var variables = regexp.MustCompile(`@@GLOBAL\.gtid_(binlog_pos|owned|executed)`)

// written is W, as the product's query asks for it: one variable after the other. Mistakes are made where apply or a sender asks.
func (n *node) written(asked bool) (binlog.Written, error) {
	b := n.binary
	columns := append(variables.FindAllString(binlog.WrittenColumns(b.mariaDB), 2), "''")[:2]
	switch {
	case !asked:
	case n.w.mistake == LogAskExecutedFirst && !b.mariaDB:
		slices.Reverse(columns)
	case n.w.mistake == LogAskCommitted:
		columns = []string{"committed", ""}
	}
	var values [2]string
	for i, name := range columns {
		if err := n.step(); err != nil {
			return binlog.Written{}, err
		}
		values[i] = b.variable(strings.TrimPrefix(name, "@@GLOBAL."))
	}
	return binlog.ParseWritten(b.mariaDB, values[0], values[1])
}

// variable is what the server says.
func (b *binaryLog) variable(name string) string {
	var p binlog.Position
	for i, e := range b.list {
		switch name {
		case "gtid_binlog_pos":
		case "gtid_owned":
			if e.counted {
				continue
			}
		case "gtid_executed":
			if !e.counted {
				continue
			}
		case "committed":
			if slices.ContainsFunc(b.list[:i+1], func(e *logged) bool { return !e.counted }) && (b.mariaDB || !e.counted) {
				continue
			}
		default:
			return ""
		}
		p.Add(e.t.GTID)
	}
	return p.String()
}

// committed is C.
func (n *node) committed() (binlog.Committed, error) {
	b := n.binary
	if err := n.step(); err != nil {
		return binlog.Committed{}, err
	}
	var executed binlog.Position
	place, open := binlog.Place{File: "log.000001"}, false
	for _, e := range b.list {
		counted := e.counted || n.w.mistake == LogRecordRead
		if open = open || !counted; !open {
			place = e.t.End
		}
		if counted {
			executed.Add(e.t.GTID)
		}
	}
	return binlog.CommittedUpTo(executed, place), nil
}

// micros is a time that no other write of the node has.
func (n *node) micros() int64 {
	at := n.clock()
	for {
		if _, taken := n.binary.writes[uint64(at)]; !taken { //nolint:gosec // after 1970
			n.binary.writes[uint64(at)] = none //nolint:gosec // after 1970
			return at
		}
		at++
	}
}
