package daemon

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// renew gives rows further versions, as if they were written again as they are, and returns which. next says of which rows, by
// what is known of them under their latches, and what their states are then.
func (n *Node) renew(ctx context.Context, rows []change.Row, next func(r change.Row, s change.State, now int64) (change.State, bool)) ([]change.Row, error) {
	var renewed []change.Row
	err := n.stream.Write(ctx, n.db, rows, func(tx mysqldb.Tx, writing *version.Writing) error {
		renewed = nil
		states, err := version.Read(ctx, tx, rows)
		if err != nil {
			return err
		}
		now := change.Micros(n.now())
		var entries []version.Entry
		for _, r := range rows {
			held, ok := states[r]
			if !ok {
				continue
			}
			if s, ok := next(r, held, now); ok {
				renewed = append(renewed, r)
				entries = append(entries, version.Entry{Row: r, State: s})
			}
		}
		if len(entries) == 0 {
			return nil
		}
		fates, err := version.Fates(ctx, tx, renewed)
		if err != nil {
			return err
		}
		first := writing.Positions(len(entries))
		for i := range entries {
			entries[i].Fate, entries[i].Position = fates[entries[i].Row], first+int64(i)
		}
		return version.Write(ctx, tx, entries)
	})
	if err != nil {
		return nil, fmt.Errorf("give rows further versions: %w", err)
	}
	if len(renewed) > 0 {
		n.wakeSenders()
	}
	return renewed, nil
}
