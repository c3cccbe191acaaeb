package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Alert tells people that something needs them, and later that it no longer does. A rule has one open alert for a
// subject: what is raised again is told once.
type Alert struct {
	ID      int64
	Rule    string
	Subject string
	Text    string
	Over    bool // it is to be told that this is over
	Count   int  // how often it was raised
	Tries   int  // how often it could not be told
	Since   time.Time
	OverAt  time.Time
	ToldAt  time.Time // that it is open
}

// Raise opens an alert, or counts that it was raised again. It reports whether it was opened.
func (l *Ledger) Raise(ctx context.Context, rule, subject, text string) (opened bool, err error) {
	err = l.update(ctx, func(tx *tx) error {
		n, err := tx.count(`UPDATE alerts SET count = count + 1, text = ? WHERE rule = ? AND subject = ? AND state = 'open'`, text, rule, subject)
		if err != nil || n > 0 {
			opened = false
			return err
		}
		opened = true
		return tx.exec(`INSERT INTO alerts (rule, subject, text, state, since) VALUES (?, ?, ?, 'open', ?)`, rule, subject, text, l.ms())
	})
	if err != nil {
		return false, fmt.Errorf("raise an alert of %s: %w", subject, err)
	}
	return opened, nil
}

// Settle ends the open alert of a rule for a subject. What was told is told to be over; what was not is forgotten. It
// reports whether one was open.
func (l *Ledger) Settle(ctx context.Context, rule, subject string) (was bool, err error) {
	err = l.update(ctx, func(tx *tx) error {
		n, err := tx.count(`DELETE FROM alerts WHERE rule = ? AND subject = ? AND state = 'open' AND told_at IS NULL`, rule, subject)
		if err != nil || n > 0 {
			was = true
			return err
		}
		n, err = tx.count(`UPDATE alerts SET state = 'over', over_at = ?, tries = 0, retry_at = NULL WHERE rule = ? AND subject = ? AND state = 'open'`, l.ms(), rule, subject)
		was = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("end an alert of %s: %w", subject, err)
	}
	return was, nil
}

const alertColumns = `SELECT id, rule, subject, text, state = 'over', count, tries, since, over_at, told_at FROM alerts `

func (l *Ledger) alerts(ctx context.Context, where string, args ...any) ([]Alert, error) {
	var out []Alert
	rows, err := l.read.QueryContext(ctx, alertColumns+where, args...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var a Alert
		var since, over, told nullTime
		err := rows.Scan(&a.ID, &a.Rule, &a.Subject, &a.Text, &a.Over, &a.Count, &a.Tries, &since, &over, &told)
		a.Since, a.OverAt, a.ToldAt = since.Time(), over.Time(), told.Time()
		out = append(out, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the alerts: %w", err)
	}
	return out, nil
}

// NextAlert returns the oldest alert that is due to be told; ok is false if there is none. The time is when the next one
// is due, if none is now; zero for none.
func (l *Ledger) NextAlert(ctx context.Context) (a Alert, ok bool, due time.Time, err error) {
	const untold = `(state = 'open' AND told_at IS NULL OR state = 'over' AND over_told_at IS NULL)`
	all, err := l.alerts(ctx, `WHERE `+untold+` AND (retry_at IS NULL OR retry_at <= ?) ORDER BY id LIMIT 1`, l.ms())
	if err != nil || len(all) > 0 {
		if err == nil {
			a, ok = all[0], true
		}
		return a, ok, due, err
	}
	var t nullTime
	err = l.read.QueryRowContext(ctx, `SELECT min(retry_at) FROM alerts WHERE `+untold).Scan(&t)
	return a, false, t.Time(), err
}

// Told notes that an alert was told.
func (l *Ledger) Told(ctx context.Context, a Alert) error {
	column := "told_at"
	if a.Over {
		column = "over_told_at"
	}
	return l.update(ctx, func(tx *tx) error {
		return tx.exec(`UPDATE alerts SET `+column+` = ?, tries = 0, retry_at = NULL WHERE id = ?`, l.ms(), a.ID)
	})
}

// NotTold notes that an alert could not be told and when to try again.
func (l *Ledger) NotTold(ctx context.Context, a Alert, retry time.Time) error {
	return l.update(ctx, func(tx *tx) error {
		return tx.exec(`UPDATE alerts SET tries = tries + 1, retry_at = ? WHERE id = ?`, when(retry), a.ID)
	})
}

// Alerts returns the alerts, the open ones first, then the newest.
func (l *Ledger) Alerts(ctx context.Context, limit int) ([]Alert, error) {
	return l.alerts(ctx, `ORDER BY state = 'over', id DESC LIMIT ?`, limit)
}

// PurgeAlerts forgets alerts that were told to be over before a time.
func (l *Ledger) PurgeAlerts(ctx context.Context, before time.Time) error {
	return l.update(ctx, func(tx *tx) error {
		return tx.exec(`DELETE FROM alerts WHERE state = 'over' AND over_told_at < ?`, when(before))
	})
}
