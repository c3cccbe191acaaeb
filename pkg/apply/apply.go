package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Marker records in a transaction what remotes need: the outbox.
type Marker interface {
	// Mark records that one remote needs rows.
	Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error
	// Respelled is told of rows that have another spelling now.
	Respelled(ctx context.Context, tx mysqldb.Tx, before []change.Row, remotes []string) error
}

// Config says to whom applied changes are passed on.
type Config struct {
	Origin   string // of the writes that were made here
	Remotes  []string
	Syncs    func(string) bool // whether a table is in syncTables
	Receives func(string) bool // whether a table is in receiveTables
	OnNews   func()            // called after a commit of rows that remotes need; must not block

	Policies map[string]conflict.Policy // by table; one that is missing is lastWriteWins
	Resolver Resolver                   // of the tables with the policy script

	// Freed is told of rows that had to wait, and so were refused, and are written now, or
	// known, with the client that sent them; nil: nobody is. It must not block.
	Freed func(from string, row change.Row)

	// Lossy says whether a column may store another value than the one that came;
	// nil is none.
	Lossy func(table, column string) bool
	// Doubtful says whether rows of a table may have been written without a version; nil
	// is none. What a change writes over there is kept, also where the change knows its
	// version.
	Doubtful func(table string) bool
	Cascade  bool // a delete takes along what refers to the row and was not known to its origin
	// TakesAlong says of which tables it does; nil is all. One in another database has that before its name.
	TakesAlong func(table string) bool
	// MayTake says whether a client may have rows of a table deleted, or such columns of them written, by its change of a row that they
	// refer to; nil is yes. Columns are nil for a delete.
	MayTake func(client, table string, columns []string) bool
}

// Applier applies changes. Its methods are safe for concurrent use.
type Applier struct {
	Config
	counts counts
	alterations
	lies   lies
	broken broken
	room   room
	now    func() time.Time
	log    *zap.Logger
	db     *mysqldb.DB
	tables *schema.Tables
	marker Marker
	stream *version.Stream
}

// New returns an Applier. The pool db must be its own: the applier's sessions
// tell the triggers to be silent, and no other statement may run in them.
func New(log *zap.Logger, db *mysqldb.DB, ts *schema.Tables, m Marker, s *version.Stream, c Config) *Applier {
	return &Applier{Config: c, now: time.Now, log: log, db: db, tables: ts, marker: m, stream: s}
}

// Result is what became of one change. A nil Err means that the node holds the
// change or a later version, for good: the transaction is committed.
type Result struct {
	Err   error
	Retry bool // the change may go through later without anybody's doing; a *Wait says what it waits for
	Wrote bool // the row was written: it was neither known nor outdated
	// Untried says that nothing is known of the change, since patience was over: it is to be handed in again.
	Untried bool
	// Held is the time of a later write of the origin's that counts as known here, where
	// the change was not written for that or another reason; 0: none. One that has not made
	// such a write must learn it: what it writes would go on to count as known. For a sender
	// that only passes the change on it is some time after the change's, up to that.
	Held int64
}

// task is a change on its way through apply, and what becomes of it.
type task struct {
	in     *Incoming
	res    *Result
	needed []change.Row // of one that waited: what it still needed
	since  time.Time    // of one that waited
	exists bool         // its row was there when it was looked for last
	left   bool         // out of a transaction; see present

	patience *patience // of its call
}

// Apply applies the changes and returns what became of each. An error means
// that the database could not be asked and that nothing is known of the changes
// whose Result is empty: the whole call is to be made again, which does no harm.
//
// What waited for one of them, and is still remembered, is applied as well, and what is
// set aside is tried again; Due tells when there is more of that.
func (a *Applier) Apply(ctx context.Context, changes []Incoming) ([]Result, error) {
	return a.apply(ctx, changes, nil)
}

// ApplyFor is Apply for so long: once that is over, and some changes were refused, the others are handed back untried. 0 is to write
// them in as few transactions as there may be, or not at all.
func (a *Applier) ApplyFor(ctx context.Context, changes []Incoming, d time.Duration) ([]Result, error) {
	return a.apply(ctx, changes, newPatience(d))
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

// late gives the results of the changes that waited only for others that came with them,
// and returns the other ones that were done.
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

// tellFreed says of changes that had to wait, and were refused for that, that they are done.
func (a *Applier) tellFreed(done []*task) {
	if a.Freed == nil {
		return
	}
	for _, t := range done {
		a.Freed(t.in.From, t.in.Row)
	}
}

// followTime is how long follow goes on at a time: what comes in meanwhile waits for it.
const followTime = 100 * time.Millisecond

// follow applies what waited and need not wait any more, and what waits for each
// other, and tries what is set aside and due, until nothing of that kind is left or it has
// taken its time: Due tells that there is more. It returns what was done.
func (a *Applier) follow(ctx context.Context) (done []*task, err error) {
	for begun := time.Now(); time.Since(begun) < followTime; {
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
				continue // a ring that cannot be had is forgotten: each of its rows is sent again
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

// tryAside tries what is set aside of one table, if that is due, and returns it.
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

// identify has all spellings of a row count as that row.
func (a *Applier) identify(ctx context.Context, changes []Incoming) error {
	rows := make([]change.Row, len(changes))
	for i := range changes {
		rows[i] = changes[i].Row
	}
	err := a.tables.Identify(ctx, rows)
	for i := range changes {
		changes[i].Row = rows[i]
	}
	return err
}

// note remembers those of the tasks that wait; what they wait for may be spelled
// otherwise when it comes.
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
			if err := a.tables.Identify(ctx, w.needs[i:i+1]); err != nil {
				return err
			}
		}
	}
	a.room.note(a.now(), tasks)
	return nil
}

// mostOfRow is how many changes of one row are applied at once: each takes a transaction. A sender of batches has one.
const mostOfRow = 16

var errOften = fmt.Errorf("the row changes more than %d times at once; the rest is retried later", mostOfRow)

// rounds sorts the changes so that a row occurs once in each: several changes of
// one row are applied one after the other. Of those that came in batches, too many are to come again.
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
