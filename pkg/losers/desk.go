package losers

import (
	"context"
	"database/sql"
	"encoding/hex"
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

// Both says how to insert a row that lost next to the other.
type Both struct {
	// Key has columns of the primary key, by name in any case, as on the server, with their values as in an id: binary ones
	// that are not text as 0x and hexadecimal digits. An AUTO_INCREMENT one that is not given is the server's choice; others
	// that are not given stay.
	Key map[string]string
	// Again inserts it even if it was put back or inserted before: otherwise that is ErrDecided, since a request whose answer
	// was lost is repeated.
	Again bool
}

// KeepBoth inserts the row that lost under a new key, as a local write that goes to all remotes, so that both rows are
// there; it returns the new row's id. Of other rows, such as children, none is copied.
func KeepBoth(ctx context.Context, db *mysqldb.DB, ts *schema.Tables, id uint64, how Both) (newID string, err error) {
	err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
		k, err := find(ctx, tx, ts, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		if k.decided.Valid && !how.Again {
			return fmt.Errorf("%w: the row that lost conflict %d was put back or inserted at %s UTC; --yes, or \"again\" in the API, inserts it again", ErrDecided, id, k.decided.String)
		}
		if newID, err = k.insert(ctx, tx, db.Name, how.Key); err != nil {
			return fmt.Errorf("keep both rows of conflict %d: %w", id, err)
		}
		return settled(ctx, tx, id, newID)
	})
	return newID, err
}

// insert writes the loser under another key.
func (k *kept) insert(ctx context.Context, tx mysqldb.Tx, database string, key map[string]string) (newID string, err error) {
	t := k.table
	if !k.loser.Valid {
		return "", fmt.Errorf("%w beside the other: the version that lost is a delete", ErrCannot)
	}
	row, err := decode([]byte(k.loser.String))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCannot, err)
	}
	numbered, err := k.numbered(ctx, tx, database)
	if err != nil {
		return "", err
	}
	parts, stored, chosen, err := k.rekeyed(key, numbered)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCannot, err)
	}
	var names []string
	var args []any
	for _, f := range row {
		c, ok := t.Column(f.Name)
		if !ok {
			return "", fmt.Errorf("%w: table %s no longer has column %s", ErrCannot, t.Name, f.Name)
		}
		bound := stored[c.Name]
		if !t.IsKeyColumn(c.Name) {
			if strings.EqualFold(c.Name, numbered) {
				continue // the other row has this number
			}
			if bound, err = c.Encode(f.Value, time.UTC); err != nil {
				return "", fmt.Errorf("%w: %w", ErrCannot, err)
			}
		} else if chosen >= 0 && c.Name == t.Columns[t.Key[chosen]].Name {
			continue
		}
		names, args = append(names, mysqldb.Quote(c.Name)), append(args, c.Bind(bound))
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO "+mysqldb.Quote(t.Name)+" ("+strings.Join(names, ", ")+") VALUES "+mysqldb.Groups(1, len(names)), args...)
	if err != nil {
		return "", k.refusedInsert(err)
	}
	if chosen >= 0 {
		n, err := res.LastInsertId()
		if err == nil {
			parts[chosen], err = t.Columns[t.Key[chosen]].KeyPart(fmt.Append(nil, uint64(n))) //nolint:gosec // a number of 64 bits without a sign
		}
		if err != nil {
			return "", err
		}
	}
	return t.ID(string(value.JoinKey(parts)))
}

// rekeyed returns the new key: its parts in key form, its stored values by column, and the place of the part that the
// server chooses, -1 for none.
func (k *kept) rekeyed(key map[string]string, numbered string) (parts [][]byte, stored map[string][]byte, chosen int, err error) {
	t := k.table
	if parts, err = value.SplitKey([]byte(k.row.Key), len(t.Key)); err != nil {
		return nil, nil, 0, err
	}
	given := map[int]string{}
	for name, v := range key {
		at := slices.IndexFunc(t.KeyNames(), func(k string) bool { return strings.EqualFold(k, name) })
		if at < 0 {
			return nil, nil, 0, fmt.Errorf("%.64q is not a column of the key of %s, which is %s", name, t.Name, strings.Join(t.KeyNames(), ", "))
		}
		given[at] = v
	}
	chosen = -1
	for i, at := range t.Key {
		c := &t.Columns[at]
		v, ok := given[i]
		switch {
		case ok:
			if parts[i], err = c.ParseIDPart(v); err != nil {
				return nil, nil, 0, err
			}
			if c.DataType == "binary" && string(parts[i]) != v && !strings.EqualFold("0x"+hex.EncodeToString(parts[i]), v) { // it was filled up
				return nil, nil, 0, fmt.Errorf("column %s: %.64q does not have all %d bytes", c.Name, v, c.Length)
			}
		case strings.EqualFold(c.Name, numbered):
			chosen = i
		}
	}
	if len(key) == 0 && chosen < 0 {
		return nil, nil, 0, fmt.Errorf("the server does not number the rows of %s; give the new key, of %s", t.Name, strings.Join(t.KeyNames(), ", "))
	}
	values, err := t.KeyValues(string(value.JoinKey(parts)))
	if err != nil {
		return nil, nil, 0, err
	}
	stored = map[string][]byte{}
	for i, at := range t.Key {
		stored[t.Columns[at].Name] = values[i]
	}
	return parts, stored, chosen, nil
}

// refusedInsert says why the server does not take the row.
func (k *kept) refusedInsert(err error) error {
	if mysqldb.Duplicate(err) {
		return fmt.Errorf("%w under this key: another row has it, or one of its unique values: %w", ErrCannot, err)
	}
	return k.explain(err)
}

// numbered returns the column that the server numbers, or "".
func (k *kept) numbered(ctx context.Context, tx mysqldb.Queryer, database string) (column string, err error) {
	err = mysqldb.Each(ctx, tx, `SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND extra LIKE '%auto_increment%'`, []any{database, k.table.Name},
		func(rows *sql.Rows) error { return rows.Scan(&column) })
	if err != nil {
		return "", fmt.Errorf("look for an AUTO_INCREMENT column: %w", err)
	}
	return column, nil
}
