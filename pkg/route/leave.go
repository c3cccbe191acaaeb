package route

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Leave has rows of a routed table that this node is to give back leave its own remotes first, in the transaction that decides about
// them, and returns those that a remote may still have. What a remote wrote comes here, and goes on, as long as the row is here.
func (r *Router) Leave(ctx context.Context, tx mysqldb.Tx, w *version.Writing, table string, rows []change.Row) (map[change.Row]bool, error) {
	return r.LeaveIn(ctx, &session{r.server, tx}, w, table, rows)
}

// LeaveIn is Leave for any Database.
//
// The rows get a label that stands for nobody, and marks for the remotes that had them; their children follow. A row that is written
// again, or given back, gets the label of its values again: so whether all remotes have given it back is known from its label and marks.
func (r *Router) LeaveIn(ctx context.Context, tx Tx, w *version.Writing, table string, rows []change.Row) (map[change.Row]bool, error) {
	have := map[change.Row]bool{}
	ready := r.Ready(table) // asked first: with the end of the labelling there is a job
	unmarked, err := tx.Rerouting(ctx, table)
	if err != nil {
		return nil, fmt.Errorf("look for rows of %s that are yet to be marked: %w", table, err)
	}
	if !ready || unmarked { // not all of its rows have labels, or marks for the remotes that have lost them
		for _, row := range rows {
			have[row] = true
		}
		return have, nil
	}
	nobody, err := r.id(ctx, label{root: r.cfg.Root(table)})
	if err != nil {
		return nil, err
	}
	before, err := tx.Labels(ctx, rows)
	if err != nil {
		return nil, err
	}
	m, parent := newMoves(), len(r.children(table)) > 0
	var leaving []change.Row
	for _, row := range rows {
		if before[row] != 0 && before[row] != nobody {
			leaving = append(leaving, row)
			r.moved(m, table, row, before[row], nobody, parent)
		}
	}
	for _, rows := range m.lost {
		for _, row := range rows {
			have[row] = true
		}
	}
	for _, remote := range r.cfg.RemoteClients {
		if r.All(remote, table) {
			continue
		}
		marked, err := tx.Marked(ctx, remote, table, rows)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if _, ok := marked[row]; ok { // for whatever reason: it may have been left behind there
				have[row] = true
			}
		}
	}
	w.After(func() { r.tellOf(m) })
	if len(leaving) == 0 {
		return have, nil
	}
	if err := tx.Relabel(ctx, leaving, nobody); err != nil {
		return nil, err
	}
	return have, r.follow(ctx, tx, m)
}

// nobodys reports whether a label is that of rows that this node gives back.
func (r *Router) nobodys(id uint32) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	l, ok := r.labels[id]
	return ok && l.values == nil
}
