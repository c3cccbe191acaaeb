package job

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// portion is a chunk of rows and the room that it takes.
type portion struct {
	rows []*record.Record
	held held
}

// chunks turns a source's rows into portions.
type chunks struct {
	ctx  context.Context //nolint:containedctx // one reading's context
	to   chan portion
	rows []*record.Record
	size int // of their data, in bytes
	held held
	next int // bytes for which the next row already has room; 0: it has not asked
}

// room makes room for the next row. It implements Request.Room.
func (c *chunks) room(ctx context.Context, n int) error {
	c.next = n
	defer sweep(n)
	if c.held.covers(c.size + n) {
		return nil
	}
	if len(c.rows) > 0 { // rows give their room back once decided about
		if err := c.hand(); err != nil {
			return err
		}
	}
	return c.held.wait(ctx, n)
}

// add adds the next row.
func (c *chunks) add(rec *record.Record) error {
	n := len(rec.Data)
	if c.next == 0 || n > 2*c.next {
		if err := c.room(c.ctx, n); err != nil {
			return err
		}
	}
	c.next = 0
	sweep(n) // what the source has left of it
	c.rows = append(c.rows, rec)
	if c.size += n; len(c.rows) < chunk && c.size < chunkBytes {
		return nil
	}
	return c.hand()
}

// hand hands the chunk on.
func (c *chunks) hand() error {
	select {
	case c.to <- portion{c.rows, c.held}:
		c.held.bytes = 0
		c.rows, c.size = make([]*record.Record, 0, len(c.rows)), 0
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}
