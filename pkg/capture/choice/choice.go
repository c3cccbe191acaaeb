package choice

import (
	"context"
	"iter"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/capture/trigger"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Config says which writes count, and how often to look for them.
type Config = trigger.Config

// Source returns the Source of a running node. With server, the server's log is read; nil: triggers notice the writes.
func Source(logger *zap.Logger, db *mysqldb.DB, c Config, server *config.MySQL) capture.Source {
	if server == nil {
		return trigger.New(logger, db, c)
	}
	cascades := c
	cascades.NoRows, cascades.NoCascades = true, !db.MariaDB // MySQL logs what foreign keys do
	var source *log.Source
	cascades.Asked = asked{&source}
	source = log.New(logger, db, log.Config{
		MySQL: *server, Syncs: c.Syncs, Details: c.Details, Counters: c.Counters, Credited: c.Credited, Lost: c.Lost,
	}, log.Triggers{Cascades: trigger.New(logger, db, cascades), Rows: trigger.New(logger, db, c)})
	return source
}

// asked is a Source that is made later.
type asked struct{ source **log.Source }

func (a asked) Ask(table string, keys iter.Seq[string]) capture.Question {
	return (*a.source).Ask(table, keys)
}

func (a asked) Consume(ctx context.Context, tx mysqldb.Tx, w *version.Writing, entries []capture.Entry) error {
	return (*a.source).Consume(ctx, tx, w, entries)
}

// Stopped returns the Source of a stopped node: it tells which writes wait, and nothing consumes them.
func Stopped(db *mysqldb.DB) capture.Source { return trigger.New(zap.NewNop(), db, trigger.Config{}) }

// Standing returns the sorted names of the triggers that Sources have left in the database, and of any others that begin
// with mysqlSync.
func Standing(ctx context.Context, db *mysqldb.DB) ([]string, error) {
	return trigger.Standing(ctx, db)
}

// Uninstall removes what Standing names. If it returns an error, some are left, and the node's own tables must stay: users'
// writes would fail without them. Promise 7.
func Uninstall(ctx context.Context, db *mysqldb.DB) error {
	return trigger.Uninstall(ctx, zap.NewNop(), db)
}

// Unfollowed returns the foreign keys, as table.name, whose cascades from the tables would not be noticed. keys has all
// foreign keys of the schema.
func Unfollowed(db *mysqldb.DB, tables []*schema.Table, keys []schema.ForeignKey) []string {
	return trigger.Unfollowed(db, tables, keys)
}

// Bearing returns those of the keys by which the server itself can change rows of tables in the schema own. The node's user
// needs more privileges for them.
func Bearing(own string, tables []*schema.Table, keys []schema.ForeignKey) []schema.ForeignKey {
	return trigger.Bearing(own, tables, keys)
}
