package capture

import (
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// A table that is renamed takes its triggers along, and they go on writing its former
// name: what is deleted in an archive then is no delete of the table that has the name
// now. Such deletes cannot be told from those that the table had before it was renamed,
// so that neither are sent. Promise 7. What they say is there is looked for in the table
// itself, and does no harm.

// takes are the row triggers that note that a row has gone.
var takes = []string{"Delete", "Update"}

// displaced reports whether a trigger that notes deletes of a table stands on another one.
func displaced(table string, list []standing) bool {
	return slices.ContainsFunc(list, func(s standing) bool {
		return s.schema == "" && s.table != table && slices.ContainsFunc(takes, func(event string) bool { return s.name == triggerName(event, table) })
	})
}

// mayTake reports whether the entry may be of a row that is gone.
func (e Entry) mayTake() bool { return !e.Gone.Valid || e.Gone.Bool }

// doubtful returns the tables of the entries that may be of rows gone from another table.
// It asks about each table of which one may be gone, once a batch. It is asked after the
// entries were read: until then a trigger stood where it wrote them, or the watcher has
// dropped it and taken the entries away, which record notices.
func (c *Capture) doubtful(ctx context.Context, entries []Entry) (map[string]bool, error) {
	right := map[string]bool{}
	for _, e := range entries {
		if _, asked := right[e.Row.Table]; asked || !e.mayTake() || !c.Syncs(e.Row.Table) {
			continue
		}
		// The server looks at this one table, which costs it a fraction of a millisecond.
		var n int
		err := c.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND TRIGGER_NAME IN (?, ?)`,
			c.db.Name, e.Row.Table, triggerName(takes[0], e.Row.Table), triggerName(takes[1], e.Row.Table))
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
			all, err := readTriggers(ctx, c.db, []string{})
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

// trusted returns the entries but those of rows that may be gone from another table.
func trusted(entries []Entry, doubtful map[string]bool) []Entry {
	if len(doubtful) == 0 {
		return entries
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return doubtful[e.Row.Table] && e.mayTake() })
}

// disown takes what displaced triggers say is gone out of table_changes, and returns the
// tables of which something was.
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
			return disowned, fmt.Errorf("take deletes in another table out of the changes of %s: %w", table, err)
		}
		if n > 0 {
			disowned = append(disowned, table)
		}
	}
	return disowned, nil
}

// takeOut deletes the entries of a table that may be of rows that are gone, and returns how
// many there were. It locks those alone: others write meanwhile.
func takeOut(ctx context.Context, db *mysqldb.DB, table string) (int, error) {
	for n := 0; ; {
		var ids []uint64
		err := db.SelectContext(ctx, &ids, `SELECT id FROM table_changes WHERE table_name = ? AND NOT (gone <=> 0) ORDER BY id LIMIT ?`, table, batchSize)
		if err != nil || len(ids) == 0 {
			return n, err
		}
		err = mysqldb.InTx(ctx, db, func(tx mysqldb.Tx) error {
			_, err := tx.ExecContext(ctx, schema.DeleteChanges(ids)+` AND table_name = ? AND NOT (gone <=> 0)`, table)
			return err
		})
		if err != nil {
			return n, err
		}
		n += len(ids)
	}
}

// tellDisowned says of which tables deletes are not sent.
func tellDisowned(log *zap.Logger, tables ...string) {
	for _, table := range tables {
		log.Warn("a table was renamed along with its triggers; the deletes they recorded may belong to the other table and are not sent: run verify", zap.String("table", table))
	}
}
