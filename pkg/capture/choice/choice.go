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

// Chosen returns the Source of a running node, as its configuration says. With auto, why the log is not read is logged, and the
// Source tells it. c needs only what the configuration does not have.
func Chosen(ctx context.Context, logger *zap.Logger, db *mysqldb.DB, cfg *config.Config, c Config) (capture.Source, error) {
	c.Syncs, c.Interval, c.Details, c.Counters = cfg.Syncs, cfg.CheckInterval, cfg.Merges, cfg.Counts
	server := &cfg.MySQL
	switch cfg.Capture {
	case config.CaptureLog:
	case config.CaptureAuto:
		needs, err := log.Needs(ctx, db, cfg.MySQL)
		if err != nil {
			return nil, err
		}
		for _, n := range needs {
			if n.Must {
				c.Instead = append(c.Instead, n.About+": "+n.What)
			}
		}
		if len(c.Instead) == 0 {
			break
		}
		logger.Warn("triggers capture local writes, since the server's log cannot be read; mysql-sync check says what to do", zap.Strings("reasons", c.Instead))
		server = nil
	default:
		server = nil
	}
	return Source(logger, db, c, server), nil
}

// Need is what the log needs and does not have.
type Need = log.Need

// LogNeeds returns what the server lacks for its log to be read with the login.
func LogNeeds(ctx context.Context, db *mysqldb.DB, login config.MySQL) ([]Need, error) {
	return log.Needs(ctx, db, login)
}

// Source returns the Source of a running node. With server, the server's log is read; nil: triggers notice the writes.
func Source(logger *zap.Logger, db *mysqldb.DB, c Config, server *config.MySQL) capture.Source {
	if server == nil {
		return trigger.New(logger, db, c)
	}
	cascades := c
	cascades.NoRows, cascades.NoCascades = true, db.LogsCascades
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
