package apply

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// strain is how much was tried in vain in each table, counted in statements stopped by a lock.
type strain map[string]int

// Bounds of strain: what it costs to find one row, or a few, among many, whose lock no one releases. An attempt in which
// the server made a statement wait counts as many, and a long wait as very many: everyone else waits meanwhile.
const (
	strainMost   = 60
	strainWaited = 15
	strainSlow   = 40
)

// add records that an attempt in a table failed, and how long it took.
func (st strain) add(s *stuck, took time.Duration) {
	switch {
	case took >= slow:
		st[s.table] += strainSlow
	case mysqldb.Waited(s.err):
		st[s.table] += strainWaited
	default:
		st[s.table]++
	}
}

// most reports whether to stop trying in a table for now.
func (st strain) most(table string) bool { return st[table] >= strainMost }

// waited reports whether the server made statements wait in a table.
func (st strain) waited(table string) bool { return st[table] >= strainWaited }

// split applies changes to different rows in one transaction. If foreign or unique keys tie them, it considers them
// together. If the transaction fails because of a row, it is split in half, until the bad rows are alone. Promise 5.
func (a *Applier) split(ctx context.Context, tasks []*task, m manner, st strain) error {
	if len(tasks) == 0 {
		return nil
	}
	p := tasks[0].patience
	if p.over() {
		untried(tasks)
		return nil
	}
	if p.hopeless(len(tasks)) {
		return a.halves(ctx, tasks, m, st)
	}
	begun := a.now()
	tasks, err := a.attempt(ctx, tasks, m)
	if mysqldb.SchemaChanged(err) {
		for _, t := range tasks {
			a.db.Forget(t.in.Table)
		}
		tasks, err = a.attempt(ctx, tasks, m)
	}
	if tied(err) {
		err = a.together(ctx, tasks, m)
	}
	if errors.Is(err, errLeft) {
		return a.split(ctx, free(tasks), m, st)
	}
	var s *stuck
	switch {
	case err == nil:
		p.wrote()
		return nil
	case ctx.Err() != nil:
		return err
	case errors.As(err, &s):
		st.add(s, a.now().Sub(begun))
		a.beWary(s.table)
		return a.around(ctx, tasks, m, st, s)
	case mysqldb.Transient(err):
		return err
	}
	p.fails()
	if len(tasks) > 1 {
		return a.halves(ctx, tasks, m, st)
	}
	*tasks[0].res = Result{Err: a.blame(ctx, tasks[0].in, err), Retry: tied(err)}
	p.refuses()
	return nil
}

func (a *Applier) halves(ctx context.Context, tasks []*task, m manner, st strain) error {
	half := len(tasks) / 2
	return errors.Join(a.split(ctx, tasks[:half], m, st), a.split(ctx, tasks[half:], m, st))
}

// attempt applies changes in one transaction, and returns its changes if it fails. On MySQL, if others hold locks, new
// rows go in a second transaction: an insert may have to wait for a gap, and no one should wait for the first's rows
// meanwhile.
func (a *Applier) attempt(ctx context.Context, tasks []*task, m manner) ([]*task, error) {
	if m&skipping != 0 && a.db.Locks().Waits {
		for _, t := range tasks {
			t.left = false
		}
		if err := a.transaction(ctx, tasks, m|present); err != nil {
			return tasks, err
		}
		tasks = slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool { return !t.left })
	}
	if len(tasks) == 0 {
		return nil, nil
	}
	return tasks, a.transaction(ctx, tasks, m)
}

// around applies changes some of which are stopped by something in one table: first those of the other tables, then the
// table's own without the locked ones. A single stopped change, or too many to find one by one, are set aside.
// Nothing else waits for them. Promise 5.
func (a *Applier) around(ctx context.Context, tasks []*task, m manner, st strain, s *stuck) error {
	var own, others []*task
	for _, t := range tasks {
		if t.in.Table == s.table {
			own = append(own, t)
		} else {
			others = append(others, t)
		}
	}
	if err := a.split(ctx, others, m, st); err != nil {
		return err
	}
	switch {
	case len(own) == 0: // tied to the others: its rows came first
		return s
	case s.slow || st.most(s.table):
		a.setAside(own, s, true)
		return nil
	case len(own) == 1 && m&skipping != 0:
		a.setAside(own, s, false)
		return nil
	case m&skipping == 0:
		return a.split(ctx, own, m&^waiting|skipping, st)
	}
	half := len(own) / 2
	if there, missing := apart(own); len(there) > 0 && len(missing) > 0 { // a gap lock, or a full table, stops inserts
		own, half = append(there, missing...), len(there)
	}
	if err := a.split(ctx, own[:half], m, st); err != nil {
		return err
	}
	if st.most(s.table) { // the first half has used up the patience
		a.setAside(own[half:], s, true)
		return nil
	}
	return a.split(ctx, own[half:], m, st)
}

// setAside sets changes of a table aside and, with whole, all others that come for it.
func (a *Applier) setAside(tasks []*task, s *stuck, whole bool) {
	why := "waits for table " + s.table + ": " + s.err.Error()
	if whole {
		a.room.stop(a.now(), s.table, why)
	}
	for _, t := range tasks {
		*t.res = Result{Err: &Wait{text: why, stuck: true}, Retry: true}
	}
}

// free returns the tasks that were not set aside.
func free(tasks []*task) []*task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool { return IsStuck(t.res.Err) })
}

// apart returns the tasks whose rows exist, and the others.
func apart(tasks []*task) (there, missing []*task) {
	for _, t := range tasks {
		if t.exists {
			there = append(there, t)
		} else {
			missing = append(missing, t)
		}
	}
	return there, missing
}

// tied reports whether an error means that rows are in each other's way.
func tied(err error) bool {
	return errors.Is(err, errTied) || mysqldb.Duplicate(err) || mysqldb.MissingParent(err) || mysqldb.Referenced(err)
}

// ring is together, except that changes stopped by something in their table are set aside.
func (a *Applier) ring(ctx context.Context, tasks []*task, m manner, st strain) error {
	err := a.together(ctx, tasks, m)
	var s *stuck
	if ctx.Err() == nil && errors.As(err, &s) {
		return a.around(ctx, tasks, m, st, s)
	}
	return err
}

// tries limits how often together starts over. Each time it has at least one change fewer, or one is decided.
const tries = 200

// together applies changes to different rows in one transaction in which none is in another's way: see writeTied. Changes
// that cannot be part of it are left out and wait; the others go in. Promise 5.
func (a *Applier) together(ctx context.Context, tasks []*task, m manner) error {
	for range tries {
		err := a.transaction(ctx, tasks, m|whole)
		if errors.Is(err, errLeft) {
			tasks = free(tasks)
			continue
		}
		var b *barred
		if !errors.As(err, &b) {
			return err
		}
		tasks = slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool {
			w := b.waits[t.in.Row]
			if w != nil {
				*t.res = Result{Err: w, Retry: true}
			}
			return w != nil
		})
		if len(tasks) == 0 {
			return nil
		}
	}
	return errTied
}
