package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// parseDaily reads "07:30". "24:00" is 00:00, the end of one day being the start of the next.
func parseDaily(text string) (times, bool, error) {
	minute, err := clock(text)
	if err != nil {
		return nil, false, err
	}
	return cron{minutes: 1 << (minute % 60), hours: 1 << (minute / 60 % 24), days: all(1, 31), months: all(1, 12), weekdays: all(0, 6)}, false, nil
}

// parseWeekly reads "Mon 07:30", with one or more days. "Mon 24:00" is Tuesday's 00:00.
func parseWeekly(text string) (times, bool, error) {
	at := strings.LastIndexByte(strings.TrimSpace(text), ' ')
	if at < 0 {
		return nil, false, fmt.Errorf(`%q does not name a day and a time: write it as "Mon 07:30"`, text)
	}
	names, hour := strings.TrimSpace(text)[:at], strings.TrimSpace(text)[at+1:]
	minute, err := clock(hour)
	problems := []error{err}
	c := cron{minutes: 1 << (minute % 60), hours: 1 << (minute / 60 % 24), days: all(1, 31), months: all(1, 12)}
	for name := range strings.SplitSeq(names, ",") {
		day, err := weekday(strings.TrimSpace(name))
		problems = append(problems, err)
		c.weekdays |= 1 << ((day + minute/(24*60)) % 7)
	}
	return c, false, errors.Join(problems...)
}

// weekday reads a day's name, in full or its first three letters.
func weekday(text string) (int, error) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(text, day.String()) || strings.EqualFold(text, day.String()[:3]) {
			return int(day), nil
		}
	}
	return 0, fmt.Errorf("%q is not a day of the week: use Mon, Tue, Wed, Thu, Fri, Sat or Sun", text)
}

// interval is the wall times that are multiples of a period, counted from the start of 1970: those of
// a period that divides a day are the same each day.
type interval time.Duration

// parseInterval reads a period of up to 24 hours, "00:30".
func parseInterval(text string) (times, bool, error) {
	minute, err := clock(text)
	switch {
	case errors.Is(err, errForm):
		return nil, false, fmt.Errorf(`%q is not a period: write hours and minutes, as "00:30"`, text)
	case err != nil:
		return nil, false, err
	case minute == 0:
		return nil, false, fmt.Errorf("%q would run without a pause; the shortest interval is 00:01", text)
	}
	return interval(time.Duration(minute) * time.Minute), minute <= 60, nil
}

func (i interval) from(wall time.Time) (time.Time, bool) {
	period := time.Duration(i)
	since := wall.Sub(time.Unix(0, 0))
	rest := (since%period + period) % period
	if rest > 0 {
		wall = wall.Add(period - rest)
	}
	return wall, true
}

// errForm says that a text does not look like a time.
var errForm = errors.New(`write it in 24 hours, as "07:30"`)

// clock reads a time of the 24-hour clock, up to 24:00, as minutes.
func clock(text string) (int, error) {
	hour, minute, ok := strings.Cut(strings.TrimSpace(text), ":")
	h, err := digits(hour)
	m, err2 := digits(minute)
	switch {
	case !ok || err != nil || err2 != nil || len(hour) > 2 || len(minute) != 2:
		return 0, fmt.Errorf("%q is not a time: %w", text, errForm)
	case m > 59:
		return 0, fmt.Errorf("minute %d is not between 0 and 59", m)
	case h > 24:
		return 0, fmt.Errorf("hour %d is not between 0 and 24", h)
	case h == 24 && m > 0:
		return 0, fmt.Errorf("%q is after the end of the day, 24:00", text)
	}
	return h*60 + m, nil
}

func all(low, high int) (set uint64) {
	for n := low; n <= high; n++ {
		set |= 1 << n
	}
	return set
}
