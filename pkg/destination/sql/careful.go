package sql

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// careful writes a batch that the table has refused because of a row: it halves the batch, in one
// transaction, until the faulty rows are alone, and omits these, with the reason in their answers.
//
// A row may be refused only because another one still has the value that it takes, as when the items of a list move up by
// one place. So what was refused is retried in the opposite order, for as long as that helps.
func (d *Destination) careful(ctx context.Context, b *job.Batch) ([]job.Answer, error) {
	if _, err := d.types(ctx); err != nil { // in no transaction
		return nil, d.failed(err, remote.Retry)
	}
	c := carefully{Destination: d, batch: b}
	err := d.transaction(ctx, func(tx *sql.Tx) error {
		c.tx, c.answers = tx, make([]job.Answer, len(b.Operations))
		left := make([]int, len(b.Operations))
		for i := range left {
			left[len(left)-1-i] = i
		}
		if err := c.together(ctx, left); err == nil || !c.refuses(err) {
			return err
		}
		for before := len(left) + 1; len(left) < before; {
			before = len(left)
			slices.Reverse(left) // the batch's own order comes first: of two rows with one value, the first keeps it
			var err error
			if left, err = c.some(ctx, left); err != nil {
				return err
			}
		}
		return nil
	})
	return c.answers, err
}

// carefully is careful in a transaction.
type carefully struct {
	*Destination
	tx      *sql.Tx
	batch   *job.Batch
	answers []job.Answer
}

// some writes some operations of the batch, by index, and returns those that were refused.
func (c *carefully) some(ctx context.Context, list []int) (refused []int, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	if err = c.together(ctx, list); err == nil || !c.refuses(err) {
		return nil, err
	}
	if len(list) == 1 {
		c.answers[list[0]] = job.Answer{Refused: c.failed(err, remote.RowRefused).Error()}
		return list, nil
	}
	for _, half := range [][]int{list[:len(list)/2], list[len(list)/2:]} {
		some, err := c.some(ctx, half)
		if err != nil {
			return nil, err
		}
		refused = append(refused, some...)
	}
	return refused, nil
}

// together writes all of some operations, or none.
func (c *carefully) together(ctx context.Context, list []int) error {
	some := &job.Batch{ID: c.batch.ID}
	for _, i := range list {
		some.Operations = append(some.Operations, c.batch.Operations[i])
	}
	w, answers, err := c.prepare(ctx, some)
	if err != nil {
		return err
	}
	if _, err := c.tx.ExecContext(ctx, "SAVEPOINT careful"); err != nil {
		return err
	}
	if err := w.run(ctx, c.tx); err != nil {
		if c.refuses(err) {
			_, back := c.tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT careful")
			if back != nil {
				return back
			}
		}
		return err
	}
	for at, i := range list {
		c.answers[i] = answers[at]
	}
	_, err = c.tx.ExecContext(ctx, "RELEASE SAVEPOINT careful")
	return err
}

// refuses reports whether an error means that the table does not accept a row.
func (d *Destination) refuses(err error) bool {
	return errors.As(err, new(*keyError)) || d.dialect.ofRow(err)
}
