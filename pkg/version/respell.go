package version

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// respellRows is how many rows one transaction of Respell looks at.
const respellRows = 500

// Spellings returns the rules by which each table's rows are told apart; tables whose rows are told apart by the bytes of
// their keys are missing.
func Spellings(ctx context.Context, db mysqldb.Queryer) (map[string]string, error) {
	forms := map[string]string{}
	err := mysqldb.Each(ctx, db, `SELECT table_name, form FROM sync_spellings`, nil, func(r *sql.Rows) error {
		var table, form string
		err := r.Scan(&table, &form)
		forms[table] = form
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read sync_spellings: %w", err)
	}
	return forms, nil
}

// Respell gives a table's rows the IDs that identify returns under the new rules. If two rows become one, the later
// version stays and has seen the other. It must run before anyone else reads or writes the node's own tables. If it is
// killed, no harm is done: rows that already have their new ID keep it.
func Respell(ctx context.Context, db *mysqldb.DB, table, form string, identify func(context.Context, []change.Row) error) error {
	for after := []byte{}; after != nil; {
		err := mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) (err error) {
			after, err = respell(ctx, tx, table, after, identify)
			return err
		})
		if err != nil {
			return fmt.Errorf("respell the rows of %s: %w", table, err)
		}
	}
	_, err := db.ExecContext(ctx, `REPLACE INTO sync_spellings (table_name, form) VALUES (?, ?)`, table, form)
	if err != nil {
		return fmt.Errorf("respell the rows of %s: %w", table, err)
	}
	return nil
}

// respell does so for the next rows after an ID, and returns the last ID, or nil if there are no more.
func respell(ctx context.Context, tx mysqldb.Tx, table string, after []byte, identify func(context.Context, []change.Row) error) ([]byte, error) {
	old, err := readEntries(ctx, tx, ` WHERE table_name = ? AND row_id > ? ORDER BY row_id LIMIT ?`, table, after, respellRows)
	if err != nil || len(old) == 0 {
		return nil, err
	}
	rows := make([]change.Row, len(old))
	for i, e := range old {
		rows[i] = change.Row{Table: table, Key: e.Key}
	}
	if err := identify(ctx, rows); err != nil {
		return nil, err
	}
	for i, e := range old {
		if rows[i].ID() == e.ID() || e.ID() == e.Key && len(e.Key) == change.LongestID {
			continue // already right, or its full key is unknown
		}
		if err := move(ctx, tx, e, rows[i]); err != nil {
			return nil, err
		}
	}
	return []byte(old[len(old)-1].ID()), nil
}

// move gives an entry another ID, in all of the node's own tables.
func move(ctx context.Context, tx mysqldb.Tx, e Entry, to change.Row) error {
	there, err := readEntries(ctx, tx, ` WHERE table_name = ? AND row_id = ?`, to.Table, []byte(to.ID()))
	if err != nil {
		return err
	}
	old := []byte(e.ID())
	e.Row = to
	for _, o := range there {
		wins := o.Version.Compare(e.Version) > 0
		e.State = e.State.Merge(o.State, wins)
		if wins {
			e.Row = change.Row{Table: to.Table, Key: o.Key}.WithID(to.ID())
			e.From, e.Label, e.Token = o.From, o.Label, o.Token
		}
		e.Fate, e.Position = Unknown, max(e.Position, o.Position) // one of the two spellings is gone
	}
	if err := Write(ctx, tx, []Entry{e}); err != nil {
		return err
	}
	id := []byte(to.ID())
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`DELETE FROM sync_versions WHERE table_name = ? AND row_id = ?`, []any{to.Table, old}},
		{`UPDATE IGNORE sync_outbox SET row_id = ?, row_key = ? WHERE table_name = ? AND row_id = ?`, []any{id, []byte(to.Key), to.Table, old}},
		{`UPDATE sync_outbox o JOIN sync_outbox n ON n.remote = o.remote AND n.table_name = o.table_name AND n.row_id = ? SET n.lost = 1
	WHERE o.table_name = ? AND o.row_id = ? AND o.lost = 1`, []any{id, to.Table, old}},
		{`DELETE FROM sync_outbox WHERE table_name = ? AND row_id = ?`, []any{to.Table, old}},
		{`UPDATE IGNORE sync_sent SET row_id = ? WHERE table_name = ? AND row_id = ?`, []any{id, to.Table, old}},
		{`DELETE FROM sync_sent WHERE table_name = ? AND row_id = ?`, []any{to.Table, old}},
		{`UPDATE IGNORE sync_conflicts SET row_id = ? WHERE table_name = ? AND row_id = ?`, []any{id, to.Table, old}},
	} {
		if _, err := tx.ExecContext(ctx, q.sql, q.args...); err != nil {
			return err
		}
	}
	return nil
}

// readEntries reads whole rows of sync_versions.
func readEntries(ctx context.Context, db mysqldb.Queryer, where string, args ...any) ([]Entry, error) {
	var list []Entry
	err := mysqldb.Each(ctx, db, `SELECT table_name, row_id, row_key, time, origin, seen, made, counts, deleted, position, came_from, label, token FROM sync_versions`+where, args, func(r *sql.Rows) error {
		var e Entry
		var table, id string
		var key, seen, made, counts []byte
		err := r.Scan(&table, &id, &key, &e.Version.Time, &e.Version.Origin, &seen, &made, &counts, &e.Fate, &e.Position, &e.From, &e.Label, &e.Token)
		if err != nil {
			return err
		}
		e.Row = change.Stored(table, id, key)
		err = decode(&e.State, seen, made, counts)
		list = append(list, e)
		return err
	})
	return slices.Clip(list), err
}
