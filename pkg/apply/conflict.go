package apply

import (
	"cmp"
	"context"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
)

// keepLosers records the conflicts among the steps, with both rows, before one of them is overwritten. Promise 4.
func (a *Applier) keepLosers(ctx context.Context, tx Tx, groups []*group) error {
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
		locals, err := tx.Values(ctx, g.table, nil, stepKeys(steps))
		if err != nil {
			return err
		}
		var entries []losers.Entry
		for _, s := range steps {
			entries = append(entries, a.losers(g, s, locals[s.key])...)
		}
		if err := tx.Keep(ctx, entries); err != nil {
			return err
		}
		if len(entries) > 0 {
			a.log.Info("conflicts resolved; the losers are kept", zap.String("table", g.table.Name), zap.Int("rows", len(entries)))
		}
	}
	return nil
}

// losers returns what one step discards: the loser, or with a script each row that differs from what the script made.
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

// side returns a row as package losers keeps it; nil values mean a deleted one.
func (g *group) side(v change.Version, values [][]byte) losers.Side {
	if values == nil {
		return losers.Side{Version: v}
	}
	return losers.Side{Version: v, Columns: g.table.Names(), Values: values}
}
