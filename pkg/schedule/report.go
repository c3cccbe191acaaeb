package schedule

import (
	"errors"
	"fmt"
	"time"
)

// A Report says for which date a job asks its source, and when it asks for that date again.
type Report struct {
	OffsetDays      int  // from the date of the occurrence: -1 is yesterday
	RepeatAfterDays int  // 0 is never
	RealTime        bool // the source knows the present only
}

// Check returns what contradicts itself, by key.
func (r Report) Check() error {
	var problems []error
	if r.RealTime && r.OffsetDays != 0 {
		problems = append(problems, fmt.Errorf("offsetDays: %d, but a real-time report has only the present", r.OffsetDays))
	}
	if r.RealTime && r.RepeatAfterDays != 0 {
		problems = append(problems, errors.New("repeatAfterDays: a real-time report cannot be repeated for a day that is over"))
	}
	if r.RepeatAfterDays < 0 {
		problems = append(problems, fmt.Errorf("repeatAfterDays: %d is less than 0", r.RepeatAfterDays))
	}
	return errors.Join(problems...)
}

// Date returns the report date of a run, "2026-11-27": that of the occurrence it is named after, which may be late, or
// of now for a run without one, such as a manual run. A real-time report is always for now: a date it missed is gone.
func (r Report) Date(occurrence string, now time.Time, zone *time.Location) (string, error) {
	date := now.In(zone).Format(time.DateOnly)
	if occurrence != "" && !r.RealTime {
		if len(occurrence) < len(time.DateOnly) {
			return "", fmt.Errorf("invalid occurrence %q", occurrence)
		}
		date = occurrence[:len(time.DateOnly)]
	}
	return AddDays(date, r.OffsetDays)
}

// Takes returns why a report cannot be requested for a date, such as that of a failed run or a backfill.
func (r Report) Takes(date string, now time.Time, zone *time.Location) error {
	if _, err := AddDays(date, 0); err != nil {
		return err
	}
	if today := now.In(zone).Format(time.DateOnly); r.RealTime && date != today {
		return fmt.Errorf("a real-time report has only the present: it cannot be asked for %s", date)
	}
	return nil
}

// RepeatOn returns the date on which a date's report is requested again, and false for never.
func (r Report) RepeatOn(date string) (string, bool, error) {
	if r.RepeatAfterDays <= 0 || r.RealTime {
		return "", false, nil
	}
	on, err := AddDays(date, r.RepeatAfterDays)
	return on, err == nil, err
}

// AddDays returns the date that is some days after another: a day of the calendar, whatever its hours.
func AddDays(date string, n int) (string, error) {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "", fmt.Errorf("%q is not a date: write it as 2026-11-27", date)
	}
	return d.AddDate(0, 0, n).Format(time.DateOnly), nil
}
