package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// manner is how a transaction treats locked rows. By default it waits for no locks, as far as the server allows: anything
// locked is an error at once. Promise 5.
type manner uint8

const (
	plain    manner = 0
	skipping manner = 1 << iota // leave out and set aside rows that someone has locked
	waiting                     // wait for a row that someone has locked: it must be the only one
	present                     // write only existing rows, and leave the others for another transaction
	whole                       // consider rows that are tied to each other together; see writeTied
	stepwise                    // what is written does not go with the COMMIT
)

// transaction applies changes of different rows, all or none.
func (a *Applier) transaction(ctx context.Context, tasks []*task, m manner) error {
	groups, err := a.group(ctx, tasks)
	if err != nil {
		return err
	}
	rows := make([]change.Row, 0, len(tasks))
	for _, g := range groups {
		if m&whole == 0 && rekeyed(g.table) {
			return errTied
		}
		for _, in := range g.in {
			rows = append(rows, in.Row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	news, late := false, false
	err = a.db.Write(ctx, rows, func(tx Tx, writing *version.Writing) error {
		steps, err := a.decide(ctx, tx, groups, m)
		if err != nil {
			return err
		}
		groups = slices.DeleteFunc(groups, func(g *group) bool { return len(g.in) == 0 }) // all were left out
		if err := a.leave(ctx, tx, writing, groups); err != nil {
			return err
		}
		a.fitting(groups)
		if err := a.keepLosers(ctx, tx, groups); err != nil {
			return err
		}
		late = a.late.may(tx, groups, m, a.now())
		if m&whole != 0 {
			err = a.writeTied(ctx, tx, groups)
		} else {
			err = write(ctx, tx, groups)
		}
		if mysqldb.Deadlock(err) && a.db.Locks().Waits {
			for _, g := range groups {
				a.beWary(g.table.Name)
			}
			m = m&^waiting | skipping // for when it is run again
		}
		if err != nil {
			return err
		}
		if err := a.stored(ctx, tx, groups); err != nil {
			return err
		}
		news, err = a.record(ctx, tx, writing, steps)
		return err
	})
	if late && a.late.again(err, a.now()) {
		return a.transaction(ctx, tasks, m|stepwise)
	}
	if err != nil {
		return err
	}
	for _, g := range groups {
		for i, s := range g.steps {
			g.tasks[i].res.Err, g.tasks[i].res.Retry = s.misfit, s.retry
			g.tasks[i].res.Wrote = s.Decision.Writes() // Promise 6: it may be acked only now
			if s.held != 0 && a.tells(s.in) {
				g.tasks[i].res.Held = s.heldFor(s.in.From)
			}
			if s.lie {
				a.lies.tell(a.log, a.now(), g.table.Name, s.in)
			}
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

// tells reports whether a sender has to hear from this node of a later write by the change's author: that is the author itself, or may know
// it. This node needs no one's word about its own writes: the sender would have the row wait for one that may wait for that row here.
func (a *Applier) tells(in *Incoming) bool {
	author := in.Version.Author()
	return author == in.From || author != change.Version{Origin: a.Origin}.Author() && !slices.Contains(a.Remotes, author)
}

// group is the changes of one table within a transaction.
type group struct {
	table  *schema.Table
	policy conflict.Policy
	tasks  []*task
	in     []*Incoming // of the tasks
	before before      // of tied rows
	steps  []Step
}

// group sorts changes by table, parents before children, so that all transactions take their locks in the same order.
// Changes that do not fit their table get their results here and are in no group: a broken table does not cost the others
// a transaction for each of its rows. Promise 5.
func (a *Applier) group(ctx context.Context, tasks []*task) ([]*group, error) {
	byName := map[string]*group{}
	broken := map[string]error{}
	var groups []*group
	for _, task := range tasks {
		in := task.in
		g := byName[in.Table]
		if g == nil && broken[in.Table] == nil {
			t, err := a.db.Table(ctx, in.Table)
			switch {
			case errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit):
				broken[in.Table] = err
			case err != nil:
				return nil, stuckIn(in.Table, err)
			default:
				g = &group{table: t, policy: a.Policies[in.Table]}
				g.policy.Received = a.Syncs != nil && !a.Syncs(in.Table)
				byName[in.Table] = g
				groups = append(groups, g)
			}
		}
		err := broken[in.Table]
		if err == nil {
			err = check(g.table, in)
		}
		*task.res = Result{Err: err}
		if err != nil {
			continue
		}
		g.tasks = append(g.tasks, task)
		g.in = append(g.in, in)
	}
	groups = slices.DeleteFunc(groups, func(g *group) bool { return len(g.in) == 0 })
	return parentsFirst(groups), nil
}

// check rejects columns that the table does not have. Promise 8.
func check(t *schema.Table, in *Incoming) error {
	for _, name := range in.Columns {
		if _, ok := t.Column(name); !ok {
			return fmt.Errorf("table %s has no column %.64q that can be written", t.Name, name)
		}
	}
	return nil
}

// parentsFirst orders groups by the foreign keys between their tables, and otherwise by name.
func parentsFirst(groups []*group) []*group {
	byName := make(map[string]*group, len(groups))
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i], byName[g.table.Name] = g.table.Name, g
	}
	slices.SortFunc(names, func(x, y string) int { return change.Row{Table: x}.Compare(change.Row{Table: y}) })
	ordered := groups[:0]
	for _, ring := range schema.ParentsFirst(names, func(table string) []schema.ForeignKey { return byName[table].table.ForeignKeys }) {
		for _, name := range ring {
			ordered = append(ordered, byName[name])
		}
	}
	return ordered
}
