package apply

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// stuck is an error that is no change's fault: something of a table cannot be read or
// written now, because somebody holds a lock, or because the table is full, damaged or
// read-only. See mysqldb.Stuck.
type stuck struct {
	table string
	err   error
	slow  bool // the server waited: to ask again for each row would take too long
}

func (s *stuck) Error() string { return s.err.Error() }
func (s *stuck) Unwrap() error { return s.err }

// stuckIn says of an error in which table it happened, if it is of that kind.
func stuckIn(table string, err error) error {
	if !mysqldb.Stuck(err) || errors.As(err, new(*stuck)) {
		return err
	}
	return &stuck{table: table, err: err}
}

// skipLocked leaves the changes out of a group whose rows somebody has locked, and
// locks the others, also such as are only about to be inserted by somebody.
func (a *Applier) skipLocked(ctx context.Context, tx mysqldb.Tx, g *group) error {
	if !a.db.HasNoWait() {
		return nil
	}
	return a.skip(g, len(g.in), func(from, to int) error {
		_, err := lockRows(ctx, a.db.AtOnce(tx), g.table, g.in[from:to], false, a.db.ForUpdate())
		return err
	}, func(i int) int { return i }, "waits for its row, which is locked")
}

// skipParents leaves the changes out of a group that insert rows whose parents somebody
// has locked: the server would have the insert wait.
func (a *Applier) skipParents(ctx context.Context, tx mysqldb.Tx, g *group, locals map[string]*Local) error {
	for _, f := range g.table.ForeignKeys {
		values, place := g.different(f.Columns, func(in *Incoming) bool {
			l := locals[in.Key]
			return l == nil || !l.Exists
		})
		probe := func(from, to int) error {
			return a.probe(ctx, a.db.AtOnce(tx), g.table, qualified(f.RefSchema, f.RefTable), f.RefColumns, f.Columns, values[from:to])
		}
		err := a.skip(g, len(values), probe, func(i int) int { return place[i] },
			fmt.Sprintf("waits for the row of %s that it refers to, which is locked (foreign key %s)", f.RefTable, f.Name))
		if err != nil {
			return err
		}
	}
	return nil
}

// skipUnique leaves the changes out of a group whose values of unique keys have somebody's
// locked rows, or such as somebody is about to insert. MariaDB says that at once when they
// are written, mostly of few.
func (a *Applier) skipUnique(ctx context.Context, tx mysqldb.Tx, g *group) error {
	if a.db.MariaDB {
		return nil
	}
	for _, u := range g.table.Unique {
		values, place := g.different(u, func(*Incoming) bool { return true })
		probe := func(from, to int) error {
			return a.probe(ctx, a.db.AtOnce(tx), g.table, mysqldb.Quote(g.table.Name), u, u, values[from:to])
		}
		err := a.skip(g, len(values), probe, func(i int) int { return place[i] },
			fmt.Sprintf("waits for a row with the same %s, which is locked", strings.Join(u, ", ")))
		if err != nil {
			return err
		}
	}
	return nil
}

// skipEntries leaves the changes out of a group of whose rows somebody has locked an entry
// of an index, and locks the others'.
func (a *Applier) skipEntries(ctx context.Context, tx mysqldb.Tx, g *group, locals map[string]*Local) error {
	there, place := a.indexed(g, locals)
	return a.skip(g, len(there), func(from, to int) error {
		return a.lockEntries(ctx, tx, g.table, there[from:to])
	}, func(i int) int { return place[i] }, "waits for its entry in an index, which is locked")
}

// askEntries locks the entries of a group's rows in indexes, before the rows are written: who
// finds a row by an index locks the entry first and the row then, and each would wait for
// the other.
func (a *Applier) askEntries(ctx context.Context, tx mysqldb.Tx, g *group, locals map[string]*Local) error {
	there, _ := a.indexed(g, locals)
	for part := range slices.Chunk(there, maxRows) {
		if err := a.lockEntries(ctx, tx, g.table, part); err != nil {
			return err
		}
	}
	return nil
}

// indexed returns the changes of a group whose rows are there and have entries in indexes
// that must be asked for, and for each change of the group its place among them, or -1.
// MariaDB, where a write waits for nothing, says what is locked when the row is written.
func (a *Applier) indexed(g *group, locals map[string]*Local) (there []*Incoming, place []int) {
	if a.db.MariaDB || !a.db.HasNoWait() || len(g.table.Indexes) == 0 {
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

// lockEntries locks the entries that rows have in all indexes, but those of NULL: of a unique
// index that would be all rows which have NULL.
func (a *Applier) lockEntries(ctx context.Context, tx mysqldb.Tx, t *schema.Table, ins []*Incoming) error {
	columns := t.KeyNames()
	for _, x := range t.Indexes {
		for _, name := range x.Columns {
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
	}
	for i := range columns {
		columns[i] = mysqldb.Quote(columns[i])
	}
	var q mysqldb.Statement
	q.SQL("SELECT 1 FROM (")
	if err := t.AddSelect(&q, strings.Join(columns, ", "), keys(ins), ""); err != nil {
		return err
	}
	q.SQL(") k")
	for i, x := range t.Indexes {
		own := "i" + strconv.Itoa(i)
		q.SQL(" LEFT JOIN " + mysqldb.Quote(t.Name) + " " + own + " FORCE INDEX (" + mysqldb.Quote(x.Name) + ") ON ")
		and := ""
		for _, name := range slices.Concat(x.Columns, t.KeyNames()) {
			q.SQL(and + own + "." + mysqldb.Quote(name) + "=k." + mysqldb.Quote(name))
			and = " AND "
		}
	}
	q.SQL(a.db.ForUpdate())
	err := q.Query(ctx, a.db.AtOnce(tx), func(*sql.Rows) error { return nil })
	if err != nil && !mysqldb.NoIndex(err) { // one that was dropped, or may not be used, leads nobody to the row
		return fmt.Errorf("lock entries of %s: %w", t.Name, err)
	}
	return nil
}

// different returns the different values that changes of a group bring in some columns,
// and for each change the place of its own among them, or -1 if it brings none.
func (g *group) different(columns []string, which func(*Incoming) bool) (values []tuple, place []int) {
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
		key := string(text(v))
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

// probe locks the rows with some values, those that are there, as an insert would that
// meets them. The values are of a table's columns types.
func (a *Applier) probe(ctx context.Context, tx mysqldb.Tx, t *schema.Table, where string, columns, types []string, values []tuple) error {
	for part := range slices.Chunk(values, looksMost) {
		var q mysqldb.Statement
		for i, v := range part {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("(SELECT 1 FROM " + where + " WHERE ")
			addTuple(&q, "", columns, types, t, v)
			q.SQL(" LIMIT 1" + a.db.ForShare() + ")")
		}
		if err := q.Query(ctx, tx, func(*sql.Rows) error { return nil }); err != nil {
			return fmt.Errorf("lock rows of %s: %w", where, err)
		}
	}
	return nil
}

// slow is how long a lock that fails at once does not take: it is one of a whole table, for
// which MySQL waits nevertheless, and nobody could end the wait.
const slow = 500 * time.Millisecond

// skipMost is how many locked rows of a group are looked for, each of which costs some
// statements.
const skipMost = 100

// skip finds out which of n things cannot be locked now, by halves, and leaves the
// changes out of the group that need one of them: they are set aside. lock tries to lock
// some of the things, and of tells which of them a change needs; -1 is none.
func (a *Applier) skip(g *group, n int, lock func(from, to int) error, of func(int) int, why string) error {
	held := make([]bool, n)
	found := 0
	var look func(from, to int) error
	look = func(from, to int) error {
		if from == to {
			return nil
		}
		begun := time.Now()
		err := lock(from, to)
		switch {
		case err == nil || !mysqldb.LockTimeout(err):
			return err
		case mysqldb.Waited(err) || time.Since(begun) >= slow:
			return &stuck{table: g.table.Name, err: err, slow: true}
		case found > skipMost && to-from > 1: // mostly held: the others are not looked for one by one
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
