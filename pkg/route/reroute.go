package route

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

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
	text, err := json.Marshal(what)
	if err == nil {
		err = tx.Reroute(ctx, table, text)
	}
	return err
}

// rerouteNext marks the next rows that remotes win or lose.
func (r *Router) rerouteNext(ctx context.Context) (more bool, err error) {
	jobs, all, err := r.reroutings(ctx, 1)
	if err != nil {
		return false, err
	}
	if len(jobs) == 0 {
		r.settle()
		return false, nil
	}
	if len(r.unsure) > 0 {
		return false, nil
	}
	j, what := &jobs[0], all[0]
	if ended, err := r.ended(ctx, j.Table, what.Since); err != nil || !ended {
		return false, err
	}
	for _, remote := range append(slices.Sorted(maps.Keys(what.Pairs)), what.Not...) {
		if full, err := r.db.Full(ctx, remote); err != nil || full {
			return false, err // Promise 10
		}
	}
	rows, err := r.db.Versions(ctx, j.Table, j.Last, r.chunk)
	if err != nil {
		return false, fmt.Errorf("read which rows of %s have other remotes: %w", j.Table, err)
	}
	end := len(rows) < r.chunk
	var next Rerouting
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
		m := r.marks(&what, rows, labels, fates)
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
		return false, fmt.Errorf("mark rows of %s that have other remotes: %w", j.Table, err)
	}
	if end {
		r.log.Info("rows are marked for the remotes that win or lose them", zap.String("table", j.Table), zap.Int64("rows", next.Marked))
	}
	r.told()
	return true, nil
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
