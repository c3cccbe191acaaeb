package schedule

import (
	"fmt"
	"strings"
)

// A Published is a schedule that users edit as a row of a table.
type Published struct {
	Time     string // in 24 hours, "07:30"; the period of an interval; of a weekly run with or without its day, "Fri 07:30"
	Timezone string // an offset from UTC in hours, -7 if empty, or a name of the zone database
	Run      string // Daily, Weekly or Interval
	Disable  bool
}

// Entry returns what the row means. A weekly run without a day is Monday's.
func (p Published) Entry() (Entry, error) {
	e := Entry{Zone: strings.TrimSpace(p.Timezone), Disabled: p.Disable}
	if e.Zone == "" {
		e.Zone = "-07:00"
	}
	at := strings.TrimSpace(p.Time)
	if at == "" {
		return Entry{}, fmt.Errorf("Time is empty") //nolint:staticcheck // the column's name
	}
	switch strings.ToLower(strings.TrimSpace(p.Run)) {
	case "daily":
		e.Daily = at
	case "weekly":
		if !strings.Contains(at, " ") {
			at = "Mon " + at
		}
		e.Weekly = at
	case "interval":
		e.Interval = at
	default:
		return Entry{}, fmt.Errorf("Run is %q: use Daily, Weekly or Interval", p.Run) //nolint:staticcheck // the column's name
	}
	return e, nil
}
