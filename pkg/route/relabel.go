package route

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// labelNext labels the next rows of a table whose route is new, parents first.
func (r *Router) labelNext(ctx context.Context) (more bool, err error) {
	var open []string
	for _, table := range slices.Sorted(maps.Keys(r.cfg.Routes)) {
		if !r.Ready(table) {
			open = append(open, table)
		}
	}
	if len(open) == 0 {
		return false, nil
	}
	var errs []error
	for _, table := range r.parentsFirst(open) {
		again, err := r.labelSome(ctx, table)
		if err != nil && mysqldb.Number(err) == 0 && !mysqldb.Transient(err) && ctx.Err() == nil {
			r.tell(table, err) // the others go on
			err = nil
		} else if err == nil {
			r.goesOn(table)
		}
		if more, errs = more || again, append(errs, err); again {
			break // its children after it
		}
	}
	err = errors.Join(errs...)
	if failed := slices.ContainsFunc(errs, func(err error) bool { return err != nil && !passing(err) }); r.moving.unlabelled.Swap(failed) != failed && failed {
		r.told()
	}
	return more, err
}

// parentsFirst sorts tables so that each comes after the one that it follows.
func (r *Router) parentsFirst(tables []string) []string {
	depth := func(table string) (n int) {
		for ; r.cfg.Routes[table].Parent != ""; n++ {
			table = r.cfg.Routes[table].Parent
		}
		return n
	}
	slices.SortStableFunc(tables, func(a, b string) int { return depth(a) - depth(b) })
	return tables
}

// childrenFirst returns the tables of all routes, each before the one that it follows.
func (r *Router) childrenFirst() []string {
	tables := r.parentsFirst(slices.Sorted(maps.Keys(r.cfg.Routes)))
	slices.Reverse(tables)
	return tables
}

// tellEach is the minimum interval between log lines about a table that cannot be labelled.
const tellEach = time.Minute

// tell logs that a table cannot be labelled.
func (r *Router) tell(table string, err error) {
	if f := r.failed[table]; f.why == err.Error() && r.now().Sub(f.told) < tellEach {
		return
	}
	r.mu.Lock()
	r.failed[table] = failure{err.Error(), r.now()}
	r.mu.Unlock()
	r.told()
	if errors.Is(err, errEmpty) {
		r.log.Warn("a lookup table of the routes has become empty; the remotes keep their rows until it has some again", zap.String("table", table))
		return
	}
	r.log.Warn("a table is held back: it lacks what it is routed by", zap.String("table", table), zap.Error(err))
}

// goesOn notes that a table can be labelled.
func (r *Router) goesOn(table string) {
	if _, failed := r.failed[table]; failed {
		r.mu.Lock()
		delete(r.failed, table)
		r.mu.Unlock()
	}
}

// labelSome labels the next rows of a table.
func (r *Router) labelSome(ctx context.Context, table string) (more bool, err error) {
	rows, err := r.db.Unlabelled(ctx, table, r.chunk)
	if err != nil {
		return false, err
	}
	if err := r.db.Fit(ctx, table); err != nil {
		return false, err
	}
	following, err := r.followNow(ctx)
	if err != nil {
		return false, err
	}
	if len(rows) > 0 {
		err = r.db.Write(ctx, rows, func(tx Tx, w *version.Writing) error {
			entries, err := r.entries(ctx, tx, rows)
			if err == nil {
				err = r.record(ctx, tx, w, entries, following)
			}
			if err == nil {
				err = tx.Reached(ctx, table, rows[len(rows)-1].Key)
			}
			return err
		})
	}
	if err != nil {
		return false, fmt.Errorf("label rows of %s: %w", table, err)
	}
	if len(rows) == r.chunk {
		return true, nil
	}
	return true, r.labelled(ctx, table)
}

// followNow returns what children returns, without the tables that are labelled as a whole later on, by the labels that their
// parents have then: one by one, the rows of a large table would follow for hours, and real moves wait behind them.
func (r *Router) followNow(ctx context.Context) (func(table string) []string, error) {
	known, err := r.db.Routes(ctx)
	if err != nil {
		return nil, fmt.Errorf("read which tables are labelled: %w", err)
	}
	return func(table string) []string {
		return slices.DeleteFunc(r.children(table), func(child string) bool { k, ok := known[child]; return ok && !k.Begun && !k.Finished })
	}, nil
}

// entries returns the current versions of rows; a row that no one has written gets one older than any write.
func (r *Router) entries(ctx context.Context, tx Tx, rows []change.Row) ([]version.Entry, error) {
	states, err := tx.States(ctx, rows)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	there, err := r.ReadIn(ctx, tx, rows[0].Table, keys)
	if err != nil {
		return nil, err
	}
	var list []version.Entry
	for _, row := range rows {
		if _, ok := there[row.Key]; !ok {
			continue // deleted meanwhile
		}
		e := version.Entry{Row: row, State: states[row], Fate: version.There}
		if e.Version.IsZero() {
			e.Version = change.Version{Time: change.Baseline, Origin: r.cfg.ClientName}
		}
		list = append(list, e)
	}
	return list, nil
}

// Return has remotes that were removed, and are back, lose the rows that are not theirs any more, and get what they lack. Nobody has
// noted which rows they lost meanwhile.
func (r *Router) Return(ctx context.Context, remotes []string) error {
	for _, table := range r.childrenFirst() {
		if len(remotes) == 0 || !r.cfg.Routed(table) {
			continue
		}
		err := error(nil)
		if r.Ready(table) {
			err = r.give(ctx, table, remotes, had{All: remotes}, func(Tx) error { return nil })
		} else { // labelled does it
			err = r.returned(ctx, table, remotes)
		}
		if err != nil {
			return fmt.Errorf("give remotes that are back their part of %s: %w", table, err)
		}
	}
	return nil
}

// give has those of some remotes that had been sent a table as a whole lose the rows that are not theirs, and get what they lack. They may
// have news of what they had.
func (r *Router) give(ctx context.Context, table string, remotes []string, before had, then func(Tx) error) error {
	sent, err := r.db.Sent(ctx, table)
	if err != nil {
		return fmt.Errorf("read who was sent %s: %w", table, err)
	}
	sent = slices.DeleteFunc(sent, func(remote string) bool { return r.All(remote, table) || !slices.Contains(remotes, remote) })
	if len(sent) > 0 && r.cfg.InitialSync != snapshot.None { // before the rest: a kill in between repeats it. Promise 1
		if err := r.db.Request(ctx, sent, table); err != nil {
			return err
		}
	}
	before.All = slices.DeleteFunc(slices.Clone(before.All), func(remote string) bool { return !slices.Contains(sent, remote) })
	later, err := r.above(ctx, table)
	if err != nil {
		return err
	}
	err = r.db.In(ctx, func(tx Tx) error {
		if len(sent) > 0 || len(before.Labels) > 0 {
			if err := reroute(ctx, tx, table, rerouting{Not: sent, Had: before, Since: r.db.Token()}); err != nil {
				return err
			}
			for i := range later { // they go after it
				j := later[i]
				j.ID = 0
				err := tx.Reroute(ctx, &j)
				if err == nil {
					err = tx.Rerouted(ctx, &later[i], true)
				}
				if err != nil {
					return err
				}
			}
		}
		return then(tx)
	})
	if err == nil {
		r.mu.Lock()
		r.hadBefore(table, before)
		r.mu.Unlock()
	}
	return err
}

// above returns the jobs that take rows away which those of a table follow, the nearest first.
func (r *Router) above(ctx context.Context, table string) (list []Rerouting, err error) {
	jobs, all, err := r.reroutings(ctx, 0, math.MaxInt32)
	for parent := r.cfg.Routes[table].Parent; parent != "" && err == nil; parent = r.cfg.Routes[parent].Parent {
		for i := range jobs {
			if jobs[i].Table == parent && all[i].left() {
				list = append(list, jobs[i])
			}
		}
	}
	return list, err
}

// labelled completes the labelling of a table: remotes that had been sent the table lose the rows that are not theirs, and
// get what they lack.
func (r *Router) labelled(ctx context.Context, table string) error {
	if err := r.give(ctx, table, r.cfg.RemoteClients, r.had[table], func(tx Tx) error { return tx.Finish(ctx, table) }); err != nil {
		return fmt.Errorf("end the labelling of %s: %w", table, err)
	}
	r.mu.Lock()
	r.ready[table] = true
	r.mu.Unlock()
	r.log.Info("a table's rows are labelled; each remote gets its own", zap.String("table", table))
	r.told()
	return nil
}
