package node

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// SetLogLevel changes what is logged.
func (n *Node) SetLogLevel(level string) error {
	if err := n.logging.SetLevel(level); err != nil {
		return status.Kind(status.ErrRequest, err)
	}
	n.Renew()
	return nil
}

// Retry has refused rows sent again now.
func (n *Node) Retry(ctx context.Context, of status.Rows) (int64, error) {
	rows, err := n.Running.Retry(ctx, of)
	if n.Opened() {
		n.wakeMarked()
	}
	return rows, err
}

// Verify compares tables with remotes, one after the other.
func (n *Node) Verify(ctx context.Context, v status.Verify, tell func(status.Comparison) error) error {
	if len(v.Tables) == 0 {
		v.Tables = n.cfg.Tables()
	}
	if len(v.Remotes) == 0 {
		v.Remotes = n.cfg.RemoteClients
	}
	// What is repaired of a table needs that of its parents.
	groups, err := status.Ask(ctx, n.Running, func(ctx context.Context, _ *status.Desk) ([][]string, error) {
		return n.work.Load().tables.ParentsFirst(ctx, v.Tables)
	})
	if err != nil {
		return err
	}
	for _, table := range slices.Concat(groups...) {
		for _, remote := range v.Remotes {
			c := status.Comparison{Remote: remote, Table: table, At: n.now()}
			found, err := status.Ask(ctx, n.Running, func(ctx context.Context, d *status.Desk) (status.Comparison, error) {
				if err := d.Known(remote, table); err != nil {
					return status.Comparison{}, err
				}
				return n.work.Load().verifier.Verify(ctx, remote, table, v.Repair)
			})
			if found.Table != "" {
				c = found
			}
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
