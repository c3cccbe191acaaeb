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

// Session has the variables of an applier's sessions: if they must wait for locks, they wait as briefly as the server
// allows.
var Session = []config.Variable{{Name: "innodb_lock_wait_timeout", Value: 1}, {Name: "lock_wait_timeout", Value: 1}}

// Delete deletes existing rows.
func (x *session) Delete(ctx context.Context, t *schema.Table, steps []*Step) error {
	return chunked(ctx, x.atOnce, t, steps, remove)
}

// Insert inserts new rows.
func (x *session) Insert(ctx context.Context, t *schema.Table, steps []*Step) error {
	if x.late && len(steps) > 0 && !steps[0].isWrong(wrongEnums(t, steps[0].in.Columns)) { // else its warnings are looked at
		return chunked(ctx, x.atOnce, t, steps, insertLast)
	}
	return chunked(ctx, x.atOnce, t, steps, insert)
}

// Update writes the received columns to existing rows.
func (x *session) Update(ctx context.Context, t *schema.Table, steps []*Step) error {
	return chunked(ctx, x.atOnce, t, steps, update)
}

// statement writes steps of one table that name the same columns.
type statement func(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error

// Late implements Writer. MySQL's statements are watched, and may be interrupted, which must not happen to a COMMIT.
func (x *session) Late() bool {
	x.late = x.db.MariaDB
	return x.late
}

// chunked calls f for runs of steps that fit into one statement.
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
			return stuckIn(t.Name, refusedSum(steps[:n], fmt.Errorf("write %s: %w", t.Name, err)))
		}
		steps = steps[n:]
	}
	return nil
}

// announce silences a table's triggers in this session, and tells the triggers that record cascades the time of the oldest of
// the writes; see trigger.Applying and trigger.Written.
func announce(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	oldest := slices.MinFunc(steps, func(a, b *Step) int { return cmp.Compare(a.State.Version.Time, b.State.Version.Time) })
	written := time.UnixMicro(oldest.State.Version.Time).UTC().Format("2006-01-02 15:04:05.000000")
	var q mysqldb.Statement
	q.SQL("SET @mysql_sync_applying = ")
	q.Text([]byte(t.Name))
	q.SQL(", @mysql_sync_written = ")
	q.Text([]byte(written))
	if err := mysqldb.Along(ctx, tx, "", &q); err != nil {
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
	if err := t.AddDelete(&q, keysOf(steps)); err != nil {
		return err
	}
	return q.Exec(ctx, tx)
}

func keysOf(steps []*Step) iter.Seq[string] { return slices.Values(stepKeys(steps)) }

func insert(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	var q mysqldb.Statement
	names := make([]string, len(steps[0].in.Columns))
	columns := make([]*value.Column, len(names))
	for i, name := range steps[0].in.Columns {
		names[i] = mysqldb.Quote(name)
		columns[i], _ = t.Column(name) // check has verified that it exists
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

// insertLast is insert with the next statement, or with the COMMIT.
func insertLast(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) error {
	return insert(mysqldb.Last(ctx), tx, t, steps)
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

// update updates existing rows by their keys: it joins them with a table of the new values, which costs the server no
// more than INSERT … ON DUPLICATE KEY UPDATE. That would fire insert triggers and require columns that are not given.
// The index needs keys of the column's own type and collation: those that have no such literal are read from the table
// itself. Long rows are updated one by one, without that table.
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
	var values []int // of set
	for i, name := range names {
		columns[i], _ = t.Column(name) // check has verified that it exists
		if slices.Contains(t.Key, t.Index(name)) && columns[i].Kind != value.Text {
			continue // a text may come in another spelling of the same key
		}
		set, values = append(set, "t."+mysqldb.Quote(name)+"=v.c"+strconv.Itoa(i)), append(values, i)
	}
	if len(set) == 0 {
		return nil // only the key was received
	}
	if len(steps) == 1 && steps[0].long() {
		return updateLong(ctx, tx, t, steps[0], columns, values)
	}
	literal, err := literals(t, steps)
	if err != nil {
		return err
	}
	listed := literal && t.RowValue != "" && len(steps) > 1 // a SELECT per row costs the server more
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
		if err := t.AddKeys(&q, keysOf(steps[i:i+1])); err != nil {
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
	return found(ctx, tx, &q, len(steps))
}

// updateLong updates the given columns of a long row. What is stored is what was sent: promise 3.
func updateLong(ctx context.Context, tx mysqldb.Tx, t *schema.Table, s *Step, columns []*value.Column, set []int) error {
	var q mysqldb.Statement
	grow(&q, []*Step{s})
	q.SQL("UPDATE " + mysqldb.Quote(t.Name))
	between := " SET "
	for _, i := range set {
		q.SQL(between + mysqldb.Quote(columns[i].Name) + "=")
		schema.AddValue(&q, columns[i], s.in.Values[i])
		between = ","
	}
	q.SQL(" WHERE ")
	if err := t.AddKeys(&q, keysOf([]*Step{s})); err != nil {
		return err
	}
	return found(ctx, tx, &q, 1)
}

// found runs an update of so many rows, which must all be there.
func found(ctx context.Context, tx mysqldb.Tx, q *mysqldb.Statement, rows int) error {
	n, err := q.Count(ctx, tx)
	if err == nil && n != int64(rows) {
		err = errGone // its version must not be recorded
	}
	return err
}

// long reports whether the row has a value that must not be in a table of values: some MariaDB releases, such as 10.5.23
// and 11.4.5, silently truncate a literal in a UNION to its length modulo 65,536, and MySQL 9.7 a value of a prepared
// statement to 65,535 bytes. A character may count as four bytes.
func (s *Step) long() bool {
	return slices.ContainsFunc(s.in.Values, func(v []byte) bool { return len(v) > math.MaxUint16/4 })
}

// errGone means that a row is missing although the transaction has seen and locked it.
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
