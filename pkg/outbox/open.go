package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// OnlyOpen returns the outbox of a node whose sync_status lists only what is open: pending and refused rows. A row that
// the remote has acked is removed instead of shown as successful.
func (o *Outbox) OnlyOpen() *Outbox {
	c := *o
	c.onlyOpen = true
	return &c
}

// delist removes rows that are no longer open from sync_status, in the transaction that books their acks: promise 1.
func (o *Outbox) delist(ctx context.Context, tx mysqldb.Tx, remote string, list []Sent) error {
	if len(list) == 0 {
		return nil
	}
	var q mysqldb.Statement
	q.Grow(36 * len(list))
	for i, l := range o.lines(ctx, remote, list) {
		if i == 0 {
			q.SQL("DELETE FROM sync_status WHERE id IN (")
		} else {
			q.SQL(",")
		}
		l.appendID(&q)
	}
	q.SQL(")")
	return q.Exec(ctx, tx)
}

// shrink removes what sync_status shows as successful if only open rows are listed, which it was not always; it retries
// while the database is unavailable.
func (o *Outbox) shrink(ctx context.Context, log *zap.Logger) error {
	if !o.onlyOpen {
		return nil
	}
	for next := range pause.Doubling(ctx, time.Second, time.Minute) {
		err := o.sweep(ctx, `status = 'successful'`)
		if err == nil || ctx.Err() != nil {
			break
		}
		log.Warn("could not remove successful rows from sync_status; retrying", zap.Duration("next", next), zap.Error(err))
	}
	return nil
}

// sweepChunk is how many rows of sync_status one transaction scans.
const sweepChunk = 5000

// sweep removes the rows of sync_status that a condition selects, in small transactions.
func (o *Outbox) sweep(ctx context.Context, where string, args ...any) error {
	for after, more := "", true; more; {
		var upTo string
		err := o.db.GetContext(ctx, &upTo, `SELECT id FROM sync_status WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?`, after, sweepChunk)
		if more = !errors.Is(err, sql.ErrNoRows); !more {
			upTo, err = "~", nil // after all, which are hexadecimal
		}
		if err == nil {
			_, err = o.db.ExecContext(ctx, `DELETE FROM sync_status WHERE id > ? AND id <= ? AND `+where, append([]any{after, upTo}, args...)...)
		}
		if err != nil {
			return fmt.Errorf("remove rows from sync_status: %w", err)
		}
		after = upTo
	}
	return nil
}
