package route

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Database is where a router works: on a server or, where many nodes are simulated, in memory. What is queried, decided
// and written, and in which order, is the same.
type Database interface {
	Memory
	Jobs
	// Write runs a transaction that decides about rows, as version.Stream.Write does; In runs one that does not.
	Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error
	In(ctx context.Context, f func(Tx) error) error
	// Token returns a number of the stream's sequence that is greater than all before.
	Token() int64
	// Fit returns an error if a table lacks what it is routed by, or cannot be read.
	Fit(ctx context.Context, table string) error
	// Where returns the SQL condition of rows that have one of some values by a rule, one list for each rule.
	Where(ctx context.Context, table string, values [][]string) (string, error)
}

// Memory is what a router remembers over a restart.
type Memory interface {
	// Labels returns all labels, by their numbers, as Label was given them; that gives a new one a number, outside of any
	// transaction.
	Labels(ctx context.Context) (map[uint32]Text, error)
	Label(ctx context.Context, l Text) (uint32, error)
	// Routes returns by which routes tables are labelled. Begin records that one is to be labelled by another, from its
	// beginning; Again that it is to be labelled once more; Unrouted that it has no route.
	Routes(ctx context.Context) (map[string]Labelled, error)
	Begin(ctx context.Context, table, route string) error
	Again(ctx context.Context, table string) error
	Unrouted(ctx context.Context, table string) error
	// Kept returns a lookup table as it was last taken over, Look as it is now.
	Kept(ctx context.Context, l config.RouteLookup) (map[string][]string, error)
	Look(ctx context.Context, l config.RouteLookup) (map[string][]string, error)
}

// Text is a label as it is stored: its root table, and its values as JSON.
type Text struct{ Root, Values string }

// Labelled is how far the rows of a table are labelled by a route.
type Labelled struct {
	Route    string
	Finished bool
}

// Jobs is what is to be done about rows, in chunks.
type Jobs interface {
	// Unlabelled returns the next rows of a table that have not been labelled by its route.
	Unlabelled(ctx context.Context, table string, limit int) ([]change.Row, error)
	// Sent returns the remotes that were ever sent a table as a whole; Request has it sent to some that may lack rows.
	Sent(ctx context.Context, table string) ([]string, error)
	Request(ctx context.Context, remotes []string, table string) error
	// Moved returns the first rows whose children are to follow; Followed records that those of one have. Referring
	// returns the rows of a child's table that refer to a row, after a key, in the order of their keys.
	Moved(ctx context.Context, limit int) ([]Moved, error)
	Followed(ctx context.Context, m Moved) error
	Referring(ctx context.Context, parent change.Row, child, after string, limit int) ([]change.Row, error)
	// Rerouting returns the first job of rows that remotes have won or lost; nil if there is none. Full reports whether
	// no more rows are to be marked for a remote now.
	Rerouting(ctx context.Context) (*Rerouting, error)
	Full(ctx context.Context, remote string) (bool, error)
	// Versions returns the next rows of a table of which versions are known, in the order of their IDs.
	Versions(ctx context.Context, table string, after []byte, limit int) ([]change.Row, error)
}

// Moved is a row whose children are to follow it.
type Moved struct {
	change.Row
	ID uint64 // a row that moves again gets another
}

// Rerouting is a job that marks rows of a table for remotes that have won or lost them.
type Rerouting struct {
	ID      uint64
	Table   string
	Changed []byte // what is marked for whom, as JSON
	Last    []byte // ID of the last row that was looked at
	Marked  int64
}

// Tx is a transaction.
type Tx interface {
	States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error)
	// Labels returns the labels by which rows were last routed; 0 where they were not.
	Labels(ctx context.Context, rows []change.Row) (map[change.Row]uint32, error)
	// Values returns the values by which existing rows of a table are routed now, by key; nil is NULL.
	Values(ctx context.Context, table string, keys []string) (map[string][]*string, error)
	// Marked returns those of the rows that are marked for a remote, Mark marks some.
	Marked(ctx context.Context, remote, table string, rows []change.Row) (map[change.Row]bool, error)
	Mark(ctx context.Context, rows []change.Row, remote string) error
	// Write writes versions; Move records rows whose children are to follow.
	Write(ctx context.Context, entries []version.Entry) error
	Move(ctx context.Context, rows []change.Row) error
	// Reached records how far a table is labelled, Finish that all of it is.
	Reached(ctx context.Context, table, key string) error
	Finish(ctx context.Context, table string) error
	// Keep stores a lookup table as it is taken over.
	Keep(ctx context.Context, l config.RouteLookup, m map[string][]string) error
	// Reroute begins a job; Rerouted records how far it is, or that it has ended.
	Reroute(ctx context.Context, table string, changed []byte) error
	Rerouted(ctx context.Context, j *Rerouting, end bool) error
}
