package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// stuck is an error for which no change is to blame: something in a table cannot be read or written now, because someone
// holds a lock, or because the table is full, damaged or read-only. See mysqldb.Stuck.
type stuck struct {
	table string
	err   error
	slow  bool // the server waited: trying each row would take too long
}

func (s *stuck) Error() string { return s.err.Error() }
func (s *stuck) Unwrap() error { return s.err }

// stuckIn adds the table in which an error occurred, if it is of that kind.
func stuckIn(table string, err error) error {
	if !mysqldb.Stuck(err) || errors.As(err, new(*stuck)) {
		return err
	}
	return &stuck{table: table, err: err}
}

// skipLocked leaves changes out of a group if someone has locked their rows, or is only about to insert them, and locks
// the others.
func (a *Applier) skipLocked(ctx context.Context, tx Tx, g *group) error {
	if !a.db.Locks().Told {
		return nil
	}
	return a.skip(g, len(g.in), func(from, to int) error {
		_, err := tx.Lock(ctx, g.table, keys(g.in[from:to]), false, false)
		return err
	}, func(i int) int { return i }, "waits for its row, which is locked")
}

// skipParents leaves changes out of a group if they insert rows whose parents someone has locked: the server would make
// the insert wait.
func (a *Applier) skipParents(ctx context.Context, tx Tx, g *group, locals map[string]*Local) error {
	for _, f := range g.table.ForeignKeys {
		values, place := g.different(f.Columns, func(in *Incoming) bool {
			l := locals[in.Key]
			return l == nil || !l.Exists
		})
		probe := func(from, to int) error {
			return tx.Probe(ctx, parentsOf(g.table, f), values[from:to])
		}
		err := a.skip(g, len(values), probe, func(i int) int { return place[i] },
			fmt.Sprintf("waits for the row of %s that it refers to, which is locked (foreign key %s)", f.RefTable, f.Name))
		if err != nil {
			return err
		}
	}
	return nil
}

// skipUnique leaves changes out of a group if their unique values belong to rows that someone has locked or is about to
// insert. On MariaDB that is unnecessary: the write itself fails at once, and usually for few rows.
func (a *Applier) skipUnique(ctx context.Context, tx Tx, g *group) error {
	if !a.db.Locks().Waits {
		return nil
	}
	for _, u := range g.table.Unique {
		values, place := g.different(u, func(*Incoming) bool { return true })
		probe := func(from, to int) error {
			return tx.Probe(ctx, within(g.table, u), values[from:to])
		}
		err := a.skip(g, len(values), probe, func(i int) int { return place[i] },
			fmt.Sprintf("waits for a row with the same %s, which is locked", strings.Join(u, ", ")))
		if err != nil {
			return err
		}
	}
	return nil
}

// skipEntries leaves changes out of a group if someone has locked an index entry of their rows, and locks the others'
// entries.
func (a *Applier) skipEntries(ctx context.Context, tx Tx, g *group, locals map[string]*Local) error {
	there, place := a.indexed(g, locals)
	return a.skip(g, len(there), func(from, to int) error {
		return tx.LockEntries(ctx, g.table, keys(there[from:to]))
	}, func(i int) int { return place[i] }, "waits for its entry in an index, which is locked")
}

// askEntries locks the index entries of a group's rows before the rows are written: anyone who finds a row by an index
// locks the entry first and then the row, so each would wait for the other.
func (a *Applier) askEntries(ctx context.Context, tx Tx, g *group, locals map[string]*Local) error {
	there, _ := a.indexed(g, locals)
	for part := range slices.Chunk(there, maxRows) {
		if err := tx.LockEntries(ctx, g.table, keys(part)); err != nil {
			return err
		}
	}
	return nil
}

// indexed returns the changes of a group whose rows exist and have entries in indexes that must be locked, and for each
// change of the group its index among them, or -1. On MariaDB there are none: a write never waits there, but says what is
// locked.
func (a *Applier) indexed(g *group, locals map[string]*Local) (there []*Incoming, place []int) {
	if locks := a.db.Locks(); !locks.Waits || !locks.Told || len(g.table.Indexes) == 0 {
		return nil, nil
	}
	place = make([]int, len(g.in))
	for i, in := range g.in {
		place[i] = -1
		if l := locals[in.Key]; l != nil && l.Exists {
			place[i] = len(there)
			there = append(there, in)
		}
	}
	return there, place
}

// different returns the distinct values that a group's changes bring in some columns, and for each change the index of
// its own among them, or -1 if it brings none.
func (g *group) different(columns []string, which func(*Incoming) bool) (values []Tuple, place []int) {
	place = make([]int, len(g.in))
	at := map[string]int{}
	for i, in := range g.in {
		place[i] = -1
		if in.Deleted() || !which(in) {
			continue
		}
		v, ok := tupleOf(columns, func(name string) ([]byte, bool) {
			k := slices.Index(in.Columns, name)
			if k < 0 {
				return nil, false
			}
			return in.Values[k], true
		})
		if !ok || v == nil {
			continue
		}
		key := string(conflict.Text(v))
		n, ok := at[key]
		if !ok {
			n = len(values)
			at[key] = n
			values = append(values, v)
		}
		place[i] = n
	}
	return values, place
}

// slow is longer than a lock request that fails at once takes: if one takes longer, a whole table is locked. MySQL waits
// for that nevertheless, and no one could end the wait.
const slow = 500 * time.Millisecond

// skipMost is how many locked rows of a group are searched for; each costs some statements.
const skipMost = 100

// skip finds out by bisection which of n things cannot be locked now, and leaves changes that need one of them out of
// the group: they are set aside. lock tries to lock some of the things, and of returns which of them a change needs, or
// -1 for none.
func (a *Applier) skip(g *group, n int, lock func(from, to int) error, of func(int) int, why string) error {
	held := make([]bool, n)
	found := 0
	var look func(from, to int) error
	look = func(from, to int) error {
		if from == to {
			return nil
		}
		begun := a.now()
		err := lock(from, to)
		switch {
		case err == nil || !mysqldb.LockTimeout(err):
			return err
		case mysqldb.Waited(err) || a.now().Sub(begun) >= slow:
			return &stuck{table: g.table.Name, err: err, slow: true}
		case found > skipMost && to-from > 1: // mostly locked: do not search for the rest one by one
			for i := from; i < to; i++ {
				held[i] = true
			}
			return nil
		case to-from == 1:
			held[from] = true
			found++
			return nil
		}
		half := from + (to-from)/2
		if err := look(from, half); err != nil {
			return err
		}
		return look(half, to)
	}
	if err := look(0, n); err != nil {
		return err
	}
	if found == 0 {
		return nil
	}
	a.beWary(g.table.Name)
	tasks, ins := g.tasks, g.in
	g.tasks, g.in = nil, nil
	for i, in := range ins {
		if n := of(i); n >= 0 && held[n] {
			*tasks[i].res = Result{Err: &Wait{text: why, stuck: true}, Retry: true}
			continue
		}
		g.tasks, g.in = append(g.tasks, tasks[i]), append(g.in, in)
	}
	return nil
}
