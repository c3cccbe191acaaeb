package route

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Database is what a router works on: a server or, in the simulation, memory. Either way it queries, decides and writes
// the same, in the same order.
type Database interface {
	Memory
	Jobs
	// Write runs a transaction that decides about rows, as version.Stream.Write does; In runs one that does not.
	Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error
	In(ctx context.Context, f func(Tx) error) error
	// Token returns a number from the stream's sequence that is greater than all before.
	Token() int64
	// Visible returns a number of that sequence: the transactions that took one up to it, or were held there, have ended.
	Visible(ctx context.Context) (int64, error)
	// Fit returns an error if a table lacks what it is routed by, or cannot be read.
	Fit(ctx context.Context, table string) error
	// Where returns the SQL condition of rows that match any rule; each rule has a list of values.
	Where(ctx context.Context, table string, values [][]string) (string, error)
}

// Memory is what a router remembers across restarts.
type Memory interface {
	// Labels returns all labels by number, as given to Label, which assigns a number to a new one, outside of any
	// transaction.
	Labels(ctx context.Context) (map[uint32]Text, error)
	Label(ctx context.Context, l Text) (uint32, error)
	// Routes returns the routes by which tables are labelled. Begin records that a table is to be labelled by another one,
	// from its first row, and what remotes had by those before; Had, that they had more; Again, that it is to be relabelled; Unrouted,
	// that it has no route.
	Routes(ctx context.Context) (map[string]Labelled, error)
	Begin(ctx context.Context, table, route string, had []byte) error
	Had(ctx context.Context, table string, had []byte) error
	Again(ctx context.Context, table string) error
	Unrouted(ctx context.Context, table string) error
	// Kept returns the last copy of a lookup table, Look its current contents.
	Kept(ctx context.Context, l config.RouteLookup) (map[string][]string, error)
	Look(ctx context.Context, l config.RouteLookup) (map[string][]string, error)
}

// Text is a label as it is stored: its root table, and its values as JSON.
type Text struct{ Root, Values string }

// Labelled is how far the rows of a table are labelled by a route.
type Labelled struct {
	Route    string
	Begun    bool // some rows are
	Finished bool
	Had      []byte // what Begin recorded, as JSON; nil once it is finished
}

// Jobs is work on rows that is done in chunks.
type Jobs interface {
	// Unlabelled returns the next rows of a table that are not yet labelled by its route.
	Unlabelled(ctx context.Context, table string, limit int) ([]change.Row, error)
	// Sent returns the remotes that were ever sent a table as a whole; Request sends it to those that may lack rows.
	Sent(ctx context.Context, table string) ([]string, error)
	Request(ctx context.Context, remotes []string, table string) error
	// Moved returns the first rows whose children are to follow; Followed records that some rows' children have. Referring
	// returns a child table's rows that refer to some rows of a table: those after a key in key order, if that is one row.
	Moved(ctx context.Context, limit int) ([]Moved, error)
	Followed(ctx context.Context, list []Moved) error
	Referring(ctx context.Context, parents []change.Row, child, after string, limit int) ([]change.Row, error)
	// Reroutings returns the first jobs after one for rows that remotes win or lose. Queued counts the marked rows of a remote, up to a number.
	Reroutings(ctx context.Context, after uint64, limit int) ([]Rerouting, error)
	Queued(ctx context.Context, remote string, most int) (int, error)
	// Versions returns the next rows of a table that have versions, in the order of their IDs.
	Versions(ctx context.Context, table string, after []byte, limit int) ([]change.Row, error)
}

// Moved is a row whose children are to follow it.
type Moved struct {
	change.Row
	ID uint64 // a row that moves again gets a new one
}

// Rerouting is a job that marks rows of a table for the remotes that win or lose them.
type Rerouting struct {
	ID      uint64
	Table   string
	Changed []byte // what is marked for whom, as JSON
	Last    []byte // ID of the last row examined
	Marked  int64
}

// Tx is a transaction.
type Tx interface {
	States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error)
	Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error)
	// Labels returns the labels by which rows were last routed; 0 if they never were.
	Labels(ctx context.Context, rows []change.Row) (map[change.Row]uint32, error)
	// Values returns the current routing values of existing rows, by key; nil is NULL.
	Values(ctx context.Context, table string, keys []string) (map[string][]*string, error)
	// Parents returns the rows that existing rows of a table refer to by the foreign key that they follow, by their keys;
	// the zero Row is none.
	Parents(ctx context.Context, table string, keys []string) (map[string]change.Row, error)
	// Marked returns the rows that are marked for a remote, each with whether its mark says that the remote lost it; Mark marks
	// rows, and MarkLost such as it lost.
	Marked(ctx context.Context, remote, table string, rows []change.Row) (map[change.Row]bool, error)
	Mark(ctx context.Context, rows []change.Row, remote string) error
	MarkLost(ctx context.Context, rows []change.Row, remote string) error
	// Write writes versions; Relabel gives rows that have some a label; Move records rows whose children are to follow.
	Write(ctx context.Context, entries []version.Entry) error
	Relabel(ctx context.Context, rows []change.Row, label uint32) error
	Move(ctx context.Context, rows []change.Row) error
	// Reached records how far a table is labelled; Finish, that all of it is.
	Reached(ctx context.Context, table, key string) error
	Finish(ctx context.Context, table string) error
	// Keep stores a copy of a lookup table.
	Keep(ctx context.Context, l config.RouteLookup, m map[string][]string) error
	// Rerouting reports whether there is a job for a table; Reroute adds one, with a new ID, or replaces that with the same; Rerouted records its progress, or that it is done.
	Rerouting(ctx context.Context, table string) (bool, error)
	Reroute(ctx context.Context, j *Rerouting) error
	Rerouted(ctx context.Context, j *Rerouting, end bool) error
}
