package schedule

import (
	"errors"
	"fmt"
	"time"
)

// Entry is a schedule as configured. At most one of Cron, Daily, Weekly and Interval is given; none is for a job that
// runs on start, manually, or when something changes.
type Entry struct {
	Cron     string // five fields, as crontab(5) has them
	Daily    string // "07:30"
	Weekly   string // "Mon 07:30", or several days: "Mon,Thu 07:30"
	Interval string // "00:30" is each half hour
	Zone     string // a name of the zone database, an offset such as "-07:00", or "local"; UTC if empty
	OnStart  bool
	Disabled bool
}

// A Schedule is a parsed entry. It is immutable.
type Schedule struct {
	entry Entry
	times times // nil if nothing is scheduled
	zone  *time.Location
	twice bool // a time that the clock shows twice runs twice
}

// An Occurrence is one run that a schedule asks for.
type Occurrence struct {
	At   time.Time // when it is due
	Name string    // its nominal wall time and zone, "2026-03-29T02:30 Europe/Berlin": what it is claimed by
}

// times is an endless sequence of wall times. A wall time is stored as the instant at which a UTC clock shows it.
type times interface {
	// from returns the first at or after a wall time, and false if there is none.
	from(wall time.Time) (time.Time, bool)
}

// Parse returns the schedule that an entry means, or everything that is wrong with it: each error begins with its key.
func Parse(e Entry) (*Schedule, error) {
	s := &Schedule{entry: e}
	var problems []error
	given := ""
	for _, k := range []struct {
		key, text string
		parse     func(string) (times, bool, error)
	}{
		{"cron", e.Cron, parseCron},
		{"daily", e.Daily, parseDaily},
		{"weekly", e.Weekly, parseWeekly},
		{"interval", e.Interval, parseInterval},
	} {
		if k.text == "" {
			continue
		}
		if given != "" {
			problems = append(problems, fmt.Errorf("%s: conflicts with %s; keep one of them", k.key, given))
		}
		given = k.key
		var err error
		s.times, s.twice, err = k.parse(k.text)
		problems = append(problems, within(k.key, err)...)
	}
	var err error
	s.zone, err = Zone(e.Zone)
	problems = append(problems, within("zone", err)...)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if e.Disabled {
		s.times = nil
	}
	return s, nil
}

// within prefixes each of the errors in err with a key.
func within(key string, err error) []error {
	if err == nil {
		return nil
	}
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // those of this package are joined, not wrapped
		list = joined.Unwrap()
	}
	for i, err := range list {
		list[i] = fmt.Errorf("%s: %w", key, err)
	}
	return list
}

// OnStart reports whether the job also runs when the program starts.
func (s *Schedule) OnStart() bool { return s.entry.OnStart && !s.entry.Disabled }

// Disabled reports whether the job only runs manually.
func (s *Schedule) Disabled() bool { return s.entry.Disabled }

// Timed reports whether the schedule names any times.
func (s *Schedule) Timed() bool { return s.times != nil }

// Zone is the zone of the schedule's wall times.
func (s *Schedule) Zone() *time.Location { return s.zone }

// String says when the job runs: "daily 07:30 (-07:00)".
func (s *Schedule) String() string {
	e, said := s.entry, ""
	switch {
	case e.Disabled:
		return "disabled"
	case e.Cron != "":
		said = "cron " + e.Cron
	case e.Daily != "":
		said = "daily " + e.Daily
	case e.Weekly != "":
		said = "weekly " + e.Weekly
	case e.Interval != "":
		said = "every " + e.Interval
	case e.OnStart:
		return "on start"
	default:
		return "not scheduled"
	}
	said += " (" + s.zone.String() + ")"
	if e.OnStart {
		said += " and on start"
	}
	return said
}
