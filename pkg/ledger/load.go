package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
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

// blob returns the single value that a query returns, or io.EOF if it returns none. It bypasses package sql, which would
// copy the value once more.
func (l *Ledger) blob(ctx context.Context, query string, args ...any) (data []byte, err error) {
	conn, err := l.read.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return data, conn.Raw(func(c any) (err error) {
		q, ok := c.(driver.QueryerContext)
		if !ok {
			return errors.New("the driver has no queries")
		}
		values := make([]driver.NamedValue, len(args))
		for i, a := range args {
			values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
		}
		rows, err := q.QueryContext(ctx, query, values)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		value := make([]driver.Value, 1)
		if err := rows.Next(value); err != nil {
			return err
		}
		if data, ok = value[0].([]byte); !ok {
			return sql.ErrNoRows
		}
		return nil
	})
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
