package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/latch"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Marker records in a transaction that one remote needs rows: the outbox.
type Marker interface {
	Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error
}

// Config says to whom applied changes are passed on.
type Config struct {
	Origin  string // of the writes that were made here
	Remotes []string
	Syncs   func(string) bool // whether a table is in syncTables
	OnNews  func()            // called after a commit of rows that remotes need; must not block

	Policies map[string]conflict.Policy // by table; one that is missing is lastWriteWins
	Resolver Resolver                   // of the tables with the policy script

	// Lossy says whether a column may store another value than the one that came;
	// nil is none.
	Lossy func(table, column string) bool
}

// Applier applies changes. Its methods are safe for concurrent use.
type Applier struct {
	Config
	counts counts
	alterations
	log    *zap.Logger
	db     *mysqldb.DB
	tables *schema.Tables
	latch  *latch.Rows
	marker Marker
	stream *version.Stream
}

// New returns an Applier. The pool db must be its own: the applier's sessions
// tell the triggers to be silent, and no other statement may run in them.
func New(log *zap.Logger, db *mysqldb.DB, ts *schema.Tables, l *latch.Rows, m Marker, s *version.Stream, c Config) *Applier {
	return &Applier{Config: c, log: log, db: db, tables: ts, latch: l, marker: m, stream: s}
}

// Result is what became of one change. A nil Err means that the node holds the
// change or a later version, for good: the transaction is committed.
type Result struct {
	Err   error
	Retry bool // the change may go through later without anybody's doing
	Wrote bool // the row was written: it was neither known nor outdated
}

// Apply applies the changes and returns what became of each. An error means
// that the database could not be asked and that nothing is known of the changes
// whose Result is empty: the whole call is to be made again, which does no harm.
func (a *Applier) Apply(ctx context.Context, changes []Incoming) ([]Result, error) {
	results := make([]Result, len(changes))
	for _, round := range rounds(changes) {
		if err := a.split(ctx, changes, round, results, patient); err != nil {
			return results, err
		}
	}
	return results, nil
}

// rounds sorts the indexes of the changes so that a row occurs once in each:
// several changes of one row are applied one after the other.
func rounds(changes []Incoming) [][]int {
	var list [][]int
	seen := make(map[change.Row]int, len(changes))
	for i := range changes {
		n := seen[changes[i].Row]
		seen[changes[i].Row] = n + 1
		if n == len(list) {
			list = append(list, nil)
		}
		list[n] = append(list[n], i)
	}
	return list
}

// split applies the changes at the given indexes in one transaction and, if
// that fails because of a row, in two of half the size each: the bad rows end
// up alone. Where somebody holds a row's lock that is looked for without waiting
// again, or the others would wait each time. Promise 5.
func (a *Applier) split(ctx context.Context, changes []Incoming, at []int, results []Result, m manner) error {
	err := a.transaction(ctx, changes, at, results, m)
	switch {
	case mysqldb.SchemaChanged(err):
		for _, i := range at {
			a.tables.Forget(changes[i].Table)
		}
		err = a.transaction(ctx, changes, at, results, m)
	case mysqldb.Duplicate(err) && len(at) > 1:
		err = a.transaction(ctx, changes, at, results, m|swapping)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || mysqldb.Transient(err) && !mysqldb.LockTimeout(err) {
		return err
	}
	if mysqldb.LockTimeout(err) {
		m |= hasty
	}
	if len(at) > 1 {
		half := len(at) / 2
		return errors.Join(a.split(ctx, changes, at[:half], results, m), a.split(ctx, changes, at[half:], results, m))
	}
	results[at[0]] = Result{Err: err, Retry: passing(err)}
	return nil
}

// passing reports whether an error of a row may pass when other rows have come.
func passing(err error) bool {
	return mysqldb.LockTimeout(err) || mysqldb.MissingParent(err) || mysqldb.Referenced(err) || mysqldb.Duplicate(err)
}

// manner is how a transaction goes about its rows.
type manner uint8

const (
	patient  manner = 0
	hasty    manner = 1 << 0 // a row that somebody has locked is an error at once
	swapping manner = 1 << 1 // rows are taken out before they are written; see write
)

// transaction applies changes of different rows, all or none.
func (a *Applier) transaction(ctx context.Context, changes []Incoming, at []int, results []Result, m manner) error {
	groups, err := a.group(ctx, changes, at, results)
	if err != nil {
		return err
	}
	rows := make([]change.Row, 0, len(at))
	for _, g := range groups {
		for _, in := range g.in {
			rows = append(rows, in.Row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	unlock, err := a.latch.Lock(ctx, rows)
	if err != nil {
		return err
	}
	defer unlock()
	news := false
	writing, err := a.stream.Begin(ctx)
	if err != nil {
		return err
	}
	err = mysqldb.InTx(ctx, a.db, func(tx mysqldb.Tx) error {
		steps, err := a.decide(ctx, tx, groups, m&hasty != 0)
		if err != nil {
			return err
		}
		a.fitting(groups)
		if err := a.keepLosers(ctx, tx, groups); err != nil {
			return err
		}
		if err := write(ctx, tx, groups, m&swapping != 0); err != nil {
			return err
		}
		news, err = a.record(ctx, tx, writing, steps)
		return err
	})
	writing.End(err)
	if err != nil {
		return err
	}
	for _, g := range groups {
		for i, s := range g.steps {
			results[g.at[i]].Err = s.misfit
			results[g.at[i]].Wrote = s.Decision.Writes() // Promise 6: only now may it be acked
			a.alterations.note(a.log, g.table.Name, s.altered)
			if s.recorded {
				a.counts.add(g.table.Name, s.policy)
			}
		}
	}
	if news && a.OnNews != nil {
		a.OnNews()
	}
	return nil
}

// group is the changes of one table within a transaction.
type group struct {
	table  *schema.Table
	policy conflict.Policy
	at     []int // indexes into the changes
	in     []*Incoming
	steps  []Step
}

// group sorts changes by table, parents before children, and within a table by
// key, so that all transactions take their locks in the same order. Changes that
// do not fit the table as it is get their results here and are in no group: a
// table that is broken does not cost the others a transaction for each of its
// rows. Promise 5.
func (a *Applier) group(ctx context.Context, changes []Incoming, at []int, results []Result) ([]*group, error) {
	byName := map[string]*group{}
	broken := map[string]error{}
	var groups []*group
	for _, i := range at {
		in := &changes[i]
		g := byName[in.Table]
		if g == nil && broken[in.Table] == nil {
			t, err := a.tables.Table(ctx, in.Table)
			switch {
			case errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit):
				broken[in.Table] = err
			case err != nil:
				return nil, err
			default:
				g = &group{table: t, policy: a.Policies[in.Table]}
				byName[in.Table] = g
				groups = append(groups, g)
			}
		}
		err := broken[in.Table]
		if err == nil {
			err = check(g.table, in)
		}
		results[i] = Result{Err: err}
		if err != nil {
			continue
		}
		g.at = append(g.at, i)
		g.in = append(g.in, in)
	}
	groups = slices.DeleteFunc(groups, func(g *group) bool { return len(g.in) == 0 })
	return parentsFirst(groups), nil
}

// check refuses a column that the table does not have. Promise 8.
func check(t *schema.Table, in *Incoming) error {
	for _, name := range in.Columns {
		if _, ok := t.Column(name); !ok {
			return fmt.Errorf("table %s has no column %.64q that can be written", t.Name, name)
		}
	}
	return nil
}

// parentsFirst orders groups by the foreign keys between their tables. Tables
// that refer to each other in a ring stay in the order of their names.
func parentsFirst(groups []*group) []*group {
	slices.SortFunc(groups, func(x, y *group) int {
		return change.Row{Table: x.table.Name}.Compare(change.Row{Table: y.table.Name})
	})
	ordered := make([]*group, 0, len(groups))
	placed := map[string]bool{}
	present := map[string]bool{}
	for _, g := range groups {
		present[g.table.Name] = true
	}
	ready := func(g *group) bool {
		for _, f := range g.table.ForeignKeys {
			if f.RefTable != g.table.Name && present[f.RefTable] && !placed[f.RefTable] {
				return false
			}
		}
		return true
	}
	for len(groups) > 0 {
		i := max(slices.IndexFunc(groups, ready), 0)
		placed[groups[i].table.Name] = true
		ordered = append(ordered, groups[i])
		groups = slices.Delete(groups, i, i+1)
	}
	return ordered
}
