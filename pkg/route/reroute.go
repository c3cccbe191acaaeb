package route

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// rerouting says which rows of a table to mark for which remotes.
type rerouting struct {
	Pairs pairs    `json:"pairs,omitempty"` // the labels that each remote wins or loses
	Not   []string `json:"not,omitempty"`   // remotes for which to mark all rows that they should not have
	Had   had      `json:"had,omitzero"`    // what remotes had before
	Since int64    `json:"since,omitempty"` // a token of when it was queued
}

func reroute(ctx context.Context, tx Tx, table string, what rerouting) error {
	return rerouteFrom(ctx, tx, Rerouting{Table: table}, what)
}

// rerouteFrom adds a job that goes on where another one is, or has that one do something else if it is given its ID.
func rerouteFrom(ctx context.Context, tx Tx, at Rerouting, what rerouting) (err error) {
	if at.Changed, err = json.Marshal(what); err == nil {
		err = tx.Reroute(ctx, &at)
	}
	return err
}

// remotes are those for which a job marks rows.
func (what *rerouting) remotes() []string {
	list := slices.Concat(slices.Collect(maps.Keys(what.Pairs)), slices.Collect(maps.Keys(what.Had.Labels)), what.Not)
	slices.Sort(list)
	return slices.Compact(list)
}

// left reports whether a job is that of another route, which takes rows away.
func (what *rerouting) left() bool { return len(what.Not) > 0 || len(what.Had.Labels) > 0 }

// without returns a job's part for all remotes but some, and that for these.
func (what *rerouting) without(some []string) (rest, part rerouting) {
	rest = rerouting{Pairs: pairs{}, Had: had{Labels: pairs{}}, Since: what.Since}
	part = rerouting{Pairs: pairs{}, Had: had{Labels: pairs{}}, Since: what.Since}
	of := func(remote string) *rerouting {
		if slices.Contains(some, remote) {
			return &part
		}
		return &rest
	}
	for remote, ids := range what.Pairs {
		of(remote).Pairs[remote] = ids
	}
	for remote, ids := range what.Had.Labels {
		of(remote).Had.Labels[remote] = ids
	}
	for _, remote := range what.Had.All {
		of(remote).Had.All = append(of(remote).Had.All, remote)
	}
	for _, remote := range what.Not {
		of(remote).Not = append(of(remote).Not, remote)
	}
	return rest, part
}

// jobsRead is how many jobs are read at a time, where the first one waits.
const jobsRead = 20

// rerouteNext marks the next rows that remotes win or lose. A job waits for its remotes that have enough marked rows for now; if one of them
// has had for a while, the others' part goes on without it. One that takes rows away waits for the labels of those that follow them, which
// leave first.
func (r *Router) rerouteNext(ctx context.Context) (more bool, err error) {
	for after, limit := uint64(0), 1; ; limit = jobsRead {
		jobs, all, err := r.reroutings(ctx, after, limit)
		if err != nil {
			return false, err
		}
		if len(jobs) == 0 {
			return false, r.settle(ctx, after > 0)
		}
		if len(r.unsure) > 0 {
			return false, nil
		}
		for i := range jobs {
			j, what := &jobs[i], &all[i]
			after = j.ID
			full, stuck, err := r.full(ctx, what.remotes())
			if err != nil {
				return false, err
			}
			if what.left() && r.labelling(j.Table) || len(stuck) > 0 && len(stuck) == len(what.remotes()) {
				continue
			}
			ended, err := r.ended(ctx, j.Table, what.Since)
			switch {
			case err != nil || !ended:
				return false, err
			case len(stuck) > 0:
				return true, r.split(ctx, j, what, stuck)
			case len(full) > 0:
				return false, nil
			}
			return true, r.rerouteSome(ctx, j, what)
		}
	}
}

// room is how many more rows may be marked for a remote.
type room struct {
	left   int
	looked time.Time
	since  time.Time // since then there has been none
}

// full returns those of some remotes that have enough marked rows for now, and those of them that have had for a while. Promise 10.
func (r *Router) full(ctx context.Context, remotes []string) (full, stuck []string, err error) {
	now := r.now()
	for _, remote := range remotes {
		x := r.rooms[remote]
		if x.left <= 0 && now.Sub(x.looked) >= restMost {
			n, err := r.db.Queued(ctx, remote, queuedMost)
			if err != nil {
				return nil, nil, fmt.Errorf("count the marked rows of %s: %w", remote, err)
			}
			x.left, x.looked = queuedMost-n, now
			if x.left > 0 {
				x.since = time.Time{}
			} else if x.since.IsZero() {
				x.since = now
			}
			r.rooms[remote] = x
		}
		if x.left > 0 {
			continue
		}
		full = append(full, remote)
		if !x.since.IsZero() && now.Sub(x.since) >= waitMost {
			stuck = append(stuck, remote)
		}
	}
	return full, stuck, nil
}

// split makes two jobs of one, so that the other remotes need not wait for some.
func (r *Router) split(ctx context.Context, j *Rerouting, what *rerouting, some []string) error {
	rest, part := what.without(some)
	later := *j
	later.ID, later.Marked = 0, 0
	err := r.db.In(ctx, func(tx Tx) error {
		if err := rerouteFrom(ctx, tx, *j, rest); err != nil { // it keeps its turn
			return err
		}
		return rerouteFrom(ctx, tx, later, part)
	})
	if err != nil {
		return fmt.Errorf("have %s not wait for %v: %w", j.Table, some, err)
	}
	r.log.Warn("remotes have so much queued that others no longer wait for them; they lose and get these rows later", zap.String("table", j.Table), zap.Strings("remotes", some))
	return nil
}

// rerouteSome marks the next rows of a job.
func (r *Router) rerouteSome(ctx context.Context, j *Rerouting, what *rerouting) error {
	rows, err := r.db.Versions(ctx, j.Table, j.Last, r.chunk)
	if err != nil {
		return fmt.Errorf("read which rows of %s have other remotes: %w", j.Table, err)
	}
	end := len(rows) < r.chunk
	var next Rerouting
	var m *moves
	err = r.db.Write(ctx, rows, func(tx Tx, _ *version.Writing) error {
		labels, err := tx.Labels(ctx, rows)
		if err != nil {
			return err
		}
		fates := map[change.Row]version.Fate{}
		if len(what.Had.Labels) > 0 {
			if fates, err = tx.Fates(ctx, rows); err != nil {
				return err
			}
		}
		next = *j
		m = r.marks(what, rows, labels, fates)
		for _, list := range slices.Concat(slices.Collect(maps.Values(m.lost)), slices.Collect(maps.Values(m.marks))) {
			next.Marked += int64(len(list))
		}
		if len(rows) > 0 {
			next.Last = []byte(rows[len(rows)-1].ID())
		}
		if err := r.follow(ctx, tx, m); err != nil {
			return err
		}
		return tx.Rerouted(ctx, &next, end)
	})
	if err != nil {
		return fmt.Errorf("mark rows of %s that have other remotes: %w", j.Table, err)
	}
	for _, by := range []map[string][]change.Row{m.lost, m.marks} {
		for remote, list := range by {
			x := r.rooms[remote]
			x.left -= len(list)
			r.rooms[remote] = x
		}
	}
	if end {
		r.log.Info("rows are marked for the remotes that win or lose them", zap.String("table", j.Table), zap.Int64("rows", next.Marked))
	}
	r.settled = r.settled && !end
	r.told()
	return nil
}

// marks returns the rows that a job marks.
func (r *Router) marks(what *rerouting, rows []change.Row, labels map[change.Row]uint32, fates map[change.Row]version.Fate) *moves {
	m := newMoves()
	among := map[uint32]bool{}
	for _, row := range rows {
		among[labels[row]] = true
	}
	changed := map[string]map[uint32]bool{} // of these labels
	for remote, ids := range what.Pairs {
		changed[remote] = map[uint32]bool{}
		for _, id := range ids {
			if among[id] {
				changed[remote][id] = true
			}
		}
	}
	before := what.Had.byLabel()
	for _, row := range rows {
		for remote, ids := range changed {
			switch {
			case !ids[labels[row]]:
			case r.To(row.Table, labels[row], remote):
				m.mark(remote, row)
			default:
				m.lose(remote, row)
			}
		}
		if fates[row] != version.There { // it still has the label that it had
			for _, remote := range before[labels[row]] {
				if !r.To(row.Table, labels[row], remote) {
					m.lose(remote, row)
				}
			}
		}
		for _, remote := range what.Not {
			switch {
			case r.To(row.Table, labels[row], remote):
			case slices.Contains(what.Had.All, remote):
				m.lose(remote, row)
			default: // in case it was left behind there
				m.mark(remote, row)
			}
		}
	}
	return m
}
