package apply

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Database is where changes are applied: a server or, in simulations of many nodes, memory. Queries, decisions and
// writes are the same for both, and in the same order.
type Database interface {
	Table(ctx context.Context, name string) (*schema.Table, error)
	// Forget makes Table read a table's definition again.
	Forget(table string)
	// Identify gives rows the IDs that all their spellings share.
	Identify(ctx context.Context, rows []change.Row) error
	Locks() Locks
	// Write runs a transaction that decides about rows; see version.Stream.Write.
	Write(ctx context.Context, rows []change.Row, f func(Tx, *version.Writing) error) error
}

// Locks says how a server treats others' locks.
type Locks struct {
	Told  bool // it says at once which row is locked
	Waits bool // it nevertheless waits for some locks, such as those of gaps between rows
}

// Tx is a transaction. If a method meets someone's lock, it returns an error for which mysqldb.LockTimeout is true, unless
// it is documented to wait.
type Tx interface {
	Looker
	Locker
	Writer
	Finder
	Recorder
}

// Looker reads what the node has of rows.
type Looker interface {
	// Expect says which rows the next Lock is about, and that their States and what is Uncaptured of them will be asked next:
	// they may be asked in the same statement, once the rows are locked. New means that probably none of them exists.
	Expect(t *schema.Table, rows []change.Row, new bool)
	// Lock locks the existing rows of a table, waiting for others' locks only if wait is set. It returns them by the keys
	// that they have here, with their values if whole is set.
	Lock(ctx context.Context, t *schema.Table, keys []string, whole, wait bool) (map[string]*Local, error)
	// Wanted returns, for the keys of found rows, which of the requested rows they are.
	Wanted(ctx context.Context, t *schema.Table, rows []change.Row, found []string) (map[string]change.Row, error)
	States(ctx context.Context, rows []change.Row) (map[change.Row]change.State, error)
	Fates(ctx context.Context, rows []change.Row) (map[change.Row]version.Fate, error)
	// Tokens returns, for each row, the token of the last word about whether this node has it.
	Tokens(ctx context.Context, rows []change.Row) (map[change.Row]int64, error)
	// Keys returns the keys under which rows were last recorded.
	Keys(ctx context.Context, rows []change.Row) (map[change.Row]string, error)
	// Uncaptured returns the rows' local changes that are not captured yet, by the keys under which they were recorded.
	Uncaptured(ctx context.Context, table string, keys []string) (map[string][]capture.Entry, error)
	// Values returns existing rows' values in columns, by their keys; nil columns are all columns.
	Values(ctx context.Context, t *schema.Table, columns, keys []string) (map[string][][]byte, error)
	// NotTheirs returns the rows that the routes do not give to a client.
	NotTheirs(ctx context.Context, client, table string, rows []change.Row) (map[change.Row]bool, error)
	// Unacked returns the IDs of the rows for which a client has not acked everything it was due.
	Unacked(ctx context.Context, client string, rows []change.Row) (map[string]bool, error)
}

// Locker locks whatever a server might otherwise wait for while it writes.
type Locker interface {
	// LockEntries locks the rows' entries in the indexes of their table.
	LockEntries(ctx context.Context, t *schema.Table, keys []string) error
	// Probe locks the rows that have the given values, as an insert that meets them would.
	Probe(ctx context.Context, p Place, values []Tuple) error
}

// Writer writes rows of a table silently: the triggers do not record the writes.
type Writer interface {
	// Late has the Insert that follows go with the COMMIT: it may be that only this returns its error. It returns false if that is not
	// possible.
	Late() bool
	Delete(ctx context.Context, t *schema.Table, steps []*Step) error
	Insert(ctx context.Context, t *schema.Table, steps []*Step) error
	Update(ctx context.Context, t *schema.Table, steps []*Step) error
	// Unchecked runs f with foreign keys neither checked nor acting.
	Unchecked(ctx context.Context, f func() error) error
	// MoveAside makes a row give up its values of a unique key, and returns false if it has no others to take.
	MoveAside(ctx context.Context, t *schema.Table, s *Step, unique []string) (bool, error)
	// AsUser makes the triggers record what Point and Remove do.
	AsUser(ctx context.Context) error
	// Point gives rows other values in the columns by which they were found.
	Point(ctx context.Context, f Found, to Tuple) error
	Remove(ctx context.Context, f Found) error
}

// Finder finds rows by their values.
type Finder interface {
	// Referred reports whether any row refers by a foreign key to one of a table's rows that are about to be deleted.
	Referred(ctx context.Context, t *schema.Table, f schema.ForeignKey, keys []string) (bool, error)
	// Hold returns which values exist, and keeps their rows from being deleted before the transaction ends.
	Hold(ctx context.Context, p Place, values []Tuple) ([]bool, error)
	// Holders returns the keys of a table's rows that have the values, by index in values.
	Holders(ctx context.Context, t *schema.Table, p Place, values []Tuple) (map[int]string, error)
	// Orphans returns some of the rows that have the values but refer to no row in p.Of, by index in values. If child is
	// nil, because the table is not known here, the keys are empty.
	Orphans(ctx context.Context, p Place, refColumns []string, child *schema.Table, values []Tuple) (map[int][]change.Row, error)
	Any(ctx context.Context, f Found) (bool, error)
	// Take locks rows and returns them with all their values.
	Take(ctx context.Context, f Found) ([]change.Row, [][][]byte, error)
}

// Recorder records what was decided.
type Recorder interface {
	Keep(ctx context.Context, entries []losers.Entry) error
	Record(ctx context.Context, w *version.Writing, entries []version.Entry) error
	// Leave has rows of a routed table leave this node's own remotes, and returns those that some still have.
	Leave(ctx context.Context, w *version.Writing, table string, rows []change.Row) (map[change.Row]bool, error)
	// Respelled handles, before rows are recorded, those that had another spelling; before has what is known of these.
	Respelled(ctx context.Context, before, rows []change.Row) error
	// Consume removes local changes that no longer need to be captured.
	Consume(ctx context.Context, w *version.Writing, entries []capture.Entry) error
	// Mark records that a remote needs rows.
	Mark(ctx context.Context, rows []change.Row, remote string) error
}

// Place is where to look for values: columns of a table that may be in another schema. They have the types of the columns
// Types of the known table Of.
type Place struct {
	Schema, Table string // an empty schema is the node's own
	Columns       []string
	Of            *schema.Table
	Types         []string
}

// Found is the rows that have a value in a place, except some.
type Found struct {
	Place
	Value  Tuple
	Child  *schema.Table // the place's table, if known here
	Except []string      // keys
}

// parentsOf is where to find the rows that a table refers to by a foreign key.
func parentsOf(t *schema.Table, f schema.ForeignKey) Place {
	return Place{f.RefSchema, f.RefTable, f.RefColumns, t, f.Columns}
}

// childrenOf is where to find the rows that refer to a table by a foreign key.
func childrenOf(t *schema.Table, f schema.ForeignKey) Place {
	return Place{f.Schema, f.Table, f.Columns, t, f.RefColumns}
}

// within is columns of a table itself.
func within(t *schema.Table, columns []string) Place {
	return Place{"", t.Name, columns, t, columns}
}
