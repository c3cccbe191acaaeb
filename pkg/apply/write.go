package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Bounds of one statement: rows, and bytes of values.
const (
	maxRows  = 500
	maxBytes = 4 << 20
)

// Session are variables of an applier's sessions: it waits for locks as short as a server
// can where it cannot but wait.
var Session = []config.Variable{{Name: "innodb_lock_wait_timeout", Value: 1}, {Name: "lock_wait_timeout", Value: 1}}

// setApplying silences the triggers of a table in this session, and gives those
// that record cascades the time of the write; see capture.Applying and
// capture.Written.
const setApplying = `SET @mysql_sync_applying = ?, @mysql_sync_written = ?`

// write does what was planned: deletes with children before parents, then
// inserts and updates with parents before children. Nothing that it deletes, or
// spells otherwise, is referred to any more, so that no foreign key of the server does anything to rows
// that did not come: otherwise it returns errTied.
func write(ctx context.Context, tx mysqldb.Tx, groups []*group) error {
	for _, g := range slices.Backward(groups) {
		gone := pick(g, (*Step).deletes)
		if len(gone) == 0 {
			continue
		}
		held, err := referred(ctx, tx, g.table, gone)
		if err != nil {
			return stuckIn(g.table.Name, err)
		}
		if held {
			return errTied
		}
		if err := chunked(ctx, tx, g.table, gone, remove); err != nil {
			return err
		}
	}
	for _, g := range groups {
		puts := pick(g, (*Step).puts)
		if len(g.table.Referrers) > 0 && slices.ContainsFunc(puts, (*Step).respells) {
			return errTied
		}
		if err := put(ctx, tx, g.table, puts); err != nil {
			return err
		}
	}
	return nil
}

// put updates the rows that are there and inserts the others: what was an update
// at its origin is one here, for triggers, unique keys and all else.
func put(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	var there, missing []*Step
	for _, s := range steps {
		if s.exists {
			there = append(there, s)
		} else {
			missing = append(missing, s)
		}
	}
	if err := chunked(ctx, tx, t, there, update); err != nil {
		return err
	}
	return chunked(ctx, tx, t, missing, insert)
}

// deletes reports whether the step takes a row away.
func (s *Step) deletes() bool { return s.in.Deleted() && s.exists }

// respells reports whether the step gives a row another spelling, which the server
// would give those that refer to it as well.
func (s *Step) respells() bool { return s.exists && s.key != s.in.Key }

// puts reports whether the step writes a row.
func (s *Step) puts() bool { return !s.in.Deleted() }

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
	if err := announce(ctx, tx, t, steps); err != nil {
		return err
	}
	for len(steps) > 0 {
		enums := wrongEnums(t, steps[0].in.Columns)
		if steps[0].isWrong(enums) {
			if err := lenient(ctx, tx, t, steps[0], enums, f); err != nil {
				return stuckIn(t.Name, fmt.Errorf("write %s: %w", t.Name, err))
			}
			steps = steps[1:]
			continue
		}
		n, bytes := 1, size(steps[0])
		for n < len(steps) && n < maxRows && slices.Equal(steps[n].in.Columns, steps[0].in.Columns) && !steps[n].isWrong(enums) {
			if bytes += size(steps[n]); bytes > maxBytes {
				break
			}
			n++
		}
		if err := f(ctx, tx, t, steps[:n]); err != nil {
			return stuckIn(t.Name, fmt.Errorf("write %s: %w", t.Name, err))
		}
		steps = steps[n:]
	}
	return nil
}

// announce tells the triggers of the session which table is written, and how old the
// writes are that are repeated.
func announce(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	oldest := slices.MinFunc(steps, func(a, b *Step) int { return cmp.Compare(a.State.Version.Time, b.State.Version.Time) })
	written := time.UnixMicro(oldest.State.Version.Time).UTC().Format("2006-01-02 15:04:05.000000")
	if _, err := tx.ExecContext(ctx, setApplying, t.Name, written); err != nil {
		return fmt.Errorf("write %s: %w", t.Name, err)
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
	if err := t.AddDelete(&q, stepKeys(steps)); err != nil {
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

func insert(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	var q mysqldb.Statement
	names := make([]string, len(steps[0].in.Columns))
	columns := make([]*value.Column, len(names))
	for i, name := range steps[0].in.Columns {
		names[i] = mysqldb.Quote(name)
		columns[i], _ = t.Column(name) // check has seen that it is there
	}
	q.SQL("INSERT INTO " + mysqldb.Quote(t.Name) + " (" + strings.Join(names, ", ") + ") VALUES ")
	grow(&q, steps)
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
	return q.Exec(ctx, tx)
}

// grow makes room for the values of steps.
func grow(q *mysqldb.Statement, steps []*Step) {
	bytes := 0
	for _, s := range steps {
		bytes += size(s)
	}
	columns := len(steps[0].in.Columns)
	q.Grow(bytes + bytes/16 + len(steps)*(3*columns+16) + 64*columns)
}

// update updates rows that are there, by their keys: a table of the new values is
// joined with them, which costs the server no more than INSERT … ON DUPLICATE KEY
// UPDATE does. That one would fire the triggers of inserts and ask for columns that
// are not given. Keys of which a literal is not of the column's own type and collation,
// in which the rows are found by the index, are read from the table for it. Long rows are updated one by one.
func update(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	if i := slices.IndexFunc(steps, (*Step).long); i >= 0 && len(steps) > 1 {
		for _, part := range [][]*Step{steps[:i], steps[i : i+1], steps[i+1:]} {
			if len(part) == 0 {
				continue
			}
			if err := update(ctx, tx, t, part); err != nil {
				return err
			}
		}
		return nil
	}
	names := steps[0].in.Columns
	columns := make([]*value.Column, len(names))
	set := make([]string, 0, len(names))
	for i, name := range names {
		columns[i], _ = t.Column(name) // check has seen that it is there
		if slices.Contains(t.Key, t.Index(name)) && columns[i].Kind != value.Text {
			continue // a text may come in another spelling, for which the key is the same
		}
		set = append(set, "t."+mysqldb.Quote(name)+"=v.c"+strconv.Itoa(i))
	}
	if len(set) == 0 {
		return nil // nothing but the key came
	}
	literal, err := literals(t, steps)
	if err != nil {
		return err
	}
	listed := literal && t.RowValue != "" && len(steps) > 1 // a SELECT for each row costs the server more
	var q mysqldb.Statement
	grow(&q, steps)
	q.SQL("UPDATE (")
	for i, s := range steps {
		between := ","
		switch {
		case i == 0:
			q.SQL("SELECT ")
		case !listed:
			q.SQL(" UNION ALL SELECT ")
		case i == 1:
			q.SQL(" UNION ALL VALUES " + t.RowValue)
		default:
			q.SQL(")," + t.RowValue)
		}
		key, err := t.KeyValues(s.in.Key)
		if err != nil {
			return err
		}
		for n, k := range t.Key {
			if n > 0 {
				q.SQL(between)
			}
			if literal {
				schema.AddLiteral(&q, &t.Columns[k], key[n])
			} else {
				q.SQL(mysqldb.Quote(t.Columns[k].Name))
			}
			if i == 0 {
				q.SQL(" AS k" + strconv.Itoa(n))
			}
		}
		for n, c := range columns {
			q.SQL(between)
			schema.AddValue(&q, c, s.in.Values[n])
			if i == 0 {
				q.SQL(" AS c" + strconv.Itoa(n))
			}
		}
		if literal {
			continue
		}
		q.SQL(" FROM " + t.ByKey() + " WHERE ")
		if err := t.AddKeys(&q, stepKeys(steps[i:i+1])); err != nil {
			return err
		}
	}
	if listed {
		q.SQL(")")
	}
	q.SQL(") v STRAIGHT_JOIN " + mysqldb.Quote(t.Name) + " t FORCE INDEX (PRIMARY) ON ")
	for i, k := range t.Key {
		if i > 0 {
			q.SQL(" AND ")
		}
		q.SQL("t." + mysqldb.Quote(t.Columns[k].Name) + "=v.k" + strconv.Itoa(i))
	}
	q.SQL(" SET " + strings.Join(set, ", "))
	n, err := q.Count(ctx, tx)
	if err == nil && n != int64(len(steps)) {
		err = errGone // its version must not be recorded
	}
	return err
}

// long reports whether the row has a value that may not stand in a UNION: some releases of MariaDB, 10.5.23 and 11.4.5
// among them, cut a literal there without a word, to its length modulo 65,536. A character may count as four bytes.
func (s *Step) long() bool {
	return slices.ContainsFunc(s.in.Values, func(v []byte) bool { return len(v) > math.MaxUint16/4 })
}

// errGone says that a row is not there which the transaction has seen and locked.
var errGone = errors.New("a row to be updated is gone: another row's trigger deletes it")

// literals reports whether all keys can be given as literals of their columns' types.
func literals(t *schema.Table, steps []*Step) (bool, error) {
	for _, s := range steps {
		key, err := t.KeyValues(s.in.Key)
		if err != nil {
			return false, err
		}
		for i, k := range t.Key {
			if !schema.HasLiteral(&t.Columns[k], key[i]) {
				return false, nil
			}
		}
	}
	return true, nil
}
