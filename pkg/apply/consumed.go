package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// consumed are local changes that need not be captured any more, since what came takes
// their place.
type consumed struct {
	ids  []uint64
	rows []any // table and key of each row, as noted
}

func (c *consumed) add(s *Step) {
	c.ids = append(c.ids, s.Consumed...)
	for _, key := range s.noted {
		c.rows = append(c.rows, s.in.Table, []byte(key))
	}
}

// drop deletes them, and no change of another row that has one of their ids.
func (c *consumed) drop(ctx context.Context, tx mysqldb.Tx) error {
	if len(c.ids) == 0 {
		return nil
	}
	slices.Sort(c.ids)
	n := len(c.rows) / 2
	_, err := tx.ExecContext(ctx, schema.DeleteChanges(c.ids)+` AND (table_name, primary_key) IN (`+mysqldb.Groups(n, 2)+`)`, c.rows...)
	if err != nil {
		return fmt.Errorf("drop replaced local changes: %w", err)
	}
	return nil
}
