package ledger

import (
	"context"
	"fmt"
	"time"
)

// Found is a row that a destination was found to have.
type Found struct {
	Key      string
	RemoteID string
	Hash     Hash   // of its data as a job would send them; zero if unknown
	CameFrom string // "": as before
}

// Adoption is a reading of a whole destination. While it lasts, nothing is sent there.
type Adoption struct {
	g    *Leg
	seen *Seen
}

// Adopt begins to fill the leg's ledger with what the destination has.
func (g *Leg) Adopt(ctx context.Context) (*Adoption, error) {
	s, err := g.Pass(ctx)
	return &Adoption{g: g, seen: s}, err
}

// Add records rows that the destination has. It returns duplicates: of several rows with one key, the first counts.
func (a *Adoption) Add(ctx context.Context, found []Found) (twice []Found, err error) {
	return a.g.found(ctx, found, a.seen)
}

// Done forgets rows that were not found at the destination, and records that the leg was adopted.
func (a *Adoption) Done(ctx context.Context) error {
	var missing []string
	flush := func() error {
		err := a.g.absent(ctx, missing)
		missing = missing[:0]
		return err
	}
	for r, err := range a.g.walk(ctx, func(r *row) bool { return r.id < a.seen.below && !a.seen.Has(r.id) && r.acked.There }) {
		if err != nil {
			return err
		}
		if missing = append(missing, r.Key); len(missing) == page {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := a.g.l.update(ctx, func(tx *tx) error {
		return tx.exec(`UPDATE legs SET adopted_at = ? WHERE id = ?`, a.g.l.ms(), a.g.id)
	}); err != nil {
		return fmt.Errorf("adopt the destination of %s: %w", a.g.key.job, err)
	}
	return nil
}

// Found records which states of some keys were found at the destination, as when a batch in doubt was looked up.
func (g *Leg) Found(ctx context.Context, found []Found) error {
	_, err := g.found(ctx, found, nil)
	return err
}

// Absent records that the destination was found not to have these keys.
func (g *Leg) Absent(ctx context.Context, keys []string) error { return g.absent(ctx, keys) }

func (g *Leg) found(ctx context.Context, found []Found, seen *Seen) (twice []Found, err error) {
	keys := make([]string, 0, len(found))
	first := make(map[string]bool, len(found))
	var these []Found
	for _, f := range found {
		if f.Key == "" || first[f.Key] {
			twice = append(twice, f)
			continue
		}
		first[f.Key] = true
		keys, these = append(keys, f.Key), append(these, f)
	}
	var ids []int64
	if err := g.adopt(ctx, keys, func(i int, r *row, flying bool) (row, effects, bool) {
		f := these[i]
		if seen != nil && seen.Has(r.id) {
			twice = append(twice, f)
			return *r, effects{}, false
		}
		to, e := adopt(*r, State{There: true, Hash: f.Hash}, f.RemoteID, f.CameFrom, flying)
		return to, e, true
	}, &ids); err != nil {
		return nil, err
	}
	if seen != nil {
		for _, id := range ids {
			seen.Mark(id)
		}
	}
	return twice, nil
}

func (g *Leg) absent(ctx context.Context, keys []string) error {
	return g.adopt(ctx, keys, func(_ int, r *row, flying bool) (row, effects, bool) {
		to, e := adopt(*r, State{}, "", "", flying)
		return to, e, true
	}, nil)
}

// adopt carries out decisions about keys in one transaction.
func (g *Leg) adopt(ctx context.Context, keys []string, decide func(i int, r *row, flying bool) (row, effects, bool), ids *[]int64) error {
	var c *change
	err := g.l.update(ctx, func(tx *tx) error {
		c = g.change(tx)
		rows, err := g.load(tx, keys)
		if err != nil {
			return err
		}
		for i, k := range keys {
			r, e, counts := decide(i, &rows[i], g.flight.key(k, 0))
			if err := c.effect(e, 0, "", ""); err != nil {
				return err
			}
			id := r.id
			if r != rows[i] {
				if id, err = c.store(k, r); err != nil {
					return err
				}
			}
			if ids != nil && counts {
				*ids = append(*ids, id)
			}
		}
		if err := c.finish(); err != nil {
			return err
		}
		return g.settled(tx)
	}, func() { c.done() })
	if err != nil {
		return fmt.Errorf("record what the destination of %s has: %w", g.key.job, err)
	}
	return nil
}

// AdoptedAt returns when the leg was last adopted; zero for never.
func (g *Leg) AdoptedAt(ctx context.Context) (time.Time, error) {
	var t nullTime
	err := g.l.read.QueryRowContext(ctx, `SELECT adopted_at FROM legs WHERE id = ?`, g.id).Scan(&t)
	return t.Time(), err
}
