package transform

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// query runs a statement of a file's when it is its turn.
func (c *process) query(ctx context.Context, file, sql string) ([]value.Entity, error) {
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
		return c.owner.querier.Query(ctx, file, sql)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// mostAsked is how many bytes the statements and messages of a process have that it asks for
// at a time, unless it is a single one; and askedBytes what one takes beside its text.
const (
	mostAsked  = 64 << 20
	askedBytes = 1 << 10
)

// errAsked is why a process is ended that asks for more.
var errAsked = fmt.Errorf("asked for more than %d MiB of statements and messages at once", mostAsked>>20)

// answer gets a script what it asks for, and tells it. c.mu is held.
func (c *process) answer(r *run, request uint64, size int, get func(context.Context) ([]value.Entity, error)) error {
	size += askedBytes
	if c.asked > 0 && c.asked+size > mostAsked {
		return errAsked
	}
	c.asked += size
	ctx := r.ctx
	r.asking.Go(func() {
		defer func() {
			c.mu.Lock()
			c.asked -= size
			c.mu.Unlock()
		}()
		rows, err := get(ctx)
		b := appendBool(binary.AppendUvarint(nil, request), false)
		if err == nil {
			b = binary.AppendUvarint(b, uint64(len(rows)))
			for i := 0; i < len(rows) && err == nil && len(b) <= maxFrame; i++ {
				b, err = appendEntity(b, rows[i])
			}
		}
		if err == nil && len(b) > maxFrame {
			err = fmt.Errorf("the answer has more than %d MiB", maxFrame>>20)
		}
		if err != nil {
			c.mu.Lock()
			if ctx.Err() == nil {
				r.errors[request] = err
			}
			c.mu.Unlock()
			b = appendString(appendBool(binary.AppendUvarint(nil, request), true), err.Error())
		}
		c.tell(frameAnswer, b, c.owner.config.TimeLimit+graceTime)
	})
	return nil
}
