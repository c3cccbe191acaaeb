package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Marker records, in a transaction, what remotes need: the outbox.
type Marker interface {
	// Mark records that one remote needs rows.
	Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error
	// Respelled handles, before rows are recorded, those that had another spelling; before has what is known of these.
	Respelled(ctx context.Context, tx mysqldb.Tx, before, rows []change.Row, remotes []string) error
}

// Routes say which clients have which rows; see route.Router.
type Routes interface {
	// Record writes versions, and records whose rows change.
	Record(ctx context.Context, tx mysqldb.Tx, w *version.Writing, entries []version.Entry) error
	// Routed reports whether this node decides who has which rows of a table.
	Routed(table string) bool
	// All reports whether a client gets all rows of a table: of a routed one, it alone may take rows away from this node.
	All(client, table string) bool
	// Leave has rows that are taken away from this node leave its own remotes first, and returns those that some still have.
	Leave(ctx context.Context, tx mysqldb.Tx, w *version.Writing, table string, rows []change.Row) (map[change.Row]bool, error)
	// NotTheirs returns those of the rows of a table that a client does not have.
	NotTheirs(ctx context.Context, db mysqldb.Queryer, client, table string, rows []change.Row) (map[change.Row]bool, error)
}

// Config says to whom applied changes are passed on.
type Config struct {
	Origin   string // of writes made here
	Remotes  []string
	Former   []string          // removed remotes, which get what they lack if they come back
	Syncs    func(string) bool // whether a table is in syncTables
	Receives func(string) bool // whether a table is in receiveTables
	OnNews   func()            // called after a commit of rows that remotes need; must not block

	Routes Routes // nil: all have all rows
	// WriteAny lets clients change rows that the routes do not give them. Rows that they overwrite unseen are kept.
	WriteAny bool

	Policies map[string]conflict.Policy // by table; the default is lastWriteWins
	Resolver Resolver                   // of the tables with the policy script

	// Freed is called with a row that was refused because it had to wait, and is now written or known, and with the client
	// that sent it; may be nil. It must not block.
	Freed func(from string, row change.Row)

	// Lossy reports whether a column may store a value other than the one received; nil: none may.
	Lossy func(table, column string) bool
	// Doubtful reports whether rows of a table may have been written without a version; nil: none. Rows overwritten there
	// are kept, even if the change knows their versions.
	Doubtful func(table string) bool
	Along
}

// Along says what a change takes along.
type Along struct {
	Cascade bool // a delete also deletes rows that refer to the row and that its origin did not know
	// TakesAlong reports whether Cascade covers a table; nil: all. A table in another database is prefixed with its name.
	TakesAlong func(table string) bool
	// MayTake reports whether a client's change to a row may delete rows of a table that refer to it, or write the given
	// columns of them; nil: yes. Columns are nil for a delete.
	MayTake func(client, table string, columns []string) bool
}

// Applier applies changes. Its methods are safe for concurrent use.
type Applier struct {
	Config
	counts counts
	alterations
	lies   lies
	late   lateness
	broken broken
	room   room
	now    func() time.Time
	wall   func() int64
	log    *zap.Logger
	db     Database
}

// New returns an Applier. It must have the pool db to itself: its sessions silence the triggers, so no other statement
// may run in them.
func New(log *zap.Logger, db *mysqldb.DB, ts *schema.Tables, m Marker, source capture.Asked, s *version.Stream, c Config) *Applier {
	wall := func() int64 { return change.Micros(time.Now()) }
	return On(log, &server{Tables: ts, db: db, marker: m, source: source, stream: s, remotes: c.Remotes, routes: c.Routes}, time.Now, wall, c)
}

// On returns an Applier for a Database other than a server's. It measures durations with now, a monotonic clock;
// wall returns the time in µs since 1970, and dates versions.
func On(log *zap.Logger, db Database, now func() time.Time, wall func() int64, c Config) *Applier {
	return &Applier{Config: c, now: now, wall: wall, log: log, db: db}
}

// Result is the outcome of one change. A nil Err means that the node holds the change or a later version for good: the
// transaction is committed.
type Result struct {
	Err   error
	Retry bool // the change may go through later by itself; a *Wait says what it waits for
	Wrote bool // the row was written: the change was neither known nor outdated
	// Untried means that nothing is known about the change because time ran out: submit it again.
	Untried bool
	// Held is the time of a later write by the origin that counts as known here, if the change was not written, for
	// that or another reason; 0: none. An origin that never made such a write must learn of it, or its further writes
	// would also count as known. A sender that only passes the change on gets a time after the change's, no later than
	// the write's.
	Held int64
}

// task is a change on its way through apply, and its outcome.
type task struct {
	in     *Incoming
	res    *Result
	needed []change.Row // if it waited: what it still needed
	since  time.Time    // if it waited: since when
	exists bool         // its row existed when last looked up
	left   bool         // left out of a transaction; see present

	patience *patience // its call's
}

// Apply applies the changes and returns the outcome of each. An error means that the database could not be reached and
// that nothing is known about the changes with an empty Result: repeat the whole call, which does no harm.
//
// Remembered changes that waited for one of these are applied as well, and changes set aside are retried; Due says when
// to call again for the rest.
func (a *Applier) Apply(ctx context.Context, changes []Incoming) ([]Result, error) {
	return a.apply(ctx, changes, nil)
}

// ApplyFor is Apply with a time limit: once it has passed, and some changes were refused, the others are returned
// untried. 0 means to write them in as few transactions as possible, or not at all.
func (a *Applier) ApplyFor(ctx context.Context, changes []Incoming, d time.Duration) ([]Result, error) {
	return a.apply(ctx, changes, a.newPatience(d))
}

func (a *Applier) apply(ctx context.Context, changes []Incoming, p *patience) ([]Result, error) {
	results := make([]Result, len(changes))
	if err := a.identify(ctx, changes); err != nil {
		return results, err
	}
	for _, round := range rounds(changes, results) {
		for _, t := range round {
			t.patience = p
		}
		for part := range portions(a.room.pass(a.now(), round)) {
			m := plain
			if a.room.meets(a.now(), part) {
				m = skipping
			}
			if err := a.split(ctx, part, m, strain{}); err != nil {
				return results, err
			}
			part = slices.DeleteFunc(slices.Clone(part), func(t *task) bool { return t.res.Untried })
			if err := a.note(ctx, part); err != nil {
				return results, err
			}
		}
	}
	done, err := a.follow(ctx)
	a.tellFreed(late(changes, results, done))
	return results, err
}

// late fills in the results of changes that waited only for others of the same call, and returns the rest of those done.
func late(changes []Incoming, results []Result, done []*task) []*task {
	if len(done) == 0 {
		return nil
	}
	at := make(map[change.Row]*task, len(done))
	for _, t := range done {
		at[t.in.Identity()] = t
	}
	for i := range changes {
		if t := at[changes[i].Identity()]; t != nil && results[i].Retry && t.in.Version == changes[i].Version {
			results[i] = *t.res
			delete(at, changes[i].Identity())
		}
	}
	return slices.DeleteFunc(done, func(t *task) bool { return at[t.in.Identity()] != t })
}

// tellFreed reports that changes once refused because they had to wait are now done.
func (a *Applier) tellFreed(done []*task) {
	if a.Freed == nil {
		return
	}
	for _, t := range done {
		a.Freed(t.in.From, t.in.Row)
	}
}

// followTime is how long one call of follow may take: new arrivals wait for it.
const followTime = 100 * time.Millisecond

// follow applies changes that no longer have to wait, changes that wait for each other, and set-aside changes that are
// due, until none are left or time is up; Due then says that there are more. It returns the changes done.
func (a *Applier) follow(ctx context.Context) (done []*task, err error) {
	for begun := a.now(); a.now().Sub(begun) < followTime; {
		tasks, ring := a.room.next()
		again := len(tasks) > 0
		if again {
			try := a.split
			if ring {
				try = a.ring
			}
			if err := try(ctx, tasks, plain, strain{}); err != nil {
				if ctx.Err() != nil || mysqldb.Transient(err) {
					a.room.back(a.now(), tasks)
					return done, err
				}
				a.broken.tell(a.log, a.now(), tasks, err)
				continue // a ring that cannot be applied is forgotten: each of its rows is sent again
			}
			err = a.note(ctx, tasks)
		} else {
			tasks, err = a.tryAside(ctx)
			again = len(tasks) > 0
		}
		if err != nil || !again {
			return done, err
		}
		for _, t := range tasks {
			if t.res.Err == nil {
				done = append(done, t)
			}
		}
	}
	return done, nil
}

// tryAside retries one table's set-aside changes, if any are due, and returns them.
func (a *Applier) tryAside(ctx context.Context) ([]*task, error) {
	begun := a.now()
	t := a.room.due(begun)
	if len(t.tasks) == 0 {
		return nil, nil
	}
	m := skipping
	if t.hot {
		m = waiting
	}
	st := strain{}
	if err := a.split(ctx, t.tasks, m, st); err != nil {
		a.room.back(a.now(), t.tasks)
		return nil, err
	}
	if err := a.note(ctx, t.tasks); err != nil {
		return nil, err
	}
	a.tell(a.room.tried(begun, a.now(), t, st.waited(t.table)))
	return t.tasks, nil
}

// identify makes all spellings of a row count as that row.
func (a *Applier) identify(ctx context.Context, changes []Incoming) error {
	rows := make([]change.Row, len(changes))
	for i := range changes {
		rows[i] = changes[i].Row
	}
	err := a.db.Identify(ctx, rows)
	for i := range changes {
		changes[i].Row = rows[i]
	}
	return err
}

// note remembers the waiting tasks. It identifies the rows that they need, which may arrive in another spelling.
func (a *Applier) note(ctx context.Context, tasks []*task) error {
	for _, t := range tasks {
		var w *Wait
		if !errors.As(t.res.Err, &w) {
			continue
		}
		for i, n := range w.needs {
			if n.Key == "" {
				continue // any row of its table
			}
			if err := a.db.Identify(ctx, w.needs[i:i+1]); err != nil {
				return err
			}
		}
	}
	a.room.note(a.now(), tasks)
	return nil
}

// mostOfRow is how many changes to one row are applied at once: each takes a transaction. Batches have one per row.
const mostOfRow = 16

var errOften = fmt.Errorf("the row changes more than %d times at once; the rest is retried later", mostOfRow)

// rounds groups the changes so that each group has a row at most once: several changes to one row are applied one after
// the other. If they came in batches, those beyond a limit must be sent again.
func rounds(changes []Incoming, results []Result) [][]*task {
	var list [][]*task
	seen := make(map[change.Row]int, len(changes))
	tasks := make([]task, len(changes))
	for i := range changes {
		row := changes[i].Identity()
		n := seen[row]
		if n >= mostOfRow && !changes[i].Dated {
			results[i] = Result{Err: errOften, Retry: true}
			continue
		}
		seen[row] = n + 1
		if n == len(list) {
			list = append(list, nil)
		}
		tasks[i] = task{in: &changes[i], res: &results[i]}
		list[n] = append(list[n], &tasks[i])
	}
	return list
}
