package status

import (
	"context"
	"slices"
)

// Verify compares tables with remotes, one after the other.
func (r *Running) Verify(ctx context.Context, v Verify, tell func(Comparison) error) error {
	if len(v.Tables) == 0 {
		v.Tables = r.cfg.Tables()
	}
	if len(v.Remotes) == 0 {
		v.Remotes = r.cfg.RemoteClients
	}
	// Repairing a table requires its parents' repair.
	groups, err := ask(ctx, r, func(ctx context.Context, o *opened) ([][]string, error) { return o.Tables.ParentsFirst(ctx, v.Tables) })
	if err != nil {
		return err
	}
	for _, table := range slices.Concat(groups...) {
		for _, remote := range v.Remotes {
			c, err := r.verifyOne(ctx, remote, table, v.Repair)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				c.Error = err.Error()
			}
			if err := tell(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// verifyOne compares a table with a remote.
func (r *Running) verifyOne(ctx context.Context, remote, table string, repair bool) (Comparison, error) {
	c := Comparison{Remote: remote, Table: table, At: r.now()}
	found, err := ask(ctx, r, func(ctx context.Context, o *opened) (Comparison, error) {
		if err := o.Known(remote, table); err != nil {
			return c, err
		}
		return o.Work.Verify(ctx, remote, table, repair)
	})
	if found.Table != "" {
		c = found
	}
	return c, err
}
