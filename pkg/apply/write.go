package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Bounds of one statement: rows, and bytes of values.
const (
	maxRows  = 500
	maxBytes = 4 << 20
)

// setApplying silences the triggers of a table in this session, and gives those
// that record cascades the time of the write; see capture.Applying and
// capture.Written.
const setApplying = `SET @mysql_sync_applying = ?, @mysql_sync_written = ?`

// write does what was planned: deletes with children before parents, then
// inserts and updates with parents before children. With swap set, rows of
// tables with secondary unique keys are taken out before any of them is written,
// so that they can exchange their values.
func write(ctx context.Context, tx mysqldb.Tx, groups []*group, swap bool) error {
	for _, g := range slices.Backward(groups) {
		gone := pick(g, func(s *Step) bool { return s.in.Deleted() && s.exists })
		if err := chunked(ctx, tx, g.table, gone, remove); err != nil {
			return err
		}
	}
	for _, g := range groups {
		missing := pick(g, func(s *Step) bool { return !s.in.Deleted() && !s.exists })
		present := pick(g, func(s *Step) bool { return !s.in.Deleted() && s.exists && len(s.in.Columns) == len(g.table.Columns) })
		partial := pick(g, func(s *Step) bool { return !s.in.Deleted() && s.exists && len(s.in.Columns) != len(g.table.Columns) })
		if swap && len(g.table.Unique) > 0 {
			if err := takeOut(ctx, tx, g.table, present); err != nil {
				return err
			}
			present, missing = nil, append(present, missing...)
		}
		for _, part := range []struct {
			steps []*Step
			f     statement
		}{{present, replace}, {missing, insert}, {partial, update}} {
			if err := chunked(ctx, tx, g.table, part.steps, part.f); err != nil {
				return err
			}
		}
	}
	return nil
}

// pick returns the steps of a group that write and for which f holds.
func pick(g *group, f func(*Step) bool) []*Step {
	var list []*Step
	for i := range g.steps {
		if s := &g.steps[i]; s.Decision.Writes() && f(s) {
			list = append(list, s)
		}
	}
	return list
}

// statement writes steps of one table that name the same columns.
type statement func(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error

// chunked calls f for runs of steps that fit in one statement.
func chunked(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step, f statement) error {
	if len(steps) == 0 {
		return nil
	}
	oldest := slices.MinFunc(steps, func(a, b *Step) int { return cmp.Compare(a.State.Version.Time, b.State.Version.Time) })
	written := time.UnixMicro(oldest.State.Version.Time).UTC().Format("2006-01-02 15:04:05.000000")
	if _, err := tx.ExecContext(ctx, setApplying, t.Name, written); err != nil {
		return fmt.Errorf("write %s: %w", t.Name, err)
	}
	for len(steps) > 0 {
		n, bytes := 1, size(steps[0])
		for n < len(steps) && n < maxRows && slices.Equal(steps[n].in.Columns, steps[0].in.Columns) {
			if bytes += size(steps[n]); bytes > maxBytes {
				break
			}
			n++
		}
		if err := f(ctx, tx, t, steps[:n]); err != nil {
			return fmt.Errorf("write %s: %w", t.Name, err)
		}
		steps = steps[n:]
	}
	return nil
}

func size(s *Step) int {
	n := len(s.in.Key)
	for _, v := range s.in.Values {
		n += len(v)
	}
	return n
}

func remove(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	var q mysqldb.Statement
	q.SQL("DELETE FROM " + mysqldb.Quote(t.Name) + " WHERE ")
	if err := t.AddKeys(&q, stepKeys(steps)); err != nil {
		return err
	}
	return q.Exec(ctx, tx)
}

// stepKeys goes through the keys of steps.
func stepKeys(steps []*Step) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := 0; i < len(steps) && yield(steps[i].in.Key); i++ {
		}
	}
}

// takeOut deletes rows that the same transaction writes anew. Foreign keys are
// off for that one statement, so that nothing refers to the rows' absence; the
// rows are checked as ever when they are written.
func takeOut(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) (err error) {
	if _, err := tx.ExecContext(ctx, `SET foreign_key_checks = 0`); err != nil {
		return err
	}
	defer func() {
		_, on := tx.ExecContext(ctx, `SET foreign_key_checks = 1`)
		err = errors.Join(err, on)
	}()
	return chunked(ctx, tx, t, steps, remove)
}

func insert(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	return values(t, steps).Exec(ctx, tx)
}

// replace updates rows that are known to exist and are locked: their primary
// keys are what the statement meets first, so that it cannot hit another row
// through a secondary unique key.
func replace(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	q := values(t, steps)
	set := make([]string, 0, len(steps[0].in.Columns))
	for _, name := range steps[0].in.Columns {
		name = mysqldb.Quote(name)
		set = append(set, name+"=VALUES("+name+")")
	}
	q.SQL(" ON DUPLICATE KEY UPDATE " + strings.Join(set, ", "))
	return q.Exec(ctx, tx)
}

// values returns the statement that inserts rows of the same columns.
func values(t *schema.Table, steps []*Step) *mysqldb.Statement {
	var q mysqldb.Statement
	names := make([]string, len(steps[0].in.Columns))
	columns := make([]*value.Column, len(names))
	for i, name := range steps[0].in.Columns {
		names[i] = mysqldb.Quote(name)
		columns[i], _ = t.Column(name) // check has seen that it is there
	}
	q.SQL("INSERT INTO " + mysqldb.Quote(t.Name) + " (" + strings.Join(names, ", ") + ") VALUES ")
	bytes := 0
	for _, s := range steps {
		bytes += size(s)
	}
	q.Grow(bytes + bytes/16 + len(steps)*(3*len(columns)+3) + 64*len(columns))
	for i, s := range steps {
		if i > 0 {
			q.SQL(",")
		}
		q.SQL("(")
		for k, c := range columns {
			if k > 0 {
				q.SQL(",")
			}
			schema.AddValue(&q, c, s.in.Values[k])
		}
		q.SQL(")")
	}
	return &q
}

// update writes the given columns of rows that exist, one by one: an INSERT
// would ask for the columns that are not given.
func update(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	for _, s := range steps {
		set := make([]string, len(s.in.Columns))
		args := make([]any, 0, len(s.in.Columns)+len(t.Key))
		for i, name := range s.in.Columns {
			c, _ := t.Column(name) // check has seen that it is there
			set[i] = mysqldb.Quote(name) + "=?"
			args = append(args, c.Bind(s.in.Values[i]))
		}
		args, err := t.KeyArgs(args, s.in.Key)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE "+mysqldb.Quote(t.Name)+" SET "+strings.Join(set, ", ")+" WHERE "+t.WhereKeys(1), args...); err != nil {
			return err
		}
	}
	return nil
}
