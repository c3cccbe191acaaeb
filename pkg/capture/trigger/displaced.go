package trigger

import (
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// A renamed table takes its triggers along, and they keep recording under its former name: a delete in, say, an archive
// then looks like a delete in the table that now has the name. Such deletes cannot be told apart from those made in the
// table before it was renamed, so neither are sent. Promise 7. Rows recorded as existing are looked up in the table itself,
// and do no harm.

// takes are the events whose row triggers may record that a row is gone.
var takes = []string{"Delete", "Update"}

// displaced reports whether a trigger that records deletes of a table is on another one.
func displaced(table string, list []standing) bool {
	return slices.ContainsFunc(list, func(s standing) bool {
		return s.schema == "" && s.table != table && slices.ContainsFunc(takes, func(event string) bool { return s.name == triggerName(event, table) })
	})
}

// mayTake reports whether the entry may be about a deleted row.
func mayTake(e capture.Entry) bool { return !e.Gone.Valid || e.Gone.Bool }

// doubtful returns the tables of the entries whose deletes may come from another table. It asks once per batch, for each
// table with such entries, and after the entries were read: either the triggers are still where they wrote them, or the
// watcher has dropped the triggers and removed the entries, which Consume notices.
func (s *Source) doubtful(ctx context.Context, entries []capture.Entry) (map[string]bool, error) {
	right := map[string]bool{}
	for _, e := range entries {
		if _, asked := right[e.Row.Table]; asked || !mayTake(e) || !s.Syncs(e.Row.Table) {
			continue
		}
		// The server looks up only this table, which takes a fraction of a millisecond.
		var n int
		err := s.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND TRIGGER_NAME IN (?, ?)`,
			s.db.Name, e.Row.Table, triggerName(takes[0], e.Row.Table), triggerName(takes[1], e.Row.Table))
		if err != nil {
			return nil, fmt.Errorf("look at the triggers of %s: %w", e.Row.Table, err)
		}
		right[e.Row.Table] = n == len(takes)
	}
	var doubtful map[string]bool
	var list []standing
	for table, ok := range right {
		if ok {
			continue
		}
		if list == nil {
			all, err := readTriggers(ctx, s.db, []string{})
			if err != nil {
				return nil, err
			}
			for _, s := range all {
				list = append(list, s)
			}
		}
		if displaced(table, list) {
			if doubtful == nil {
				doubtful = map[string]bool{}
			}
			doubtful[table] = true
		}
	}
	return doubtful, nil
}

// trusted returns the entries without the deletes that may come from another table.
func trusted(entries []capture.Entry, doubtful map[string]bool) []capture.Entry {
	if len(doubtful) == 0 {
		return entries
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e capture.Entry) bool { return doubtful[e.Row.Table] && mayTake(e) })
}

// disown removes the deletes recorded by displaced triggers from table_changes, and returns the tables that had some.
func disown(ctx context.Context, db *mysqldb.DB, list []standing) ([]string, error) {
	var names, disowned []string
	if err := db.SelectContext(ctx, &names, `SELECT DISTINCT table_name FROM table_changes`); err != nil {
		return nil, fmt.Errorf("read the tables of table_changes: %w", err)
	}
	for _, table := range names {
		if !displaced(table, list) {
			continue
		}
		n, err := takeOut(ctx, db, table)
		if err != nil {
			return disowned, fmt.Errorf("remove deletes in another table from the changes of %s: %w", table, err)
		}
		if n > 0 {
			disowned = append(disowned, table)
		}
	}
	return disowned, nil
}

// takeOut deletes a table's entries that may be about deleted rows, and returns how many there were. It locks only those:
// others can write meanwhile.
func takeOut(ctx context.Context, db *mysqldb.DB, table string) (int, error) {
	for n := 0; ; {
		var ids []uint64
		err := db.SelectContext(ctx, &ids, `SELECT id FROM table_changes WHERE table_name = ? AND NOT (gone <=> 0) ORDER BY id LIMIT ?`, table, batchSize)
		if err != nil || len(ids) == 0 {
			return n, err
		}
		err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
			_, err := tx.ExecContext(ctx, deleteChanges(ids)+` AND table_name = ? AND NOT (gone <=> 0)`, table)
			return err
		})
		if err != nil {
			return n, err
		}
		n += len(ids)
	}
}

// tellDisowned reports the tables whose deletes are not sent.
func tellDisowned(log *zap.Logger, tables ...string) {
	for _, table := range tables {
		log.Warn("a table was renamed along with its triggers; the deletes they recorded may belong to the other table and are not sent: run verify", zap.String("table", table))
	}
}
