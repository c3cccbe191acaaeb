package choice

import (
	"context"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Config says which writes count, and how often to look for them.
type Config = trigger.Config

// Source returns the Source of a node that runs.
func Source(log *zap.Logger, db *mysqldb.DB, c Config) capture.Source { return trigger.New(log, db, c) }

// Stopped returns the Source of a node that does not run: it tells what waits, and nothing consumes it.
func Stopped(db *mysqldb.DB) capture.Source { return trigger.New(zap.NewNop(), db, trigger.Config{}) }

// Standing returns the names of the triggers that Sources left in the database, and of any others that begin with
// mysqlSync; sorted.
func Standing(ctx context.Context, db *mysqldb.DB) ([]string, error) {
	return trigger.Standing(ctx, db)
}

// Uninstall removes what Standing names. If it returns an error, some of it is left, and the node's own tables must stay:
// users' writes would fail without them. Promise 7.
func Uninstall(ctx context.Context, db *mysqldb.DB) error {
	return trigger.Uninstall(ctx, zap.NewNop(), db)
}

// Unfollowed returns the foreign keys, as table.name, whose cascades from the tables would not be noticed. keys are all
// those of the schema.
func Unfollowed(db *mysqldb.DB, tables []*schema.Table, keys []schema.ForeignKey) []string {
	return trigger.Unfollowed(db, tables, keys)
}

// Bearing returns those of keys by which the server can change rows of tables in the schema own by itself, for which the
// node's user needs more rights.
func Bearing(own string, tables []*schema.Table, keys []schema.ForeignKey) []schema.ForeignKey {
	return trigger.Bearing(own, tables, keys)
}
