package capture

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Unseen is a table that may have been written without being captured while no node ran.
type Unseen struct {
	Table  string
	Reason string
	Since  time.Time // when the node last knew better; zero if it does not know
	// Rekeyed says that the table has another primary key than its triggers: what
	// they have written names no rows of it.
	Rekeyed bool
}

// FindUnseen returns the synced tables whose triggers are not what they were when the
// node last looked, or not right for the table any more. Of a table that was never
// captured nothing can have been missed. It is asked before Install, at each start; keys
// are those of schema.Ancestry.
func FindUnseen(ctx context.Context, db *mysqldb.DB, tables []*schema.Table, keys []schema.ForeignKey) ([]Unseen, error) {
	keys, _, err := readable(ctx, db, tables, keys)
	if err != nil {
		return nil, err
	}
	// Of other schemas only those of parents count, as for the watcher: to look through all costs seconds where they have many.
	standing, err := readTriggers(ctx, db, others(db.Name, keys))
	if err != nil {
		return nil, err
	}
	memories, err := readMemories(ctx, db)
	if err != nil {
		return nil, err
	}
	wanted, _ := wanted(db, tables, keys)
	var list []Unseen
	for _, t := range tables {
		m := memories[t.Name]
		if m == nil {
			missing, err := unseenBefore(ctx, db, t, standing)
			if err != nil {
				return nil, err
			}
			if missing {
				list = append(list, Unseen{Table: t.Name, Reason: "a trigger is missing"})
			}
			continue
		}
		now := remember(t, db.Name, wanted, standing, keys)
		if reason := m.unseen(now, t); reason != "" {
			list = append(list, Unseen{Table: t.Name, Reason: reason, Since: m.at, Rekeyed: !sameKey(m, now)})
		}
	}
	return list, nil
}

// unseenBefore reports whether a table of which nothing is remembered was synced by an
// earlier version of this program and has lost a trigger since.
func unseenBefore(ctx context.Context, db *mysqldb.DB, t *schema.Table, standing map[string]standing) (bool, error) {
	whole := true
	for _, w := range rowTriggers(t) {
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
