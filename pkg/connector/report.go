package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// report determines the dates for which a job requests reports, one per run.
type report struct {
	schedule.Report
	zone *time.Location
}

// newReport returns a plan's report; nil: the job makes none.
func newReport(p *plan.Job) (*report, error) {
	if p.Report == nil {
		return nil, nil
	}
	zone, err := schedule.Zone(p.Schedule.Zone)
	if err != nil {
		return nil, fmt.Errorf("schedule.zone: %w", err)
	}
	return &report{p.Report.Dates(), zone}, nil
}

// causes returns the runs that a cause stands for, in order. A day's run is followed by the runs that wait for it: failed
// reports that a person has cleared, and repeats that are due.
func (j *scheduled) causes(ctx context.Context, c job.Cause, now time.Time) ([]job.Cause, error) {
	r := j.report
	if c.Date != "" && !(r.RealTime && c.Kind == job.Retry) {
		return []job.Cause{c}, r.Takes(c.Date, now, r.zone)
	}
	if c.Kind == job.Retry {
		return j.unfinishedReports(ctx, c, now)
	}
	var err error
	if c.Date, err = r.Date(c.Occurrence, now, r.zone); err != nil || c.Kind == job.Test || r.RealTime {
		return []job.Cause{c}, err
	}
	list := []job.Cause{c}
	open, err := j.Ledger.Unfinished(ctx, j.Name)
	if err != nil {
		return nil, err
	}
	for i := range open {
		if !open[i].ClearedAt.IsZero() && open[i].ReportDate != c.Date {
			list = append(list, job.Finishing(&open[i]))
		}
	}
	repeats, err := j.repeats(ctx, c.Occurrence, now)
	return append(list, repeats...), err
}

// unfinishedReports returns the runs that retry what has failed; a person's retry includes cleared ones. There is at least
// one, which sends waiting rows.
func (j *scheduled) unfinishedReports(ctx context.Context, c job.Cause, now time.Time) ([]job.Cause, error) {
	today, err := j.report.Date("", now, j.report.zone)
	if err != nil {
		return nil, err
	}
	open, err := j.Ledger.Unfinished(ctx, j.Name)
	if err != nil {
		return nil, err
	}
	open = slices.DeleteFunc(open, func(r ledger.Run) bool { return !c.Refused && !r.ClearedAt.IsZero() })
	var list []job.Cause
	for i := range open {
		again := job.Finishing(&open[i])
		again.Refused = c.Refused
		if j.report.RealTime { // the rows it missed are gone
			again.Kind, again.Date, again.Read = job.Retry, today, true
			return []job.Cause{again}, nil
		}
		list = append(list, again)
	}
	if list == nil {
		c.Date = today
		list = []job.Cause{c}
	}
	return list, nil
}

// repeats returns the runs of reports that are due for a repeat on the day of an occurrence, or today
// without one.
func (j *scheduled) repeats(ctx context.Context, occurrence string, now time.Time) (list []job.Cause, err error) {
	if j.report.RepeatAfterDays <= 0 {
		return nil, nil
	}
	day, err := schedule.Report{}.Date(occurrence, now, j.report.zone)
	if err != nil {
		return nil, err
	}
	until, err := schedule.AddDays(day, -j.report.RepeatAfterDays)
	if err != nil {
		return nil, err
	}
	due, err := j.Ledger.Unrepeated(ctx, j.Name, until)
	if err != nil {
		return nil, err
	}
	for i := range due {
		on, ok, err := j.report.RepeatOn(due[i].ReportDate)
		if err != nil {
			return nil, err
		}
		if ok && due[i].Started.In(j.report.zone).Format(time.DateOnly) < on { // a run that was late enough needs no repeat
			list = append(list, job.Cause{Kind: job.Repeat, Occurrence: due[i].ReportDate, Date: due[i].ReportDate, Repeats: due[i].ID})
		}
	}
	return list, nil
}

// reports runs a report for each date that a cause stands for.
func (c *Connector) reports(ctx context.Context, j *scheduled, cause job.Cause) error {
	list, err := j.causes(ctx, cause, time.Now())
	if err != nil {
		j.Log.Error("could not start a run", zap.String("occurrence", cause.Occurrence), zap.Error(err))
		return err
	}
	var failed []error
	for _, one := range list {
		r, err := c.one(ctx, j, one)
		if r != nil && (r.State == ledger.Done || r.State == ledger.Failed) {
			err = errors.Join(err, j.Ledger.Supersede(context.WithoutCancel(ctx), r, j.report.RealTime))
		}
		if err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(failed) == 1 {
		return failed[0]
	}
	return errors.Join(failed...)
}

// takes returns why a job cannot follow an order.
func (j *scheduled) takes(o api.Order, now time.Time) error {
	switch {
	case o.Date == "":
		return nil
	case j.report == nil:
		return fmt.Errorf("%w: %s makes no reports, so it takes no date", api.ErrRequest, j.Name)
	}
	if err := j.report.Takes(o.Date, now, j.report.zone); err != nil {
		return fmt.Errorf("%w: %w", api.ErrRequest, err)
	}
	return nil
}

// Clear takes a job's failed runs off the list of those that need a person; date "" means all. Cleared reports run again
// with its next scheduled run.
func (c *Connector) Clear(ctx context.Context, name, date string) error {
	if _, err := c.find(name); err != nil {
		return err
	}
	if _, err := schedule.AddDays(date, 0); date != "" && err != nil {
		return fmt.Errorf("%w: %w", api.ErrRequest, err)
	}
	return c.state.ClearReports(ctx, name, date)
}

// kept is how long finished runs are kept: as long as a report may have to be repeated.
func (c *Connector) kept() time.Duration {
	days := 0
	for i := range c.plan.Jobs {
		if r := c.plan.Jobs[i].Report; r != nil {
			days = max(days, r.RepeatAfterDays-min(r.OffsetDays, 0))
		}
	}
	return remembered + time.Duration(days)*24*time.Hour
}
