package route

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// own refuses a change by which a row is no longer one of its sender's, if that may not be. What this node has taken from the sender, it may
// write until it has heard that, and what follows such a row: it gives nothing back before it has sent what it has written.
func (r *Router) own(ctx context.Context, tx Tx, e *version.Entry, before uint32) error {
	if r.cfg.RouteWrite != "own" || e.From == "" || e.Fate != version.There || r.To(e.Table, e.Label, e.From) {
		return nil
	}
	taken := e.Row
	if before != e.Label {
		parents := map[string]change.Row{}
		if r.Follows(e.Table) {
			var err error
			if parents, err = tx.Parents(ctx, e.Table, []string{e.Key}); err != nil {
				return err
			}
		}
		taken = parents[e.Key]
	}
	if taken.Table != "" {
		not, err := r.NotTheirsIn(ctx, tx, e.From, taken.Table, []change.Row{taken})
		if err != nil || !not[taken] {
			return err
		}
	}
	return fmt.Errorf("the row of %s would no longer be one of %s, and routeOptions.write is own", e.Table, e.From)
}
