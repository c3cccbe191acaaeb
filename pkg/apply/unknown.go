package apply

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// unknown returns the rows, all of one table, whose current state a client has not acked. It is used for a delete that
// came by version 1: such a peer does not say what its server did to children. For those that it knew, the foreign key
// here does the same; the others are strangers.
func (a *Applier) unknown(ctx context.Context, tx Tx, client string, rows []change.Row) (map[change.Row]struct{}, error) {
	unknown := make(map[change.Row]struct{}, len(rows))
	table := rows[0].Table
	if !slices.Contains(a.Remotes, client) || !a.Syncs(table) {
		for _, r := range rows {
			unknown[r] = struct{}{}
		}
		return unknown, nil
	}
	known := slices.Clone(rows)
	if err := a.db.Identify(ctx, known); err != nil {
		return nil, err
	}
	unacked, err := tx.Unacked(ctx, client, known)
	for i, r := range known {
		if unacked[r.ID()] {
			unknown[rows[i]] = struct{}{}
		}
	}
	return unknown, err
}
