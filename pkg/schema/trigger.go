package schema

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ofUser is the condition for users' triggers that may change a row before it is written. The node's own triggers never
// do.
const ofUser = `ACTION_TIMING = 'BEFORE' AND EVENT_MANIPULATION IN ('INSERT', 'UPDATE') AND TRIGGER_NAME NOT LIKE 'mysqlSync%'`

// readTriggers finds out whether triggers may change written rows.
func (t *Table) readTriggers(ctx context.Context, db mysqldb.Queryer, schema string) error {
	err := catalog(ctx, db, `SELECT COUNT(*) > 0 FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? AND `+ofUser,
		[]any{schema, t.Name}, func(r *sql.Rows) error { return r.Scan(&t.Triggered) })
	if err != nil {
		return fmt.Errorf("read triggers of %s: %w", t.Name, err)
	}
	return nil
}
