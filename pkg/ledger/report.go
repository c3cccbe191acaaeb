package ledger

import (
	"context"
	"fmt"
)

// Unfinished returns, for each date of a job's reports, the newest run if it failed or was interrupted, in order of date.
// It includes runs that a person has cleared.
func (l *Ledger) Unfinished(ctx context.Context, job string) ([]Run, error) {
	return l.runs(ctx, `j.name = ? AND r.report_date <> '' AND r.state IN ('failed', 'interrupted')
			AND NOT EXISTS (SELECT 1 FROM runs n WHERE n.job = r.job AND n.report_date = r.report_date AND n.id > r.id AND n.state NOT IN ('cancelled', 'skipped'))
		ORDER BY r.report_date`, job)
}

// Unrepeated returns, for each date of a job's reports up to the given one, the first run that was done, unless a repeat
// of it has ever begun. They are in order of date.
func (l *Ledger) Unrepeated(ctx context.Context, job, until string) ([]Run, error) {
	return l.runs(ctx, `j.name = ? AND r.report_date <> '' AND r.report_date <= ? AND r.state = 'done' AND r.kind <> 'repeat'
			AND NOT EXISTS (SELECT 1 FROM runs n WHERE n.job = r.job AND n.report_date = r.report_date AND n.id < r.id AND n.state = 'done')
			AND NOT EXISTS (SELECT 1 FROM runs n WHERE n.job = r.job AND n.kind = 'repeat' AND n.occurrence = r.report_date)
		ORDER BY r.report_date`, job, until)
}

// Supersede clears the failed runs of r's job before r, for its date or all dates: r takes their place.
func (l *Ledger) Supersede(ctx context.Context, r *Run, allDates bool) error {
	return l.clear(ctx, `id < ?3 AND (report_date = ?4 OR ?5)`, r.Job, r.ID, r.ReportDate, allDates)
}

// ClearReports records that a person has dealt with a job's failed runs, for one date or all ("").
func (l *Ledger) ClearReports(ctx context.Context, job, date string) error {
	return l.clear(ctx, `(report_date = ?3 OR ?3 = '')`, job, date)
}

// clear clears the failed runs of a job that a condition selects. The condition's parameters begin with ?3.
func (l *Ledger) clear(ctx context.Context, which, job string, args ...any) error {
	err := l.update(ctx, func(tx *tx) error {
		return tx.exec(`UPDATE runs SET cleared_at = ?1 WHERE job = (SELECT id FROM jobs WHERE name = ?2) AND state IN ('failed', 'interrupted', 'waiting')
			AND cleared_at IS NULL AND `+which, append([]any{l.ms(), job}, args...)...)
	})
	if err != nil {
		return fmt.Errorf("clear the failed runs of %s: %w", job, err)
	}
	return nil
}
