package losers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// PutBackPolicy is the policy of a row that is kept because another was restored over it.
const PutBackPolicy = "putBack"

// Why a row is not restored.
var (
	ErrNoConflict = errors.New("there is no such conflict")
	ErrLater      = errors.New("the row was written after the conflict")
	ErrChanged    = errors.New("the row was written since it was shown")
	ErrDecided    = errors.New("the conflict was decided already")
	ErrCannot     = errors.New("the row cannot be restored")
)

// Now is the current row of a conflict.
type Now struct {
	Row   json.RawMessage // null: there is none
	Seen  string          // names what the row is, for PutBack
	Later bool            // it is not the one that won: somebody has written it since
}

// Request says how to restore a row.
type Request struct {
	// Columns are the columns to restore, in any case, as on the server; none means all that the row has.
	Columns []string
	// Seen is the row's state when it was shown to whoever decided. If it has changed, nothing is written. If empty, a
	// row written after the conflict is overwritten only with Over set.
	Seen string
	Over bool
	// Origin is that of the node's own writes.
	Origin string
}

// kept is a conflict with its row as it is.
type kept struct {
	table         *schema.Table
	row           change.Row
	id            string // the row's
	winner, loser sql.NullString
	decided       sql.NullString // when the loser was put back or inserted
	now           Side
}

// Look returns a conflict and the row as it is now.
func Look(ctx context.Context, db *mysqldb.DB, ts *schema.Tables, id uint64) (Kept, Now, error) {
	list, err := read(ctx, db, `id = ?`, id, 1)
	if err != nil {
		return Kept{}, Now{}, err
	}
	if len(list) == 0 {
		return Kept{}, Now{}, fmt.Errorf("%w: %d", ErrNoConflict, id)
	}
	k, err := find(ctx, db, ts, id, "")
	if err != nil {
		return Kept{}, Now{}, err
	}
	row, err := k.now.json(k.table)
	return list[0], Now{Row: row, Seen: k.seen(), Later: !k.stands(k.winner)}, err
}

// PutBack writes the row that lost, or columns of it, over the current one, as a local write: the triggers record it,
// and it goes to all remotes with a new version. The overwritten row is kept as the loser, and can itself be restored.
// Promise 4.
func PutBack(ctx context.Context, db *mysqldb.DB, source capture.Asked, ts *schema.Tables, id uint64, r Request) error {
	return mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		k, err := find(ctx, tx, ts, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		switch {
		case r.Seen != "" && r.Seen != k.seen():
			return fmt.Errorf("%w: %s of %s; look at it again", ErrChanged, k.id, k.table.Name)
		case r.Seen == "" && !r.Over && !k.stands(k.winner):
			return fmt.Errorf("%w: %s of %s; look at it first", ErrLater, k.id, k.table.Name)
		}
		before, err := k.version(ctx, tx, source, r.Origin)
		if err != nil {
			return err
		}
		if err := k.restore(ctx, tx, db.Name, r.Columns); err != nil {
			return fmt.Errorf("put back the loser of conflict %d: %w", id, k.explain(err))
		}
		if err := k.keep(ctx, tx, before, r.Origin); err != nil {
			return err
		}
		return settled(ctx, tx, id, "")
	})
}

// settled records that a row that lost is back, under its own key or, if as is not empty, as another row.
func settled(ctx context.Context, tx mysqldb.Tx, id uint64, as string) error {
	_, err := tx.ExecContext(ctx, `UPDATE sync_conflicts SET put_back_at = ?, inserted_as = NULLIF(?, '') WHERE id = ?`, time.Now().UTC().Format(micros), shown(as), id)
	return err
}

// micros is the form of a time for a DATETIME(6).
const micros = "2006-01-02 15:04:05.000000"

// find reads a conflict and its row, and locks both if it is told to.
func find(ctx context.Context, tx mysqldb.Queryer, ts *schema.Tables, id uint64, locking string) (*kept, error) {
	k := &kept{}
	found := false
	err := mysqldb.Each(ctx, tx, `SELECT table_name, row_key, primary_key, winner_row, loser_row, put_back_at FROM sync_conflicts WHERE id = ?`+locking, []any{id}, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&k.row.Table, &k.row.Key, &k.id, &k.winner, &k.loser, &k.decided)
	})
	if err != nil {
		return nil, fmt.Errorf("read conflict %d: %w", id, err)
	}
	if !found {
		return nil, fmt.Errorf("%w: %d", ErrNoConflict, id)
	}
	if k.table, err = ts.Fresh(ctx, k.row.Table); errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) {
		return nil, fmt.Errorf("%w: %w", ErrCannot, err)
	} else if err != nil {
		return nil, err
	}
	return k, k.look(ctx, tx, locking)
}

// look reads the row as it is.
func (k *kept) look(ctx context.Context, tx mysqldb.Queryer, locking string) error {
	where, err := k.table.KeyArgs(nil, k.row.Key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCannot, err)
	}
	k.now = Side{}
	err = mysqldb.Each(ctx, tx, "SELECT "+k.table.SelectList()+" FROM "+k.table.ByKey()+" WHERE "+k.table.WhereKeys(1)+locking, where, func(rows *sql.Rows) error {
		values := make([][]byte, len(k.table.Columns))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		k.now.Columns, k.now.Values = k.table.Names(), values
		return rows.Scan(into...)
	})
	if err != nil {
		return fmt.Errorf("read row %s of %s: %w", k.id, k.table.Name, err)
	}
	return nil
}

// seen identifies the current row.
func (k *kept) seen() string {
	h := sha256.New()
	for i, name := range k.now.Columns {
		fmt.Fprintf(h, "%q=%d %t ", name, len(k.now.Values[i]), k.now.Values[i] == nil)
		h.Write(k.now.Values[i])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// stands reports whether the row is now as one that is kept, in the columns that both have.
func (k *kept) stands(row sql.NullString) bool {
	if !row.Valid || k.now.Columns == nil {
		return !row.Valid && k.now.Columns == nil
	}
	e, err := decode([]byte(row.String))
	if err != nil {
		return false
	}
	for _, f := range e {
		at := k.table.Index(f.Name)
		if at < 0 {
			continue
		}
		stored, err := k.table.Columns[at].Encode(f.Value, time.UTC)
		if err != nil || !k.table.Columns[at].Equal(stored, k.now.Values[at]) {
			return false
		}
	}
	return true
}

// restore writes the loser, or the columns given of it.
func (k *kept) restore(ctx context.Context, tx mysqldb.Tx, database string, columns []string) error {
	t := k.table
	where, err := t.KeyArgs(nil, k.row.Key)
	if err != nil {
		return err
	}
	if !k.loser.Valid {
		if len(columns) > 0 {
			return fmt.Errorf("%w by columns: the version that lost is a delete", ErrCannot)
		}
		if err := k.unreferred(ctx, tx, database); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM "+mysqldb.Quote(t.Name)+" WHERE "+t.WhereKeys(1), where...)
		return err
	}
	if len(columns) > 0 && k.now.Columns == nil {
		return fmt.Errorf("%w by columns: there is no row with this key now", ErrCannot)
	}
	e, err := decode([]byte(k.loser.String))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCannot, err)
	}
	for _, name := range columns {
		if !slices.ContainsFunc(e, func(f value.Field) bool { return strings.EqualFold(f.Name, name) }) {
			return fmt.Errorf("%w: the version that lost has no column %.64s", ErrCannot, name)
		}
	}
	var names, set []string
	var args []any
	for _, f := range e {
		if len(columns) > 0 && !slices.ContainsFunc(columns, func(name string) bool { return strings.EqualFold(name, f.Name) }) {
			continue
		}
		c, ok := t.Column(f.Name)
		if !ok {
			return fmt.Errorf("%w: table %s no longer has column %s", ErrCannot, t.Name, f.Name)
		}
		stored, err := c.Encode(f.Value, time.UTC)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCannot, err)
		}
		names, set, args = append(names, mysqldb.Quote(c.Name)), append(set, mysqldb.Quote(c.Name)+"=?"), append(args, c.Bind(stored))
	}
	if k.now.Columns != nil {
		_, err = tx.ExecContext(ctx, "UPDATE "+mysqldb.Quote(t.Name)+" SET "+strings.Join(set, ", ")+" WHERE "+t.WhereKeys(1), append(args, where...)...)
	} else {
		_, err = tx.ExecContext(ctx, "INSERT INTO "+mysqldb.Quote(t.Name)+" ("+strings.Join(names, ", ")+") VALUES "+mysqldb.Groups(1, len(names)), args...)
	}
	return err
}

// unreferred refuses a delete that would take rows along, or change them: no one has asked for that.
func (k *kept) unreferred(ctx context.Context, tx mysqldb.Tx, database string) error {
	keys, err := schema.ForeignKeys(ctx, tx, database)
	if err != nil || k.now.Columns == nil {
		return err
	}
	for _, f := range keys {
		if f.RefTable != k.table.Name {
			continue
		}
		conditions := make([]string, len(f.Columns))
		var args []any
		for i, name := range f.Columns {
			at := k.table.Index(f.RefColumns[i])
			if at < 0 {
				return fmt.Errorf("%w: %s of %s may refer to it, by a column that is computed", ErrCannot, f.Name, f.Table)
			}
			conditions[i], args = mysqldb.Quote(name)+"=?", append(args, k.table.Columns[at].Bind(k.now.Values[at]))
		}
		if f.Table == k.table.Name { // itself it may refer to
			own, err := k.table.KeyArgs(nil, k.row.Key)
			if err != nil {
				return err
			}
			conditions, args = append(conditions, "NOT ("+k.table.WhereKeys(1)+")"), append(args, own...)
		}
		refer := false
		err := mysqldb.Each(ctx, tx, "SELECT 1 FROM "+mysqldb.Quote(f.Table)+" WHERE "+strings.Join(conditions, " AND ")+" LIMIT 1 LOCK IN SHARE MODE", args,
			func(*sql.Rows) error { refer = true; return nil })
		if err != nil {
			return err
		}
		if refer {
			return fmt.Errorf("%w: it is a delete, and rows of %s still refer to the row", ErrCannot, f.Table)
		}
	}
	return nil
}

// explain says of the server's errors what is in the way.
func (k *kept) explain(err error) error {
	switch {
	case errors.Is(err, ErrCannot):
		return err
	case mysqldb.Duplicate(err) && k.now.Columns == nil:
		return fmt.Errorf("%w: it was inserted meanwhile, or another row has the unique value: %w", ErrCannot, err)
	case mysqldb.Duplicate(err):
		return fmt.Errorf("%w: another row has the unique value: %w", ErrCannot, err)
	case mysqldb.MissingParent(err):
		return fmt.Errorf("%w: its parent row is missing: %w", ErrCannot, err)
	case mysqldb.Referenced(err):
		return fmt.Errorf("%w: other rows refer to it: %w", ErrCannot, err)
	case mysqldb.Number(err) != 0 && !mysqldb.Transient(err):
		return fmt.Errorf("%w: the table rejects it: %w", ErrCannot, err)
	}
	return err
}

// keep records the overwritten row and its version, next to the row that replaced it.
func (k *kept) keep(ctx context.Context, tx mysqldb.Tx, v change.Version, origin string) error {
	before := k.now
	if err := k.look(ctx, tx, ""); err != nil {
		return err
	}
	if sameSide(k.table, &before, &k.now) {
		return nil
	}
	before.Version = v
	k.now.Version = change.Version{Time: change.Micros(time.Now()), Origin: origin}
	return Record(ctx, tx, []Entry{{Table: k.table, Key: k.row.Key, Policy: PutBackPolicy, Winner: k.now, Loser: before}})
}

func sameSide(t *schema.Table, a, b *Side) bool {
	if len(a.Columns) != len(b.Columns) {
		return false
	}
	for i := range a.Columns {
		if !t.Columns[i].Equal(a.Values[i], b.Values[i]) {
			return false
		}
	}
	return true
}

// version returns the one of the row as it is: the last that was recorded, or what a write that is not captured yet will have. One
// that is kept already gets a later time.
func (k *kept) version(ctx context.Context, tx mysqldb.Tx, source capture.Asked, origin string) (change.Version, error) {
	uncaptured, err := capture.Uncaptured(ctx, tx, source, k.table.Name, []string{k.row.Key})
	if err != nil {
		return change.Version{}, err
	}
	states, err := version.Read(ctx, tx, []change.Row{k.row})
	if err != nil {
		return change.Version{}, err
	}
	v := states[k.row].Version
	if list := uncaptured[k.row.Key]; len(list) > 0 {
		v = conflict.Next(states[k.row], capture.Latest(list), origin).Version
	}
	if v.IsZero() {
		v.Origin = origin
	}
	v.Time = cmp.Or(v.Time, change.Micros(time.Now()))
	for taken := true; taken; {
		taken = false
		err := mysqldb.Each(ctx, tx, `SELECT 1 FROM sync_conflicts WHERE table_name = ? AND row_id = ? AND loser_time = ? AND loser_origin = ?`,
			[]any{k.row.Table, []byte(k.row.ID()), v.Time, v.Origin}, func(*sql.Rows) error { taken = true; return nil })
		if err != nil {
			return v, fmt.Errorf("read conflicts of %s: %w", k.table.Name, err)
		}
		if taken {
			v.Time++
		}
	}
	return v, nil
}
