package simulation

import (
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
)

// newLogs gives each node a log, of either server.
func (w *world) newLogs() {
	for _, n := range w.nodes {
		mariaDB := w.r.IntN(2) == 0
		n.binary = &binaryLog{mariaDB: mariaDB, ordered: mariaDB || w.r.IntN(2) == 0, writes: map[uint64]int{}, p: log.Recorded{Mark: "first"}}
		n.log(&binlog.Transaction{Changes: []binlog.Change{changed(marksLayout, binlog.Insert, "first", "")}}, false, nil)
	}
}

// writing is what a user's transaction is about to commit.
type writing struct {
	n     *node
	key   int
	s     statement
	locks []int
	at    int64
}

// preparing is one that was prepared: it outlives the server.
type preparing struct {
	writing
	xid string
}

func (x *preparing) lock(n *node) {
	for _, key := range x.locks {
		n.locks[key] = user
	}
	if x.s.code != nil {
		n.codes[string(x.s.code)] = user
	}
}

// unlock lets go of what the transaction has locked.
func (x *writing) unlock() {
	x.n.unlock(x.locks)
	if x.s.code != nil {
		delete(x.n.codes, string(x.s.code))
	}
}

// commits commits a user's transaction, at once or in two phases, or rolls it back.
func (x *writing) commits() {
	n, w := x.n, x.n.w
	if w.r.IntN(10) == 0 && !w.calm {
		x.unlock()
		return
	}
	if n.w.mistake == LogNotLogged && w.r.IntN(4) == 0 { // sql_log_bin=0
		x.unlock()
		w.commit(n, x.key, x.s)
		return
	}
	x.at = n.micros()
	t := &binlog.Transaction{Time: binlog.Time{Micros: x.at, Exact: true}, Changes: []binlog.Change{n.wrote(x.key, n.db.rows[x.key], row{exists: !x.s.deleted})}}
	n.db.changes = append(n.db.changes, entry{id: uint64(x.at), key: x.key, written: x.at, gone: x.s.deleted}) //nolint:gosec // after 1970
	if w.r.IntN(6) > 0 {
		n.log(t, true, x.end)
		return
	}
	p := &preparing{*x, strconv.Itoa(len(n.binary.list))}
	t.XA = binlog.XA{Phase: binlog.Prepared, ID: p.xid}
	n.log(t, true, nil)
	n.binary.xa = append(n.binary.xa, p)
	w.after(w.random(2*w.tempo.transaction), p.ends)
}

// end makes the rows seen, and unlocks them.
func (x *writing) end() {
	x.unlock()
	x.n.binary.writes[uint64(x.at)] = x.n.w.commit(x.n, x.key, x.s) //nolint:gosec // after 1970
	x.n.checkKeys()
}

// ends commits what was prepared, or rolls it back.
func (x *preparing) ends() {
	n, w := x.n, x.n.w
	if !n.serverUp {
		w.after(w.random(w.tempo.transaction)+1, x.ends)
		return
	}
	over := func() { n.binary.xa = slices.DeleteFunc(n.binary.xa, func(o *preparing) bool { return o == x }) }
	if w.r.IntN(3) > 0 {
		n.log(&binlog.Transaction{XA: binlog.XA{Phase: binlog.XACommit, ID: x.xid}, Time: binlog.Time{Micros: x.at, Exact: true}}, true, func() { over(); x.end() })
		return
	}
	n.log(&binlog.Transaction{XA: binlog.XA{Phase: binlog.XARollback, ID: x.xid}, Time: binlog.Time{Micros: x.at, Exact: true}}, true, func() {
		over()
		n.db.drop([]uint64{uint64(x.at)}) //nolint:gosec // after 1970
		x.unlock()
	})
}
