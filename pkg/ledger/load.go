package ledger

import (
	"context"
	"fmt"
)

// Load reads the data of operations in flight that lack them, since they have at least Heavy bytes.
func (g *Leg) Load(ctx context.Context, operations []Operation) error {
	for i := range operations {
		o := &operations[i]
		if o.Data != nil || o.Size == 0 {
			continue
		}
		var err error
		if o.Data, err = g.l.blob(ctx, `SELECT data FROM outbox WHERE id = ?`, g.outboxID(o.number)); err != nil {
			return fmt.Errorf("read a row of %s from the outbox: %w", g.key.job, err)
		}
	}
	return nil
}

// Unload forgets data that Load can read again.
func Unload(operations []Operation) {
	for i := range operations {
		if operations[i].Size >= Heavy {
			operations[i].Data = nil
		}
	}
}

// stepBytes bounds the data of one statement that writes rows, since SQLite copies them; a larger row is alone.
const stepBytes = 1 << 20

// light calls f for parts of n rows that have at most stepBytes of data, and few different lengths: see lengths.
func light(n, longest int, size func(int) int, f func(from, to int) error) error {
	for from := 0; from < n; {
		to, sum := from+1, size(from)
		for to < n && sum+size(to) <= stepBytes {
			sum += size(to)
			to++
		}
		if err := lengths(to-from, longest, func(a, b int) error { return f(from+a, from+b) }); err != nil {
			return err
		}
		from = to
	}
	return nil
}
