package transform

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// query runs a file's statement when its turn comes.
func (c *process) query(ctx context.Context, file, sql string) ([]value.Entity, error) {
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
		return c.owner.querier.Query(ctx, file, sql)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// mostAsked is how many bytes of statements and messages a process may have pending, unless it is a single one;
// askedBytes is the overhead of each.
const (
	mostAsked  = 64 << 20
	askedBytes = 1 << 10
)

// errAsked ends a process that has more requests pending.
var errAsked = fmt.Errorf("asked for more than %d MiB of statements and messages at once", mostAsked>>20)

// answer fulfills a script's request and sends the answer. c.mu is held.
func (c *process) answer(r *run, request uint64, size int, get func(context.Context) ([]value.Entity, error)) error {
	size += askedBytes
	if c.asked > 0 && c.asked+size > mostAsked {
		return errAsked
	}
	c.asked += size
	if r.ctx == nil {
		r.ctx, r.cancel = context.WithCancel(r.whole)
	}
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
