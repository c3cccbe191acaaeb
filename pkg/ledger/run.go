package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The states of a run.
const (
	Running     = "running"
	Waiting     = "waiting" // for a person's approval
	Done        = "done"
	Failed      = "failed"
	Interrupted = "interrupted" // the process ended
	Skipped     = "skipped"     // it was due while another one ran
	Cancelled   = "cancelled"
)

// Run is one execution of a job.
type Run struct {
	ID         int64
	Job        string
	Kind       string // scheduled, change, manual, retry, repeat, backfill, test
	Occurrence string // nominal local time, sortable; "" for a run started by hand
	ReportDate string
	Repeats    int64 // the run that this one repeats; 0: none
	State      string
	Failure
	Started   time.Time
	Ended     time.Time // zero while it runs
	ClearedAt time.Time // when a person cleared a failed run
	Counters
}

// Failure is why a run failed.
type Failure struct {
	Stage     string // where
	Error     string
	RequestID string // the destination's, for the request that failed
}

// Counters count a run's rows.
type Counters struct{ Read, Sent, Deleted, Unchanged, Refused int }

var (
	// ErrClaimed means that the occurrence already has a run.
	ErrClaimed = errors.New("the occurrence has already run")
	// ErrRunning means that the job is running.
	ErrRunning = errors.New("the job is running")
)

// Claim starts a run with the given Job, Kind, Occurrence, ReportDate and Repeats; State may be Skipped. It fails with
// ErrClaimed if the occurrence has ever run, and with ErrRunning if the job is running: promise 8.
func (l *Ledger) Claim(ctx context.Context, r *Run) error {
	if r.State == "" {
		r.State = Running
	}
	r.Started = time.UnixMilli(l.ms())
	if r.State != Running {
		r.Ended = r.Started
	}
	err := l.update(ctx, func(tx *tx) error {
		job, err := jobID(tx, r.Job)
		if err != nil {
			return err
		}
		if err := l.unwritten.write(tx); err != nil { // a job whose last run never ended could not run again
			return err
		}
		var claimed, running int
		if err := tx.one(`SELECT (SELECT count(*) FROM runs WHERE job = ?1 AND kind = ?2 AND occurrence = ?3), (SELECT count(*) FROM runs WHERE job = ?1 AND state = 'running')`,
			job, r.Kind, text(r.Occurrence)).Scan(&claimed, &running); err != nil {
			return err
		}
		switch {
		case claimed > 0:
			return ErrClaimed
		case running > 0 && r.State == Running:
			return ErrRunning
		}
		r.ID, err = tx.insert(`INSERT INTO runs (job, kind, occurrence, report_date, repeats, state, started, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			job, r.Kind, text(r.Occurrence), r.ReportDate, number(r.Repeats), r.State, when(r.Started), when(r.Ended))
		return err
	}, l.unwritten.forget)
	if err != nil {
		return fmt.Errorf("start a run of %s: %w", r.Job, err)
	}
	return nil
}

// End ends a run, or leaves it waiting, with its State, Stage, Error and RequestID. Its counters grow with each fill and
// booking, even later. An end that cannot be written is written when there is room again: see Unwritten.
func (l *Ledger) End(ctx context.Context, r *Run) error {
	r.Ended = time.UnixMilli(l.ms())
	if err := l.update(ctx, func(tx *tx) error { return end(tx, r) }); err != nil {
		l.unwritten.keep(r)
		return fmt.Errorf("end a run of %s: %w", r.Job, err)
	}
	return nil
}

func end(tx *tx, r *Run) error {
	return tx.exec(`UPDATE runs SET state = ?, stage = ?, error = ?, request_id = ?, ended = ? WHERE id = ?`, r.State, r.Stage, r.Error, r.RequestID, when(r.Ended), r.ID)
}

// Clear records that a person has dealt with a failed or waiting run.
func (l *Ledger) Clear(ctx context.Context, run int64) error {
	return l.update(ctx, func(tx *tx) error {
		n, err := tx.count(`UPDATE runs SET cleared_at = ? WHERE id = ? AND state IN ('failed', 'waiting', 'interrupted')`, l.ms(), run)
		if err == nil && n == 0 {
			err = fmt.Errorf("clear run %d: it did not fail", run)
		}
		return err
	})
}

// Inner is the prefix of the connector's own jobs, whose runs are shown only on request, by name.
const Inner = "publish: "

// Which selects runs. The zero value means all.
type Which struct {
	ID     int64
	Job    string
	Kind   string
	State  string
	Open   bool  // failed, interrupted or waiting, and not cleared
	Before int64 // those with a lower id, for the next page
	Limit  int   // 0: 100
}

// Runs returns runs, the newest first.
func (l *Ledger) Runs(ctx context.Context, w Which) ([]Run, error) {
	limit := w.Limit
	if limit == 0 {
		limit = 100
	}
	return l.runs(ctx, `(?1 = 0 OR r.id = ?1) AND (?1 <> 0 OR ?2 <> '' OR j.name NOT LIKE '`+Inner+`%') AND (?2 = '' OR j.name = ?2) AND (?3 = '' OR r.kind = ?3) AND (?4 = '' OR r.state = ?4) AND (?5 = 0 OR r.id < ?5)
			AND (NOT ?6 OR r.state IN ('failed', 'interrupted', 'waiting') AND r.cleared_at IS NULL)
		ORDER BY r.id DESC LIMIT ?7`, w.ID, w.Job, w.Kind, w.State, w.Before, w.Open, limit)
}

// runs returns the runs that a condition, which may name r and j, selects.
func (l *Ledger) runs(ctx context.Context, where string, args ...any) ([]Run, error) {
	var out []Run
	rows, err := l.read.QueryContext(ctx, `SELECT r.id, j.name, r.kind, coalesce(r.occurrence, ''), r.report_date, r.repeats, r.state, r.stage, r.error, r.request_id, r.started, r.ended, r.cleared_at,
			r.read, r.sent, r.deleted, r.unchanged, r.refused
		FROM runs r JOIN jobs j ON j.id = r.job WHERE `+where, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var r Run
		var repeats, started, ended, cleared sql.NullInt64
		if err := rows.Scan(&r.ID, &r.Job, &r.Kind, &r.Occurrence, &r.ReportDate, &repeats, &r.State, &r.Stage, &r.Error, &r.RequestID, &started, &ended, &cleared,
			&r.Read, &r.Sent, &r.Deleted, &r.Unchanged, &r.Refused); err != nil {
			return err
		}
		r.Repeats, r.Started, r.Ended, r.ClearedAt = repeats.Int64, at(started), at(ended), at(cleared)
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the runs: %w", err)
	}
	return out, nil
}

// FirstRun returns when a job first ran, as far as is remembered; zero for never.
func (l *Ledger) FirstRun(ctx context.Context, job string) (time.Time, error) {
	var first nullTime
	err := l.read.QueryRowContext(ctx, `SELECT min(started) FROM runs WHERE job = (SELECT id FROM jobs WHERE name = ?)`, job).Scan(&first)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the first run of %s: %w", job, err)
	}
	return first.Time(), nil
}

// Purge forgets runs that ended before the given time, except the last occurrence of each kind, so that it is not claimed
// again, and failed runs that wait for a person. It returns how many it forgot.
func (l *Ledger) Purge(ctx context.Context, before time.Time) (int, error) {
	n := 0
	err := l.update(ctx, func(tx *tx) (err error) {
		n, err = tx.count(`DELETE FROM runs WHERE ended < ?1 AND NOT (state IN ('failed', 'interrupted', 'waiting') AND cleared_at IS NULL)
			AND (occurrence IS NULL OR occurrence < (SELECT max(o.occurrence) FROM runs o WHERE o.job = runs.job AND o.kind = runs.kind))`, when(before))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forget old runs: %w", err)
	}
	return n, nil
}

// Prune forgets runs of a kind that were done and are not among the newest keep, as for a job that runs each second.
func (l *Ledger) Prune(ctx context.Context, job, kind string, keep int) error {
	err := l.update(ctx, func(tx *tx) error {
		return tx.exec(`DELETE FROM runs WHERE job = (SELECT id FROM jobs WHERE name = ?1) AND kind = ?2 AND state = 'done'
			AND id < (SELECT id FROM runs WHERE job = (SELECT id FROM jobs WHERE name = ?1) AND kind = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)`, job, kind, keep-1)
	})
	if err != nil {
		return fmt.Errorf("forget old runs of %s: %w", job, err)
	}
	return nil
}

// count adds to a run's counters.
func count(tx *tx, run int64, c Counters) error {
	if run == 0 || c == (Counters{}) {
		return nil
	}
	return tx.exec(`UPDATE runs SET read = read + ?, sent = sent + ?, deleted = deleted + ?, unchanged = unchanged + ?, refused = refused + ? WHERE id = ?`,
		c.Read, c.Sent, c.Deleted, c.Unchanged, c.Refused, run)
}
