package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Refusal is a state that a destination refused. It stays until it is retried or dismissed, or the source has a newer
// state.
type Refusal struct {
	ID     int64
	Key    string
	Delete bool
	Data   []byte // nil for a delete, and for a row larger than a piece
	Reason string
	Batch  string // in which it was last sent
	Run    int64
	Tries  int
	At     time.Time
}

// ErrNotRefused means that there is no such refused row.
var ErrNotRefused = errors.New("no such refused row")

// Refusals returns refused rows with ids above after, without their data, the oldest first.
func (g *Leg) Refusals(ctx context.Context, after int64, limit int) ([]Refusal, error) {
	var out []Refusal
	rows, err := g.l.read.QueryContext(ctx, `SELECT id, key, hash, reason, batch, coalesce(run, 0), tries, refused_at FROM refused WHERE leg = ? AND id > ? ORDER BY id LIMIT ?`, g.id, after, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var r Refusal
		var hash sql.RawBytes
		var when sql.NullInt64
		if err := rows.Scan(&r.ID, &r.Key, &hash, &r.Reason, &r.Batch, &r.Run, &r.Tries, &when); err != nil {
			return err
		}
		s, err := state(hash)
		r.Delete, r.At = !s.There, at(when)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the refused rows of %s: %w", g.key.job, err)
	}
	return out, nil
}

// Retry puts refused rows back into the outbox, at its end.
func (g *Leg) Retry(ctx context.Context, ids ...int64) error {
	return g.unrefuse(ctx, "retry", ids, func(c *change, id int64, r *row) error {
		n := c.number()
		if err := c.exec(`INSERT INTO outbox (id, key, hash, run, tries, data) SELECT ?, key, hash, run, tries, data FROM refused WHERE id = ?`, g.outboxID(n), id); err != nil {
			return err
		}
		if err := c.keep("refused", id); err != nil {
			return err
		}
		c.waiting++
		r.waits = n
		return nil
	})
}

// Dismiss forgets that rows were refused. They are not sent until they change at the source.
func (g *Leg) Dismiss(ctx context.Context, ids ...int64) error {
	return g.unrefuse(ctx, "dismiss", ids, func(*change, int64, *row) error { return nil })
}

func (g *Leg) unrefuse(ctx context.Context, what string, ids []int64, f func(c *change, id int64, r *row) error) error {
	var c *change
	err := g.l.update(ctx, func(tx *tx) error {
		c = g.change(tx)
		for _, id := range ids {
			var key string
			err := tx.one(`SELECT key FROM refused WHERE id = ? AND leg = ?`, id, g.id).Scan(&key)
			if errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("%d: %w", id, ErrNotRefused)
			}
			if err != nil {
				return err
			}
			rows, err := g.load(tx, []string{key})
			if err != nil {
				return err
			}
			r := rows[0]
			r.refused = 0
			if err := f(c, id, &r); err != nil {
				return err
			}
			if err := errors.Join(c.scrap(`refused WHERE id = ?`, id), c.exec(`DELETE FROM refused WHERE id = ?`, id)); err != nil {
				return err
			}
			c.refused--
			if key == "" {
				continue
			}
			if _, err := c.store(key, r); err != nil {
				return err
			}
		}
		return c.finish()
	}, func() { c.done() })
	if err != nil {
		return fmt.Errorf("%s refused rows of %s: %w", what, g.key.job, err)
	}
	return nil
}

// JobRefusal is a refused row of one of a job's destinations.
type JobRefusal struct {
	Destination string
	Refusal
}

// RefusedOf returns refused rows of all legs of a job with ids above after, the oldest first. Rows larger than a piece are
// without their data.
func (l *Ledger) RefusedOf(ctx context.Context, job string, after int64, limit int) ([]JobRefusal, error) {
	var out []JobRefusal
	rows, err := l.read.QueryContext(ctx, `SELECT g.destination, f.id, f.key, f.hash, CASE typeof(f.data) WHEN 'blob' THEN f.data END, f.reason, f.batch, coalesce(f.run, 0), f.tries, f.refused_at
		FROM refused f JOIN legs g ON g.id = f.leg JOIN jobs j ON j.id = g.job WHERE j.name = ? AND f.id > ? ORDER BY f.id LIMIT ?`, job, after, limit)
	err = each(rows, err, func(rows *sql.Rows) error {
		var r JobRefusal
		var hash, data sql.RawBytes
		var when sql.NullInt64
		if err := rows.Scan(&r.Destination, &r.ID, &r.Key, &hash, &data, &r.Reason, &r.Batch, &r.Run, &r.Tries, &when); err != nil {
			return err
		}
		s, err := state(hash)
		r.Delete, r.At, r.Data = !s.There, at(when), slices.Clone([]byte(data))
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the refused rows of %s: %w", job, err)
	}
	return out, nil
}
