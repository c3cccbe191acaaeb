package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cron is an expression of crontab(5): sets of bits.
type cron struct {
	minutes, hours, days, months, weekdays uint64
	either                                 bool // a day in either days or weekdays matches: both are restricted
}

// A field is one of an expression's five fields.
type field struct {
	name      string
	low, high int
	names     []string // of low, low+1 and so on
}

var (
	minutes  = field{"minute", 0, 59, nil}
	hours    = field{"hour", 0, 23, nil}
	days     = field{"day of the month", 1, 31, nil}
	months   = field{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}}
	weekdays = field{"day of the week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}

	nicknames = map[string]string{
		"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
		"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
	}
)

// parseCron reads an expression, and reports whether it names any hour.
func parseCron(text string) (times, bool, error) {
	if strings.EqualFold(strings.TrimSpace(text), "@reboot") {
		return nil, false, errors.New("@reboot is not a time: use onStart")
	}
	if meant, ok := nicknames[strings.ToLower(strings.TrimSpace(text))]; ok {
		text = meant
	}
	parts := strings.Fields(text)
	if len(parts) != 5 {
		why := ""
		switch {
		case len(parts) == 6:
			why = "; leave out the seconds"
		case strings.HasPrefix(text, "@"):
			why = "; of the names there are @hourly, @daily, @weekly, @monthly and @yearly"
		}
		return nil, false, fmt.Errorf("%q has %s: five are needed, minute, hour, day of the month, month and day of the week%s", text, plural(len(parts), "field"), why)
	}
	var c cron
	var problems []error
	for i, f := range []struct {
		field
		set *uint64
	}{{minutes, &c.minutes}, {hours, &c.hours}, {days, &c.days}, {months, &c.months}, {weekdays, &c.weekdays}} {
		var err error
		if *f.set, err = f.parse(parts[i]); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, false, err
	}
	c.weekdays |= c.weekdays >> 7 & 1 // 7 is Sunday as well
	c.either = !strings.HasPrefix(parts[2], "*") && !strings.HasPrefix(parts[4], "*")
	if !c.either && !c.possible() {
		return nil, false, fmt.Errorf("%q names no date: none of its months has a day %s", text, parts[2])
	}
	return c, c.hours == all(0, 23), nil
}

// parse returns the set that a field's text means.
func (f field) parse(text string) (set uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		some, err := f.part(part)
		if err != nil {
			return 0, err
		}
		set |= some
	}
	return set, nil
}

// part reads one member of a list: a number, a name, a range or *; the latter two may have a step.
func (f field) part(text string) (set uint64, err error) {
	what, by, stepped := strings.Cut(text, "/")
	from, to, ranged := strings.Cut(what, "-")
	low, high := f.low, f.high
	switch {
	case what == "*":
	case what == "?":
		return 0, fmt.Errorf("%s: ? is of another cron: use *", f.name)
	default:
		if low, err = f.number(from); err != nil {
			return 0, err
		}
		if high = low; ranged {
			if high, err = f.number(to); err != nil {
				return 0, err
			}
			if f.high == 7 && high == 0 { // a week may end with Sunday
				high = 7
			}
		}
	}
	if low > high {
		return 0, fmt.Errorf("%s %s runs backwards: write it as %s-%d,%d-%s", f.name, what, from, f.last(), f.low, to)
	}
	step := 1
	if stepped {
		if what != "*" && !ranged {
			return 0, fmt.Errorf("%s %s: a step needs a range: %s-%d/%s", f.name, text, what, f.last(), by)
		}
		if step, err = digits(by); err != nil || step < 1 {
			return 0, fmt.Errorf("%s %s: the step %q is not a number from 1", f.name, text, by)
		}
	}
	for n := low; n <= high; n += step {
		set |= 1 << n
	}
	return set, nil
}

// last is the highest number that has a name of its own.
func (f field) last() int {
	if f.high == 7 {
		return 6
	}
	return f.high
}

func (f field) number(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.low + i, nil
		}
	}
	n, err := digits(text)
	switch {
	case text == "":
		return 0, fmt.Errorf("%s: a number is missing", f.name)
	case err != nil && f.names != nil:
		return 0, fmt.Errorf("%s %q is neither a number nor one of %s", f.name, text, strings.Join(f.names, " "))
	case err != nil:
		return 0, fmt.Errorf("%s %q is not a number", f.name, text)
	case n < f.low || n > f.high:
		return 0, fmt.Errorf("%s %d is not between %d and %d", f.name, n, f.low, f.high)
	}
	return n, nil
}

// digits reads a number of at most four digits and nothing else, not even a sign.
func digits(text string) (int, error) {
	if text == "" || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(text)
}

// possible reports whether one of the months has one of the days.
func (c cron) possible() bool {
	for month := time.January; month <= time.December; month++ {
		longest := time.Date(2000, month+1, 0, 0, 0, 0, 0, time.UTC).Day() // 2000 was a leap year
		if has(c.months, int(month)) && c.days&(1<<(longest+1)-1) != 0 {
			return true
		}
	}
	return false
}

// from returns the first matching wall time. The calendar repeats after 400 years.
func (c cron) from(wall time.Time) (time.Time, bool) {
	wall = wall.Add(time.Minute - 1).Truncate(time.Minute)
	year, month, day := wall.Date()
	first := wall.Hour()*60 + wall.Minute()
	for end := year + 400; year <= end; {
		date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		switch {
		case !has(c.months, int(date.Month())):
			day = 0
			month = date.Month() + 1
		case c.matches(date):
			for m := first; m < 24*60; m++ {
				if !has(c.hours, m/60) {
					m += 59 - m%60
				} else if has(c.minutes, m%60) {
					return date.Add(time.Duration(m) * time.Minute), true
				}
			}
		}
		first = 0
		year, month, day = time.Date(date.Year(), month, day+1, 0, 0, 0, 0, time.UTC).Date()
	}
	return time.Time{}, false
}

// matches reports whether a date is in the days and weekdays.
func (c cron) matches(date time.Time) bool {
	day, weekday := has(c.days, date.Day()), has(c.weekdays, int(date.Weekday()))
	if c.either {
		return day || weekday
	}
	return day && weekday
}

func has(set uint64, n int) bool { return set>>n&1 != 0 }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
