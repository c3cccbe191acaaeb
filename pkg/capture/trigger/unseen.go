package trigger

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// changes is the table that the triggers write to.
const changes = "table_changes"

// Unseen implements capture.Source: it returns the tables whose triggers are not the same as when the node last looked, or
// no longer right for the table.
func (s *Source) Unseen(ctx context.Context, tables []*schema.Table, keys []schema.ForeignKey) ([]capture.Unseen, error) {
	db := s.db
	own, err := schema.Standing(ctx, db)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(own, changes) { // Arm recreates it, after the caller has recorded that writes were missed
		var list []capture.Unseen
		for _, t := range tables {
			list = append(list, capture.Unseen{Table: t.Name, Reason: changes + " was dropped, with what it held"})
		}
		return list, nil
	}
	if logged, err := s.logged(ctx); err != nil || logged {
		var list []capture.Unseen
		for _, t := range tables {
			list = append(list, capture.Unseen{Table: t.Name, Reason: "changes were captured from the server's log until now"})
		}
		return list, err
	}
	keys, _, err = readable(ctx, db, tables, keys)
	if err != nil {
		return nil, err
	}
	// Only other schemas with parents count, as for the watcher: scanning all schemas takes seconds if there are many.
	standing, err := readTriggers(ctx, db, others(db.Name, keys))
	if err != nil {
		return nil, err
	}
	memories, err := readMemories(ctx, db)
	if err != nil {
		return nil, err
	}
	wanted, _ := wanted(db, tables, keys, s.Config)
	var list []capture.Unseen
	for _, t := range tables {
		m := memories[t.Name]
		if m == nil && s.NoRows {
			continue // triggers tell nothing
		}
		if m == nil {
			missing, err := unseenBefore(ctx, db, t, standing)
			if err != nil {
				return nil, err
			}
			if missing {
				list = append(list, capture.Unseen{Table: t.Name, Reason: "a trigger is missing"})
			}
			continue
		}
		now := remember(t, db.Name, wanted, standing, keys)
		if reason := m.unseen(now, t, s.NoRows); reason != "" {
			list = append(list, capture.Unseen{Table: t.Name, Reason: reason, Since: m.at, Rekeyed: !sameKey(m, now)})
		} else if s.NoRows && m.Columns != "" && m.Columns != now.Columns {
			list = append(list, capture.Unseen{Table: t.Name, Reason: "its columns have changed", Since: m.at, Altered: true})
		}
	}
	return list, nil
}

// unseenBefore reports whether a table without a memory was synced by an earlier version of this program and has lost a
// trigger since.
func unseenBefore(ctx context.Context, db *mysqldb.DB, t *schema.Table, standing map[string]standing) (bool, error) {
	whole := true
	for _, w := range rowTriggers(t, false, nil, false) {
		whole = whole && standing[w.name].table == t.Name
	}
	if whole {
		return false, nil
	}
	var known bool
	err := db.GetContext(ctx, &known, `SELECT EXISTS(SELECT 1 FROM sync_versions WHERE table_name = ? AND came_from = '')
		OR EXISTS(SELECT 1 FROM sync_snapshots WHERE table_name = ?)`, t.Name, t.Name)
	if err != nil {
		return false, fmt.Errorf("look for versions of %s: %w", t.Name, err)
	}
	return known, nil
}

// Forget implements capture.Source.
func (s *Source) Forget(ctx context.Context, table string) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM table_changes WHERE table_name = ?`, table); err != nil {
		return fmt.Errorf("drop changes of %s under its former key: %w", table, err)
	}
	return nil
}

// logged reports whether the last run captured from the server's log, which then has what it did not record.
func (s *Source) logged(ctx context.Context) (is bool, err error) {
	if s.NoRows {
		return false, nil
	}
	if err := s.db.GetContext(ctx, &is, `SELECT EXISTS (SELECT 1 FROM sync_log)`); err != nil {
		return false, fmt.Errorf("look into sync_log: %w", err)
	}
	return is, nil
}
