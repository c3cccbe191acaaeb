package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
)

// transaction is a transaction of the daemon that writes versions.
type transaction struct {
	keys   []int // whose versions it writes
	locked []int // rows
	codes  []string
	do     func()
	over   bool                   // the server knows how it ended
	logs   func() []binlog.Change // what the log has of it
	moves  bool                   // P
}

// commit ends a transaction: all of it becomes visible at once. Sometimes the answer is lost: the server commits it later, or
// rolls it back, and the daemon does not know which.
func (n *node) commit(t *transaction) error {
	for n.blocked(t.keys) {
		if err := n.step(); err != nil {
			return err
		}
	}
	n.committing = append(n.committing, t)
	if err := n.step(); err != nil {
		return err
	}
	n.committing = without(n.committing, t)
	if n.w.lost() {
		n.hang(t)
		return errLost
	}
	n.finish(t)
	for !t.over {
		if err := n.step(); err != nil {
			return err
		}
	}
	return nil
}

// finish has the server commit a transaction: log it, if it has a log, and then make it seen.
func (n *node) finish(t *transaction) {
	end := func() {
		n.hanging = without(n.hanging, t)
		t.do()
		n.unlock(t.locked)
		n.release(t.codes)
		t.over = true
	}
	if n.binary == nil {
		end()
		return
	}
	if n.hanging = append(without(n.hanging, t), t); t.logs == nil {
		t.logs = func() []binlog.Change { return nil }
	}
	n.log(&binlog.Transaction{Changes: t.logs(), Time: binlog.Time{Micros: n.clock(), Exact: true}}, false, end)
}

// hang leaves a transaction to the server, which has yet to read its COMMIT, or to notice that none comes.
func (n *node) hang(t *transaction) {
	n.hanging = append(n.hanging, t)
	life := n.life
	n.w.after(n.w.random(50*n.w.tempo.step), func() {
		if n.life != life {
			return // the server was killed and has rolled it back
		}
		if n.w.r.IntN(2) == 0 {
			n.w.trace("%s: a COMMIT arrives that was not answered", n.name)
			n.finish(t)
			return
		}
		n.hanging = without(n.hanging, t)
		n.unlock(t.locked)
		n.release(t.codes)
		t.over = true
	})
}

// blocked reports whether a hanging transaction has written a version or a change of one of the keys.
func (n *node) blocked(keys []int) bool {
	return slices.ContainsFunc(n.hanging, func(t *transaction) bool {
		return slices.ContainsFunc(keys, func(key int) bool { return slices.Contains(t.keys, key) })
	})
}

func (n *node) unlock(keys []int) {
	for _, key := range keys {
		n.locks[key] = free
	}
}

// release makes codes free for others.
func (n *node) release(codes []string) {
	for _, c := range codes {
		delete(n.codes, c)
	}
}

func without(list []*transaction, t *transaction) []*transaction {
	return slices.DeleteFunc(list, func(x *transaction) bool { return x == t })
}
