package capture

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Start arms the source when a node starts. First it calls unseen with each synced table that may have been written
// since the last run without being captured. Promise 1.
func Start(ctx context.Context, log *zap.Logger, source Armed, db *mysqldb.DB, tables *schema.Tables, synced []string, unseen func(ctx context.Context, table string) error) (err error) {
	list := make([]*schema.Table, 0, len(synced))
	for _, name := range synced {
		t, err := tables.Table(ctx, name)
		switch {
		case err == nil:
			list = append(list, t)
		case errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit): // the check let it pass: it may come back, as at a running node
		default:
			return err
		}
	}
	keys, err := schema.Ancestry(ctx, db, db.Name)
	if err != nil {
		return err
	}
	missed, err := source.Unseen(ctx, list, keys)
	if err != nil {
		return err
	}
	for _, u := range missed {
		fields := []zap.Field{zap.String("table", u.Table), zap.String("reason", u.Reason)}
		if !u.Since.IsZero() {
			fields = append(fields, zap.Time("lastSeenRight", u.Since))
		}
		log.Warn("writes to a table may have been missed while the node was down; its rows are sent to the remotes, deleted ones stay there: run verify", fields...)
		if err := unseen(ctx, u.Table); err != nil {
			return err
		}
		if !u.Rekeyed {
			continue
		}
		if err := source.Forget(ctx, u.Table); err != nil {
			return err
		}
	}
	return source.Arm(ctx, list, keys)
}
