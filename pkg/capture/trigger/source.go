package trigger

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Config says which entries count, and how often to poll.
type Config struct {
	Syncs    func(string) bool // whether a table is in syncTables
	Interval time.Duration     // between two polls when there is nothing to do
	// Details reports whether a table's triggers record which columns an update changed; nil: none do.
	Details func(table string) bool
	// Counters returns a table's counters, whose values its triggers record; nil: no table has any.
	Counters func(table string) []string
	// Credited returns the origin to which an increment made at a time is credited, by the database server's clock, in µs since
	// 1970; nil: that of all writes.
	Credited func(at int64) string
	// NoRows means that another Source notices what statements do to rows, and NoCascades that it notices what foreign keys do:
	// there are no triggers for it.
	NoRows, NoCascades bool
	// Instead says why the server's log is not read, if it would be.
	Instead []string
	// Asked tells which writes wait; nil: this Source does. Another one that uses this one knows more.
	Asked capture.Asked
	// Lost is called when rows of a table are gone that may not have been deleted. It must not block, and may be nil.
	Lost func(table string, at time.Time)
}

// Source yields what the triggers have recorded.
type Source struct {
	Config
	log   *zap.Logger
	db    *mysqldb.DB
	floor floor
	pace  pace
	anew  atomic.Bool // table_changes was recreated: its ids start anew
	told
}

// rowTriggers returns a table's triggers on a server; see leftOut.
func (c Config) rowTriggers(t *schema.Table, mariaDB bool) []trigger {
	if c.NoRows {
		return nil
	}
	return rowTriggers(t, c.Details != nil && c.Details(t.Name), c.countersOf(t.Name), mariaDB)
}

// countersOf returns a table's counters.
func (c Config) countersOf(table string) []string {
	if c.Counters == nil {
		return nil
	}
	return c.Counters(table)
}

// lose reports that rows of a table are gone that may not have been deleted.
func (s *Source) lose(table string) {
	if s.Lost != nil {
		s.Lost(table, time.Now())
	}
}

var _ capture.Source = (*Source)(nil)

// New returns a database's Source.
func New(log *zap.Logger, db *mysqldb.DB, c Config) *Source {
	return &Source{Config: c, log: log, db: db, floor: newFloor()}
}

// Count implements capture.Source.
func (s *Source) Count(ctx context.Context, most int) (n int64, err error) {
	if err := s.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM table_changes LIMIT ?) some`, most); err != nil {
		return 0, fmt.Errorf("count what is not captured: %w", err)
	}
	return n, nil
}

// asked is who tells which writes wait.
func (s *Source) asked() capture.Asked {
	if s.Asked != nil {
		return s.Asked
	}
	return s
}
