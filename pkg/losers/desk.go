package losers

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// Dismiss has conflicts no longer listed or counted, or, with undo, has them listed again. It returns how many that
// changed. They stay in sync_conflicts. Numbers that are no conflict's are passed over.
func Dismiss(ctx context.Context, db *mysqldb.DB, ids []uint64, undo bool) (int64, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	set, args := `dismissed_at = ? WHERE dismissed_at IS NULL`, []any{time.Now().UTC().Format(micros)}
	if undo {
		set, args = `dismissed_at = NULL WHERE dismissed_at IS NOT NULL`, nil
	}
	for _, id := range ids {
		args = append(args, id)
	}
	res, err := db.ExecContext(ctx, `UPDATE sync_conflicts SET `+set+` AND id IN (`+mysqldb.List(len(ids))+`)`, args...)
	if err != nil {
		return 0, fmt.Errorf("dismiss conflicts: %w", err)
	}
	return res.RowsAffected()
}

// KeepBoth inserts the row that lost under a new key, as a local write that goes to all remotes, so that both rows are
// there; it returns the new row's id. The columns of the key are as given, by name in any case, as on the server; an
// AUTO_INCREMENT one that is not given is the server's choice. Of other rows, such as children, none is copied. It is done
// once: a conflict whose row was put back or inserted is refused with ErrDecided.
func KeepBoth(ctx context.Context, db *mysqldb.DB, ts *schema.Tables, id uint64, key map[string]string) (newID string, err error) {
	err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		k, err := find(ctx, tx, ts, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		if k.decided.Valid { // or a repeated request, whose answer was lost, would insert it again
			return fmt.Errorf("%w: the row that lost conflict %d was put back or inserted at %s UTC", ErrDecided, id, k.decided.String)
		}
		if newID, err = k.insert(ctx, tx, db.Name, key); err != nil {
			return fmt.Errorf("keep both rows of conflict %d: %w", id, err)
		}
		return settled(ctx, tx, id)
	})
	return newID, err
}

// insert writes the loser under another key.
func (k *kept) insert(ctx context.Context, tx mysqldb.Tx, database string, key map[string]string) (newID string, err error) {
	t := k.table
	if !k.loser.Valid {
		return "", fmt.Errorf("%w beside the other: the version that lost is a delete", ErrCannot)
	}
	row, err := value.DecodeEntity([]byte(k.loser.String))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCannot, err)
	}
	for name := range key {
		if !slices.ContainsFunc(t.KeyNames(), func(k string) bool { return strings.EqualFold(k, name) }) {
			return "", fmt.Errorf("%w: %.64q is not a column of the key of %s, which is %s", ErrCannot, name, t.Name, strings.Join(t.KeyNames(), ", "))
		}
	}
	given := func(column string) (string, bool) {
		for name, v := range key {
			if strings.EqualFold(name, column) {
				return v, true
			}
		}
		return "", false
	}
	chosen := "" // by the server
	var names []string
	var values [][]byte
	var args []any
	for _, f := range row {
		c, ok := t.Column(f.Name)
		if !ok {
			return "", fmt.Errorf("%w: table %s no longer has column %s", ErrCannot, t.Name, f.Name)
		}
		if t.IsKeyColumn(c.Name) {
			if v, ok := given(c.Name); ok {
				f.Value = v
			} else if len(key) == 0 {
				if chosen, err = k.numbered(ctx, tx, database); err != nil {
					return "", err
				}
				if strings.EqualFold(chosen, c.Name) {
					continue
				}
			}
		}
		stored, err := c.Encode(f.Value, time.UTC)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrCannot, err)
		}
		names, values, args = append(names, c.Name), append(values, stored), append(args, c.Bind(stored))
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = mysqldb.Quote(name)
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO "+mysqldb.Quote(t.Name)+" ("+strings.Join(quoted, ", ")+") VALUES "+mysqldb.Groups(1, len(names)), args...)
	if err != nil {
		return "", k.refusedInsert(err)
	}
	if chosen != "" {
		n, err := res.LastInsertId()
		if err != nil {
			return "", err
		}
		names, values = append(names, chosen), append(values, fmt.Append(nil, n))
	}
	at, err := t.KeyOf(names, values)
	if err != nil {
		return "", err
	}
	return t.ID(at)
}

// refusedInsert says why the server does not take the row.
func (k *kept) refusedInsert(err error) error {
	if mysqldb.Duplicate(err) {
		return fmt.Errorf("%w under this key: another row has it, or one of its unique values: %w", ErrCannot, err)
	}
	return k.explain(err)
}

// numbered returns the column of the key that the server numbers.
func (k *kept) numbered(ctx context.Context, tx mysqldb.Queryer, database string) (column string, err error) {
	err = mysqldb.Each(ctx, tx, `SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND extra LIKE '%auto_increment%'`, []any{database, k.table.Name},
		func(rows *sql.Rows) error { return rows.Scan(&column) })
	if err != nil {
		return "", fmt.Errorf("look for an AUTO_INCREMENT column: %w", err)
	}
	if names := k.table.KeyNames(); !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, column) }) {
		return "", fmt.Errorf("%w: the server does not number the rows of %s; give the new key, of %s", ErrCannot, k.table.Name, strings.Join(names, ", "))
	}
	return column, nil
}
