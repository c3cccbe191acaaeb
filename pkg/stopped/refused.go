package stopped

import (
	"context"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// Errors returns rows that are refused, the latest first, at most limit.
func (n *Node) Errors(ctx context.Context, of web.Rows, limit int) ([]web.RowError, error) {
	rowID, err := n.rowID(ctx, of)
	if err != nil {
		return nil, err
	}
	var list []web.RowError
	for _, remote := range n.remotes(of.Remote) {
		refused, err := n.outbox.Refused(ctx, remote, of.Table, rowID, limit)
		if err != nil {
			return nil, err
		}
		for _, r := range refused {
			at, err := time.Parse(time.DateTime, r.Status.Date)
			if err != nil {
				at = time.Time{} // sync_status was emptied
			}
			list = append(list, web.RowError{Remote: remote, Table: r.Table, ID: r.ID, Message: r.Status.Message, Attempts: r.Attempts,
				At: at, RetryAt: time.UnixMilli(r.RetryAt)})
		}
	}
	slices.SortStableFunc(list, func(x, y web.RowError) int { return y.At.Compare(x.At) })
	return list[:min(len(list), limit)], nil
}

// Retry has refused rows sent again as soon as the node runs, and returns how
// many.
func (n *Node) Retry(ctx context.Context, of web.Rows) (rows int64, err error) {
	rowID, err := n.rowID(ctx, of)
	if err != nil {
		return 0, err
	}
	for _, remote := range n.remotes(of.Remote) {
		some, err := n.outbox.RetryNow(ctx, remote, of.Table, rowID)
		if err != nil {
			return rows, err
		}
		rows += some
	}
	return rows, nil
}

// remotes returns the one asked for, or all.
func (n *Node) remotes(one string) []string {
	if one != "" {
		return []string{one}
	}
	return n.cfg.RemoteClients
}

// rowID returns the row_id of the single row asked for, "" for none.
func (n *Node) rowID(ctx context.Context, of web.Rows) (string, error) {
	if of.ID == "" {
		return "", nil
	}
	t, err := n.tables.Table(ctx, of.Table)
	if err != nil {
		return "", err
	}
	key, err := t.ParseID(of.ID)
	return change.Row{Table: t.Name, Key: key}.ID(), err
}
