package capture

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Armed is a Source from the point of view of the node that makes it notice writes. Keys are always those of
// schema.Ancestry.
type Armed interface {
	// Unseen returns the tables that may have been written unnoticed since a node last looked. For a table that was
	// never captured, nothing can have been missed. It is called before Arm, at each start.
	Unseen(ctx context.Context, tables []*schema.Table, keys []schema.ForeignKey) ([]Unseen, error)
	// Forget drops a table's waiting writes: they no longer name rows of it.
	Forget(ctx context.Context, table string) error
	// Arm makes the Source notice writes to these tables, and no others, from now on. A table for which that fails does
	// not affect the others; the error names all that failed. A table that someone holds is no error: Watch takes care of
	// it.
	Arm(ctx context.Context, tables []*schema.Table, keys []schema.ForeignKey) error
	// Watch watches the tables themselves until ctx ends: columns are added and dropped, a rename swaps tables, someone
	// removes what the Source needs. It restores what the Source needs, and drops changed definitions from the cache.
	Watch(ctx context.Context, ts *schema.Tables, c WatchConfig) error
	Told
}

// Told is what others may know about how the tables are captured. It may be called from any goroutine.
type Told interface {
	// How returns how writes are noticed.
	How() How
	// Trouble returns why the tables cannot be checked, or nil. Until it is nil, writes may be missed.
	Trouble() error
	// Denied returns the foreign keys to parents in other schemas whose cascades are not captured.
	Denied() []Denied
	// Uncaptured returns the synced tables whose writes are not noticed because someone holds them or a parent.
	Uncaptured() []string
	// Captures reports whether a table is not among these.
	Captures(table string) bool
}

// How is how writes are noticed, for people.
type How struct {
	By      string   // config.CaptureTrigger or CaptureLog
	Instead []string // why it is not the log, if it would be: what the server lacks, in words
}

// WatchConfig says which tables to watch, and what to report to whom.
type WatchConfig struct {
	Synced   []string      // tables whose writes are captured
	Received []string      // tables that are written to, which may be synced too
	Interval time.Duration // between two checks; zero: the Source decides
	// Altered has a value when a definition may have changed: the next check then comes within a second. nil: nothing tells.
	Altered <-chan struct{}
	// Missed records that writes to a synced table may not have been captured. It is called before they are captured
	// again, so that a kill does not lose that, and once more afterwards: the first call's effect may have come too early.
	Missed func(ctx context.Context, table string) error
	// Changed is called when a table has a different definition, or exists again.
	Changed func(ctx context.Context, table string)
}

// Unseen is a table that may have been written without being captured while no node was running.
type Unseen struct {
	Table  string
	Reason string
	Since  time.Time // when its writes were last known to be captured; zero if unknown
	// Rekeyed means that the table's primary key has changed: its waiting writes name no rows of it.
	Rekeyed bool
	// Altered means that nothing but the table's columns has changed: a Source that knows its writes by the order of columns has to know of it.
	Altered bool
}

// Denied is a foreign key to a parent in another schema, or below one, whose cascades are not captured because the node's
// user lacks a privilege.
type Denied struct {
	ForeignKey string // table.name
	Parent     string // schema.table
	Grant      string // the statement that grants it, without the user
}
