package status

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// Errors returns rows that are refused, the latest first, at most limit.
func (d *Desk) Errors(ctx context.Context, of Rows, limit int) ([]RowError, error) {
	rowID, err := d.rowOf(ctx, of)
	if err != nil {
		return nil, err
	}
	return d.refusedOf(ctx, d.remotes(of.Remote), of.Table, rowID, limit)
}

// refusedOf is Errors by the row's change.Row.ID; an empty one is any row.
func (d *Desk) refusedOf(ctx context.Context, remotes []string, table, rowID string, limit int) ([]RowError, error) {
	list := []RowError{}
	for _, remote := range remotes {
		refused, err := d.outbox.Refused(ctx, remote, table, rowID, limit)
		if err != nil {
			return nil, err
		}
		for _, r := range refused {
			at, err := time.Parse(time.DateTime, r.Status.Date)
			if err != nil {
				at = time.UnixMilli(r.RetryAt) // sync_status was emptied
			}
			list = append(list, RowError{Remote: remote, Table: r.Table, ID: r.ID, Message: r.Status.Message, Attempts: r.Attempts,
				At: at, RetryAt: time.UnixMilli(r.RetryAt), Waits: r.Temporary})
		}
	}
	slices.SortStableFunc(list, func(x, y RowError) int { return y.At.Compare(x.At) })
	return list[:min(len(list), limit)], nil
}

// Retry makes refused rows ready to be sent again, and returns how many.
func (d *Desk) Retry(ctx context.Context, of Rows) (rows int64, err error) {
	rowID, err := d.rowOf(ctx, of)
	if err != nil {
		return 0, err
	}
	for _, remote := range d.remotes(of.Remote) {
		some, err := d.outbox.RetryNow(ctx, remote, of.Table, rowID)
		if err != nil {
			return rows, err
		}
		rows += some
	}
	return rows, nil
}

// rowOf checks which rows are asked for and returns the row_id of a single one.
func (d *Desk) rowOf(ctx context.Context, of Rows) (rowID string, err error) {
	if err := d.Known(of.Remote, of.Table); err != nil {
		return "", err
	}
	if of.ID == "" {
		return "", nil
	}
	if of.Table == "" {
		return "", Kind(ErrRequest, errors.New("an id requires its table"))
	}
	t, err := d.tables.Table(ctx, of.Table)
	if err != nil {
		return "", err
	}
	key, err := t.ParseID(of.ID)
	if err != nil {
		return "", Kind(ErrRequest, err)
	}
	rows := []change.Row{{Table: of.Table, Key: key}}
	if err := d.tables.Identify(ctx, rows); err != nil {
		return "", err
	}
	return rows[0].ID(), nil
}
