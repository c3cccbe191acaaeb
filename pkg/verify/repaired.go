package verify

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// repairing is a transaction of a server; its rows are of one table.
type repairing struct {
	vf *Verifier
	tx mysqldb.Tx
	t  *schema.Table
}

func (x repairing) States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error) {
	return version.Read(ctx, x.tx, rows)
}

func (x repairing) Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error) {
	return version.Fates(ctx, x.tx, rows)
}

func (x repairing) NotTheirs(ctx context.Context, rows []change.Row, remote string) (map[string]bool, error) {
	return x.vf.notTheirs(ctx, x.tx, remote, x.t, rows)
}

func (x repairing) Write(ctx context.Context, entries []version.Entry) error {
	return version.Write(ctx, x.tx, entries)
}

func (x repairing) Forget(ctx context.Context, rows []change.Row) error {
	return version.Forget(ctx, x.tx, x.t.Name, rows)
}

func (x repairing) Mark(ctx context.Context, rows []change.Row, remote string) error {
	return x.vf.Outbox.Mark(ctx, x.tx, rows, remote)
}

func (x repairing) MarkLost(ctx context.Context, rows []change.Row, remote string) error {
	return x.vf.Outbox.MarkLost(ctx, x.tx, rows, remote)
}
