package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Watermark is a job's position in one direction.
type Watermark struct {
	Read    Place // everything up to here is in the outbox: reading continues here
	Settled Place // everything up to here is settled at each destination: acked, unchanged, or refused and kept
	MovedBy int64 // the run that last read; 0: none
}

// Watermark returns the job's position.
func (l *Ledger) Watermark(ctx context.Context, job string, d Direction) (Watermark, error) {
	var w Watermark
	var moved sql.NullInt64
	err := l.read.QueryRowContext(ctx, `SELECT w.read_value, w.read_key, w.moved_by, l.place_value, l.place_key
		FROM jobs j JOIN watermarks w ON w.job = j.id JOIN legs l ON l.job = j.id AND l.direction = w.direction
		WHERE j.name = ? AND w.direction = ? ORDER BY l.place LIMIT 1`, job, d).Scan(&w.Read.Value, &w.Read.Key, &moved, &w.Settled.Value, &w.Settled.Key)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return w, fmt.Errorf("read the watermark of %s: %w", job, err)
	}
	w.MovedBy = moved.Int64
	return w, nil
}

// place moves the reading position, and marks in each leg's outbox which entries must be gone for it to be settled.
func (l *Ledger) place(tx *tx, f *Fill, changes []*change) error {
	if f.Place == nil || len(changes) == 0 {
		return nil
	}
	g := changes[0].g
	var place int64
	if err := tx.one(`INSERT INTO watermarks VALUES (?, ?, 1, ?, ?, ?)
		ON CONFLICT DO UPDATE SET place = place + 1, read_value = excluded.read_value, read_key = excluded.read_key, moved_by = excluded.moved_by
		RETURNING place`, g.job, g.key.direction, f.Place.Value, f.Place.Key, number(f.Run)).Scan(&place); err != nil {
		return err
	}
	for _, c := range changes {
		if err := tx.exec(`REPLACE INTO marks VALUES (?, ?, ?, ?, ?)`, c.g.id, c.nextNumber-1, place, f.Place.Value, f.Place.Key); err != nil {
			return err
		}
		if err := c.g.settled(tx); err != nil {
			return err
		}
	}
	return nil
}

// settled moves the leg's settled place to the last mark before its first outbox entry.
func (g *Leg) settled(tx *tx) error {
	from, to := g.bounds()
	var first sql.NullInt64
	if err := tx.one(`SELECT min(id) FROM outbox WHERE id >= ? AND id < ?`, from, to).Scan(&first); err != nil {
		return err
	}
	before := int64(1) << numberBits
	if first.Valid {
		before = first.Int64 - from
	}
	n, err := tx.count(`UPDATE legs SET (place, place_value, place_key) = (SELECT place, value, key FROM marks WHERE leg = ?1 AND number < ?2 ORDER BY number DESC LIMIT 1)
		WHERE id = ?1 AND EXISTS (SELECT 1 FROM marks WHERE leg = ?1 AND number < ?2)`, g.id, before)
	if err != nil || n == 0 {
		return err
	}
	return tx.exec(`DELETE FROM marks WHERE leg = ? AND number < ?`, g.id, before)
}
