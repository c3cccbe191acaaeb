package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Alert tells people that something needs them, and later that it no longer does. A rule has at most one open alert per
// subject: if it is raised again, people are not told again.
type Alert struct {
	ID      int64
	Rule    string
	Subject string
	Text    string
	Over    bool // it is no longer open, and targets are to be told so
	Count   int  // how often it was raised
	Tries   int  // failed attempts to tell the target in question
	Since   time.Time
	OverAt  time.Time
	ToldAt  time.Time // when the first target was told that it is open; zero: none was
}

// Raise opens an alert, or counts it if it is already open. It reports whether it was opened.
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

// Settle ends the open alert of a rule for a subject. Targets that were told of it, or may have been, will be told that it
// is over; if there are none, the alert is forgotten. It reports whether one was open.
func (l *Ledger) Settle(ctx context.Context, rule, subject string) (was bool, err error) {
	err = l.update(ctx, func(tx *tx) error {
		n, err := tx.count(`DELETE FROM alerts WHERE rule = ? AND subject = ? AND state = 'open'
			AND NOT EXISTS (SELECT 1 FROM tellings t WHERE t.alert = alerts.id AND t.state IN ('sent', 'told'))`, rule, subject)
		if err != nil || n > 0 {
			was = true
			return err
		}
		n, err = tx.count(`UPDATE alerts SET state = 'over', over_at = ? WHERE rule = ? AND subject = ? AND state = 'open'`, l.ms(), rule, subject)
		was = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("end an alert of %s: %w", subject, err)
	}
	return was, nil
}

// alerts reads alerts and how far a target has been told of them; retry is when to try again, of the last one.
func (l *Ledger) alerts(ctx context.Context, target, where string, args ...any) (out []Alert, retry time.Time, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT a.id, a.rule, a.subject, a.text, a.state = 'over', a.count, coalesce(t.tries, 0), a.since, a.over_at,
			(SELECT min(o.told_at) FROM tellings o WHERE o.alert = a.id AND o.over = 0), t.retry_at
		FROM alerts a LEFT JOIN tellings t ON t.alert = a.id AND t.target = ? AND t.over = (a.state = 'over') `+where, append([]any{target}, args...)...)
	err = each(rows, err, func(rows *sql.Rows) error {
		var a Alert
		var since, over, told, again nullTime
		err := rows.Scan(&a.ID, &a.Rule, &a.Subject, &a.Text, &a.Over, &a.Count, &a.Tries, &since, &over, &told, &again)
		a.Since, a.OverAt, a.ToldAt, retry = since.Time(), over.Time(), told.Time(), again.Time()
		out = append(out, a)
		return err
	})
	if err != nil {
		err = fmt.Errorf("read the alerts: %w", err)
	}
	return out, retry, err
}

// NextAlert returns the oldest alert that a target has not been told; ok is false if there is none, or if it is not due
// yet: due is then the time when it is, or zero. A target is told in order: later alerts wait for earlier ones.
func (l *Ledger) NextAlert(ctx context.Context, target string) (a Alert, ok bool, due time.Time, err error) {
	all, retry, err := l.alerts(ctx, target, `WHERE coalesce(t.state, '') <> 'told' AND (a.state = 'open' OR EXISTS
		(SELECT 1 FROM tellings o WHERE o.alert = a.id AND o.target = ? AND o.over = 0 AND o.state IN ('sent', 'told'))) ORDER BY a.id LIMIT 1`, target)
	switch {
	case err != nil || len(all) == 0:
		return a, false, due, err
	case retry.UnixMilli() > l.ms():
		return a, false, retry, nil
	}
	return all[0], true, due, nil
}

// Telling records that a target is about to be told of an alert: from now on, it may have been.
func (l *Ledger) Telling(ctx context.Context, target string, a Alert) error {
	return l.telling(ctx, target, a, `INSERT INTO tellings (alert, target, over, state) SELECT id, ?2, ?3, 'sent' FROM alerts WHERE id = ?1
		ON CONFLICT DO UPDATE SET state = 'sent'`)
}

// Told records that a target was told of an alert, or never will be.
func (l *Ledger) Told(ctx context.Context, target string, a Alert) error {
	return l.telling(ctx, target, a, `UPDATE tellings SET state = 'told', told_at = ?4, retry_at = NULL WHERE alert = ?1 AND target = ?2 AND over = ?3`, l.ms())
}

// NotTold records that a target could not be told of an alert, and when to try again. With doubt, it may have been told.
func (l *Ledger) NotTold(ctx context.Context, target string, a Alert, doubt bool, retry time.Time) error {
	state := "failed"
	if doubt {
		state = "sent"
	}
	return l.telling(ctx, target, a, `UPDATE tellings SET state = ?4, tries = tries + 1, retry_at = ?5 WHERE alert = ?1 AND target = ?2 AND over = ?3`, state, when(retry))
}

// telling changes how far a target has been told of an alert.
func (l *Ledger) telling(ctx context.Context, target string, a Alert, query string, more ...any) error {
	err := l.update(ctx, func(tx *tx) error { return tx.exec(query, append([]any{a.ID, target, a.Over}, more...)...) })
	if err != nil {
		return fmt.Errorf("record an alert of %s for %s: %w", a.Subject, target, err)
	}
	return nil
}

// Alerts returns the alerts: open ones first, then by age, newest first.
func (l *Ledger) Alerts(ctx context.Context, limit int) ([]Alert, error) {
	all, _, err := l.alerts(ctx, "", `ORDER BY a.state = 'over', a.id DESC LIMIT ?`, limit)
	return all, err
}

// OpenAlerts returns the alerts that are not over, the oldest first.
func (l *Ledger) OpenAlerts(ctx context.Context) ([]Alert, error) {
	all, _, err := l.alerts(ctx, "", `WHERE a.state = 'open' ORDER BY a.id LIMIT 1000`)
	return all, err
}

// PurgeAlerts forgets alerts that were over before the given time.
func (l *Ledger) PurgeAlerts(ctx context.Context, before time.Time) error {
	return l.update(ctx, func(tx *tx) error {
		return tx.exec(`DELETE FROM alerts WHERE state = 'over' AND over_at < ?`, when(before))
	})
}
