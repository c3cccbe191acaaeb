package apply

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// keepLosers records the conflicts among the steps, with both rows, before one
// of them is overwritten. Promise 4.
func (a *Applier) keepLosers(ctx context.Context, tx mysqldb.Tx, groups []*group) error {
	for _, g := range groups {
		var steps []*Step
		for i := range g.steps {
			if g.steps[i].Decision.Conflict() {
				steps = append(steps, &g.steps[i])
			}
		}
		if len(steps) == 0 {
			continue
		}
		locals, err := readLocals(ctx, tx, g, steps)
		if err != nil {
			return err
		}
		var entries []losers.Entry
		for _, s := range steps {
			entries = append(entries, a.losers(g, s, locals[s.key])...)
		}
		if err := losers.Record(ctx, tx, entries); err != nil {
			return err
		}
		if len(entries) > 0 {
			a.log.Info("conflicts resolved; the losers are kept", zap.String("table", g.table.Name), zap.Int("rows", len(entries)))
		}
	}
	return nil
}

// readLocals returns the node's rows of some steps, in the order of the table's
// columns; a deleted one is missing. The rows are locked already.
func readLocals(ctx context.Context, tx mysqldb.Tx, g *group, steps []*Step) (map[string][][]byte, error) {
	var q mysqldb.Statement
	if err := g.table.AddSelect(&q, g.table.KeyExpr("")+", "+g.table.SelectList(), stepKeys(steps), ""); err != nil {
		return nil, err
	}
	locals := map[string][][]byte{}
	err := q.Query(ctx, tx, func(r *sql.Rows) error {
		var key string
		values := make([][]byte, len(g.table.Columns))
		into := []any{&key}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		locals[key] = values
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", g.table.Name, err)
	}
	return locals, nil
}

// losers returns what one step does not leave as it was: the loser, or under a
// script each row that is not what the script made.
func (a *Applier) losers(g *group, s *Step, values [][]byte) []losers.Entry {
	l := Local{Exists: values != nil, Values: values}
	ours, theirs := g.side(s.local.Version, values), losers.Side{Version: s.came.Version, Columns: s.in.Columns, Values: s.in.Values}
	winner, lost := theirs, []losers.Side{ours}
	switch {
	case s.merge != nil:
		winner = losers.Side{Version: s.State.Version, Columns: s.merge.result.Columns, Values: s.merge.result.Values}
		lost = s.merge.losers
	case unchanged(g.table, s.in, l):
		return nil // both made the same row
	case s.Decision == conflict.Lose:
		winner, lost = ours, []losers.Side{theirs}
	}
	s.policy = cmp.Or(s.policy, conflict.LastWriteWins)
	s.recorded = len(lost) > 0
	entries := make([]losers.Entry, len(lost))
	for i, loser := range lost {
		a.log.Debug("conflict", zap.String("table", g.table.Name), zap.String("policy", s.policy),
			zap.String("winner", winner.Author()), zap.String("loser", loser.Author()))
		entries[i] = losers.Entry{Table: g.table, Key: s.in.Key, ID: s.in.ID(), Policy: s.policy, Winner: winner, Loser: loser}
	}
	return entries
}

// side returns a row as package losers keeps it; nil values are a deleted one.
func (g *group) side(v change.Version, values [][]byte) losers.Side {
	if values == nil {
		return losers.Side{Version: v}
	}
	return losers.Side{Version: v, Columns: g.table.Names(), Values: values}
}
