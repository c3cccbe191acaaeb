package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Job is what the ledger remembers of a job.
type Job struct {
	Name        string
	Fingerprint string    // of its configuration, as it last ran
	PausedAt    time.Time // zero: it is not paused
	Reason      string    // why it is paused
	NextAt      time.Time // when the next run is due; zero for none
	Legs        []LegState
}

// LegState is what people see of a leg.
type LegState struct {
	Direction   Direction
	Destination string
	AdoptedAt   time.Time
	Settled     Place
	Counts
}

// nullTime is a time in the file, or none.
type nullTime struct{ sql.NullInt64 }

func (t nullTime) Time() time.Time { return at(t.NullInt64) }

// Jobs returns all jobs by name.
func (l *Ledger) Jobs(ctx context.Context) ([]Job, error) {
	var out []Job
	rows, err := l.read.QueryContext(ctx, `SELECT j.name, j.fingerprint, j.paused_at, j.reason, j.next_at, g.direction, g.destination, g.adopted_at, g.place_value, g.place_key, g.known, g.waiting, g.refused
		FROM jobs j LEFT JOIN legs g ON g.job = j.id ORDER BY j.name, g.direction DESC, g.id`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var j Job
		var paused, next, adopted nullTime
		var direction, destination, value, key sql.NullString
		var known, waiting, refused sql.NullInt64
		if err := rows.Scan(&j.Name, &j.Fingerprint, &paused, &j.Reason, &next, &direction, &destination, &adopted, &value, &key, &known, &waiting, &refused); err != nil {
			return err
		}
		j.PausedAt, j.NextAt = paused.Time(), next.Time()
		if n := len(out); n == 0 || out[n-1].Name != j.Name {
			out = append(out, j)
		}
		if direction.Valid {
			last := &out[len(out)-1]
			last.Legs = append(last.Legs, LegState{Direction(direction.String), destination.String, adopted.Time(), Place{value.String, key.String},
				Counts{int(known.Int64), int(waiting.Int64), int(refused.Int64)}})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the jobs: %w", err)
	}
	return out, nil
}

// Paused reports whether a job is paused, and why.
func (l *Ledger) Paused(ctx context.Context, job string) (paused bool, reason string, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT reason FROM jobs WHERE name = ? AND paused_at IS NOT NULL`, job)
	err = each(rows, err, func(rows *sql.Rows) error {
		paused = true
		return rows.Scan(&reason)
	})
	if err != nil {
		err = fmt.Errorf("read whether %s is paused: %w", job, err)
	}
	return paused, reason, err
}

// Pause pauses a job until Resume. The first reason stays.
func (l *Ledger) Pause(ctx context.Context, job, reason string) error {
	return l.job(ctx, job, `UPDATE jobs SET paused_at = ?2, reason = ?3 WHERE id = ?1 AND paused_at IS NULL`, l.ms(), reason)
}

// Resume resumes a job.
func (l *Ledger) Resume(ctx context.Context, job string) error {
	return l.job(ctx, job, `UPDATE jobs SET paused_at = NULL, reason = '' WHERE id = ?1`)
}

// PlanNext records when the job's next run is due; zero for none.
func (l *Ledger) PlanNext(ctx context.Context, job string, t time.Time) error {
	return l.job(ctx, job, `UPDATE jobs SET next_at = ?2 WHERE id = ?1`, when(t))
}

// Fingerprint records the fingerprint of the job's configuration and returns the previous one, "" for none.
func (l *Ledger) Fingerprint(ctx context.Context, job, now string) (before string, err error) {
	err = l.update(ctx, func(tx *tx) error {
		id, err := jobID(tx, job)
		if err != nil {
			return err
		}
		if err := tx.one(`SELECT fingerprint FROM jobs WHERE id = ?`, id).Scan(&before); err != nil || before == now {
			return err
		}
		return tx.exec(`UPDATE jobs SET fingerprint = ? WHERE id = ?`, now, id)
	})
	if err != nil {
		err = fmt.Errorf("record the fingerprint of %s: %w", job, err)
	}
	return before, err
}

func (l *Ledger) job(ctx context.Context, name, query string, args ...any) error {
	err := l.update(ctx, func(tx *tx) error {
		id, err := jobID(tx, name)
		if err != nil {
			return err
		}
		return tx.exec(query, append([]any{id}, args...)...)
	})
	if err != nil {
		return fmt.Errorf("record the state of %s: %w", name, err)
	}
	return nil
}

// Forget removes a job that is no longer configured, with everything known about its rows and runs.
func (l *Ledger) Forget(ctx context.Context, job string) error {
	err := l.update(ctx, func(tx *tx) error {
		var legs []int64
		if err := tx.each(func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			legs = append(legs, id)
			return err
		}, `SELECT g.id FROM legs g JOIN jobs j ON j.id = g.job WHERE j.name = ?`, job); err != nil {
			return err
		}
		for _, id := range legs { // the outbox has no foreign key: its ids begin with the leg
			first, next := id<<numberBits, (id+1)<<numberBits
			if err := errors.Join(tx.scrap(`outbox WHERE id >= ? AND id < ?`, first, next), tx.scrap(`refused WHERE leg = ?`, id)); err != nil {
				return err
			}
			if err := tx.exec(`DELETE FROM outbox WHERE id >= ? AND id < ?`, first, next); err != nil {
				return err
			}
		}
		return tx.exec(`DELETE FROM jobs WHERE name = ?`, job)
	}, func() {
		for k := range l.legs {
			if k.job == job {
				delete(l.legs, k)
			}
		}
	})
	if err != nil {
		return fmt.Errorf("forget %s: %w", job, err)
	}
	return nil
}
