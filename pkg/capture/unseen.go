package capture

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Unseen returns the tables of which the client has captured changes before, and
// of which one of the three triggers is not there now: writes made meanwhile
// were not captured. It is asked before Install, at each start.
func Unseen(ctx context.Context, db *mysqldb.DB, client string, tables []*schema.Table) ([]string, error) {
	standing, err := readTriggers(ctx, db)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range tables {
		whole := true
		for _, w := range rowTriggers(t) {
			whole = whole && standing[w.name].table == t.Name
		}
		if whole {
			continue
		}
		var known bool
		err := db.GetContext(ctx, &known, `SELECT EXISTS(SELECT 1 FROM sync_versions WHERE table_name = ? AND origin = ?)`, t.Name, client)
		if err != nil {
			return nil, fmt.Errorf("look for versions of %s: %w", t.Name, err)
		}
		if known {
			names = append(names, t.Name)
		}
	}
	return names, nil
}
