package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

func parsed(t *testing.T, e schedule.Entry) *schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(e)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// runs lists a schedule's runs after one instant, up to another: when, and under which name.
func runs(s *schedule.Schedule, after, until time.Time) []string {
	var list []string
	for o, ok := s.Next(after); ok && !o.At.After(until); o, ok = s.Next(o.At) {
		list = append(list, o.At.Format("02T15:04Z")+" "+o.Name)
	}
	return list
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestF18AFrequencyOfFiveFieldsAndARunOnStart(t *testing.T) {
	s := parsed(t, schedule.Entry{Cron: "*/15 * * * *", OnStart: true})
	if !s.OnStart() || !s.Timed() {
		t.Error("the schedule has no run on start, or no times")
	}
	from := instant(t, "2026-11-27T08:07:10Z")
	expect(t, runs(s, from, from.Add(time.Hour)),
		"27T08:15Z 2026-11-27T08:15 UTC", "27T08:30Z 2026-11-27T08:30 UTC",
		"27T08:45Z 2026-11-27T08:45 UTC", "27T09:00Z 2026-11-27T09:00 UTC")

	for _, frequency := range []string{"0 */2 * * *", "0 8 * * *", "0 0 * * 0"} { // the seed's examples
		parsed(t, schedule.Entry{Cron: frequency})
	}

	once := parsed(t, schedule.Entry{OnStart: true})
	if o, ok := once.Next(from); ok || once.Timed() || !once.OnStart() {
		t.Errorf("a job without a frequency runs again: %v", o)
	}
}

func TestR12EntriesMeanWallTimes(t *testing.T) {
	friday := instant(t, "2026-11-27T12:00:00Z")
	for name, test := range map[string]struct {
		entry schedule.Entry
		until time.Duration
		want  []string
	}{
		"daily, in a zone given as an offset": {schedule.Entry{Daily: "07:30", Zone: "-07:00"}, 48 * time.Hour,
			[]string{"27T14:30Z 2026-11-27T07:30 -07:00", "28T14:30Z 2026-11-28T07:30 -07:00"}},
		"daily, in a zone with a name": {schedule.Entry{Daily: "7:30", Zone: "Europe/Berlin"}, 24 * time.Hour,
			[]string{"28T06:30Z 2026-11-28T07:30 Europe/Berlin"}},
		"the end of a day is the next one's start": {schedule.Entry{Daily: "24:00"}, 24 * time.Hour,
			[]string{"28T00:00Z 2026-11-28T00:00 UTC"}},
		"weekly": {schedule.Entry{Weekly: "Mon 07:30"}, 14 * 24 * time.Hour,
			[]string{"30T07:30Z 2026-11-30T07:30 UTC", "07T07:30Z 2026-12-07T07:30 UTC"}},
		"weekly, on two days": {schedule.Entry{Weekly: "Saturday, mon 07:30"}, 7 * 24 * time.Hour,
			[]string{"28T07:30Z 2026-11-28T07:30 UTC", "30T07:30Z 2026-11-30T07:30 UTC"}},
		"weekly, at the end of a week": {schedule.Entry{Weekly: "Sat 24:00"}, 7 * 24 * time.Hour,
			[]string{"29T00:00Z 2026-11-29T00:00 UTC"}},
		"each half hour": {schedule.Entry{Interval: "00:30"}, 90 * time.Minute,
			[]string{"27T12:30Z 2026-11-27T12:30 UTC", "27T13:00Z 2026-11-27T13:00 UTC", "27T13:30Z 2026-11-27T13:30 UTC"}},
		"an interval of hours starts at the zone's midnight": {schedule.Entry{Interval: "06:00", Zone: "Asia/Kolkata"}, 12 * time.Hour,
			[]string{"27T12:30Z 2026-11-27T18:00 Asia/Kolkata", "27T18:30Z 2026-11-28T00:00 Asia/Kolkata"}},
		"an interval of a day": {schedule.Entry{Interval: "24:00", Zone: "-7"}, 24 * time.Hour,
			[]string{"28T07:00Z 2026-11-28T00:00 -07:00"}},
		"an interval that does not divide a day": {schedule.Entry{Interval: "07:00"}, 24 * time.Hour,
			[]string{"27T18:00Z 2026-11-27T18:00 UTC", "28T01:00Z 2026-11-28T01:00 UTC", "28T08:00Z 2026-11-28T08:00 UTC"}},
		"disabled": {schedule.Entry{Daily: "07:30", OnStart: true, Disabled: true}, 48 * time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := parsed(t, test.entry)
			expect(t, runs(s, friday, friday.Add(test.until)), test.want...)
			if test.entry.Disabled && (s.OnStart() || s.Timed() || !s.Disabled()) {
				t.Error("a disabled schedule runs")
			}
		})
	}
}

// A day on which the clock changes: 02:00 to 03:00 is skipped in spring and repeated in autumn.
func TestR12ClockChangesNeitherLoseNorRepeatARun(t *testing.T) {
	for name, test := range map[string]struct {
		entry      schedule.Entry
		from, till string
		want       []string
	}{
		"a skipped time runs when the clock skips it": {schedule.Entry{Cron: "30 2 * * *", Zone: "Europe/Berlin"},
			"2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"29T01:00Z 2026-03-29T02:30 Europe/Berlin", "30T00:30Z 2026-03-30T02:30 Europe/Berlin"}},
		"several skipped times run once": {schedule.Entry{Cron: "*/15 2 * * *", Zone: "Europe/Berlin"},
			"2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"29T01:00Z 2026-03-29T02:45 Europe/Berlin"}},
		"they coincide with the time the clock then shows": {schedule.Entry{Cron: "30 * * * *", Zone: "Europe/Berlin"},
			"2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z",
			[]string{"29T00:30Z 2026-03-29T01:30 Europe/Berlin", "29T01:00Z 2026-03-29T02:30 Europe/Berlin", "29T01:30Z 2026-03-29T03:30 Europe/Berlin"}},
		"quarters of an hour go on": {schedule.Entry{Cron: "*/15 * * * *", Zone: "Europe/Berlin"},
			"2026-03-29T00:30:00Z", "2026-03-29T01:15:00Z",
			[]string{"29T00:45Z 2026-03-29T01:45 Europe/Berlin", "29T01:00Z 2026-03-29T03:00 Europe/Berlin", "29T01:15Z 2026-03-29T03:15 Europe/Berlin"}},
		"a repeated time runs only the first time": {schedule.Entry{Cron: "30 2 * * *", Zone: "Europe/Berlin"},
			"2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			[]string{"25T00:30Z 2026-10-25T02:30 Europe/Berlin", "26T01:30Z 2026-10-26T02:30 Europe/Berlin"}},
		"an hourly job runs both times": {schedule.Entry{Cron: "30 * * * *", Zone: "Europe/Berlin"},
			"2026-10-25T00:00:00Z", "2026-10-25T02:30:00Z",
			[]string{"25T00:30Z 2026-10-25T02:30 Europe/Berlin", "25T01:30Z 2026-10-25T02:30+01:00 Europe/Berlin", "25T02:30Z 2026-10-25T03:30 Europe/Berlin"}},
		"so does a short interval": {schedule.Entry{Interval: "01:00", Zone: "America/New_York"},
			"2026-11-01T04:30:00Z", "2026-11-01T07:00:00Z",
			[]string{"01T05:00Z 2026-11-01T01:00 America/New_York", "01T06:00Z 2026-11-01T01:00-05:00 America/New_York", "01T07:00Z 2026-11-01T02:00 America/New_York"}},
		"but not a long one": {schedule.Entry{Interval: "02:00", Zone: "Europe/Berlin"},
			"2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z",
			[]string{"25T00:00Z 2026-10-25T02:00 Europe/Berlin", "25T03:00Z 2026-10-25T04:00 Europe/Berlin"}},
		"half an hour, on Lord Howe": {schedule.Entry{Daily: "02:10", Zone: "Australia/Lord_Howe"},
			"2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z",
			[]string{"03T15:30Z 2026-10-04T02:10 Australia/Lord_Howe", "04T15:10Z 2026-10-05T02:10 Australia/Lord_Howe"}},
		"half an hour back, on Lord Howe": {schedule.Entry{Cron: "45 1 * * *", Zone: "Australia/Lord_Howe"},
			"2026-04-04T00:00:00Z", "2026-04-05T20:00:00Z",
			[]string{"04T14:45Z 2026-04-05T01:45 Australia/Lord_Howe", "05T15:15Z 2026-04-06T01:45 Australia/Lord_Howe"}},
		"two hours, at Troll": {schedule.Entry{Cron: "0,30 1-3 * * *", Zone: "Antarctica/Troll"},
			"2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"29T01:00Z 2026-03-29T03:00 Antarctica/Troll", "29T01:30Z 2026-03-29T03:30 Antarctica/Troll"}},
		"a day skipped in Apia": {schedule.Entry{Daily: "07:30", Zone: "Pacific/Apia"},
			"2011-12-29T00:00:00Z", "2011-12-31T00:00:00Z",
			[]string{"29T17:30Z 2011-12-29T07:30 Pacific/Apia", "30T10:00Z 2011-12-30T07:30 Pacific/Apia", "30T17:30Z 2011-12-31T07:30 Pacific/Apia"}},
		"a skipped midnight": {schedule.Entry{Daily: "00:00", Zone: "Africa/Cairo"},
			"2026-04-23T12:00:00Z", "2026-04-25T00:00:00Z",
			[]string{"23T22:00Z 2026-04-24T00:00 Africa/Cairo", "24T21:00Z 2026-04-25T00:00 Africa/Cairo"}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, runs(parsed(t, test.entry), instant(t, test.from), instant(t, test.till)), test.want...)
		})
	}
}

func TestR13APublishedRowIsAnEntry(t *testing.T) {
	for name, test := range map[string]struct {
		row   schedule.Published
		want  string // the schedule's, or
		wrong string // with it
	}{
		"daily, seven hours behind UTC by default": {schedule.Published{Time: "07:30", Run: "Daily"}, "daily 07:30 (-07:00)", ""},
		"with an offset":               {schedule.Published{Time: "07:30", Timezone: "2", Run: "daily"}, "daily 07:30 (+02:00)", ""},
		"weekly, on Monday by default": {schedule.Published{Time: "07:30", Run: "Weekly"}, "weekly Mon 07:30 (-07:00)", ""},
		"weekly":                       {schedule.Published{Time: "Fri 24:00", Timezone: "0", Run: "Weekly"}, "weekly Fri 24:00 (UTC)", ""},
		"an interval":                  {schedule.Published{Time: "00:30", Run: "Interval"}, "every 00:30 (-07:00)", ""},
		"disabled":                     {schedule.Published{Time: "00:30", Run: "Interval", Disable: true}, "disabled", ""},
		"no time":                      {schedule.Published{Run: "Daily"}, "", "Time is empty"},
		"another frequency":            {schedule.Published{Time: "00:30", Run: "Hourly"}, "", `Run is "Hourly": use Daily, Weekly or Interval`},
		"no interval":                  {schedule.Published{Time: "00:00", Run: "Interval"}, "", `interval: "00:00" would run without a pause; the shortest interval is 00:01`},
		"two mistakes": {schedule.Published{Time: "25:00", Timezone: "-15", Run: "Daily"}, "",
			"daily: hour 25 is not between 0 and 24\nzone: the offset -15 is not between -14:00 and +14:00"},
		"a bad row is refused even if it is disabled": {schedule.Published{Time: "noon", Run: "Daily", Disable: true}, "",
			`daily: "noon" is not a time: write it in 24 hours, as "07:30"`},
	} {
		t.Run(name, func(t *testing.T) {
			said, wrong := "", ""
			e, err := test.row.Entry()
			if err == nil {
				var s *schedule.Schedule
				if s, err = schedule.Parse(e); err == nil {
					said = s.String()
				}
			}
			if err != nil {
				wrong = err.Error()
			}
			if said != test.want || wrong != test.wrong {
				t.Errorf("got %q and %q, want %q and %q", said, wrong, test.want, test.wrong)
			}
		})
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		entry schedule.Entry
		want  string
	}{
		{schedule.Entry{Cron: "61 * * * *"}, "cron: minute 61 is not between 0 and 59"},
		{schedule.Entry{Cron: "61 24 0 13 8"}, "cron: minute 61 is not between 0 and 59\ncron: hour 24 is not between 0 and 23\n" +
			"cron: day of the month 0 is not between 1 and 31\ncron: month 13 is not between 1 and 12\ncron: day of the week 8 is not between 0 and 7"},
		{schedule.Entry{Cron: "* * * *"}, `cron: "* * * *" has 4 fields: five are needed, minute, hour, day of the month, month and day of the week`},
		{schedule.Entry{Cron: "0 0 8 * * *"}, `cron: "0 0 8 * * *" has 6 fields: five are needed, minute, hour, day of the month, month and day of the week; leave out the seconds`},
		{schedule.Entry{Cron: "@often"}, `cron: "@often" has 1 field: five are needed, minute, hour, day of the month, month and day of the week; ` +
			"of the names there are @hourly, @daily, @weekly, @monthly and @yearly"},
		{schedule.Entry{Cron: "@reboot"}, "cron: @reboot is not a time: use onStart"},
		{schedule.Entry{Cron: "0 22-2 * * *"}, "cron: hour 22-2 runs backwards: write it as 22-23,0-2"},
		{schedule.Entry{Cron: "5/15 * * * *"}, "cron: minute 5/15: a step needs a range: 5-59/15"},
		{schedule.Entry{Cron: "*/0 * * * *"}, `cron: minute */0: the step "0" is not a number from 1`},
		{schedule.Entry{Cron: "1,,2 * * * *"}, "cron: minute: a number is missing"},
		{schedule.Entry{Cron: "-5 * * * *"}, "cron: minute: a number is missing"},
		{schedule.Entry{Cron: "+5 * * * *"}, `cron: minute "+5" is not a number`},
		{schedule.Entry{Cron: "0 0 ? * *"}, "cron: day of the month: ? is of another cron: use *"},
		{schedule.Entry{Cron: "0 0 L * *"}, `cron: day of the month "L" is not a number`},
		{schedule.Entry{Cron: "0 0 * * mo"}, `cron: day of the week "mo" is neither a number nor one of sun mon tue wed thu fri sat`},
		{schedule.Entry{Cron: "0 0 30 2 *"}, `cron: "0 0 30 2 *" names no date: none of its months has a day 30`},
		{schedule.Entry{Cron: "0 0 31 4,6,9,11 *"}, `cron: "0 0 31 4,6,9,11 *" names no date: none of its months has a day 31`},
		{schedule.Entry{Daily: "7.30"}, `daily: "7.30" is not a time: write it in 24 hours, as "07:30"`},
		{schedule.Entry{Daily: "7:30 pm"}, `daily: "7:30 pm" is not a time: write it in 24 hours, as "07:30"`},
		{schedule.Entry{Daily: "07:60"}, "daily: minute 60 is not between 0 and 59"},
		{schedule.Entry{Daily: "24:01"}, `daily: "24:01" is after the end of the day, 24:00`},
		{schedule.Entry{Weekly: "07:30"}, `weekly: "07:30" does not name a day and a time: write it as "Mon 07:30"`},
		{schedule.Entry{Weekly: "Mo 07:30"}, `weekly: "Mo" is not a day of the week: use Mon, Tue, Wed, Thu, Fri, Sat or Sun`},
		{schedule.Entry{Interval: "5s"}, `interval: "5s" is not a period: write hours and minutes, as "00:30"`},
		{schedule.Entry{Interval: "00:00"}, `interval: "00:00" would run without a pause; the shortest interval is 00:01`},
		{schedule.Entry{Zone: "Europe/Berlni"}, `zone: "Europe/Berlni" is not in the zone database: use a name such as Europe/Berlin, or an offset such as -07:00`},
		{schedule.Entry{Zone: "../etc/passwd"}, `zone: "../etc/passwd" is not in the zone database: use a name such as Europe/Berlin, or an offset such as -07:00`},
		{schedule.Entry{Zone: "+14:01"}, "zone: the offset +14:01 is not between -14:00 and +14:00"},
		{schedule.Entry{Cron: "* * * * *", Daily: "07:30"}, "daily: conflicts with cron; keep one of them"},
	} {
		_, err := schedule.Parse(test.entry)
		if err == nil || err.Error() != test.want {
			t.Errorf("%+v:\n got %v\nwant %s", test.entry, err, test.want)
		}
	}
}

func TestCronFollowsCrontab(t *testing.T) {
	for _, test := range []struct{ expression, after, want string }{
		{"0 8 * * *", "2026-11-27T08:00:00Z", "2026-11-28T08:00"},
		{"0 8 * * *", "2026-11-27T07:59:59Z", "2026-11-27T08:00"},
		{"0 0 1 1 *", "2026-11-27T00:00:00Z", "2027-01-01T00:00"},
		{"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00"}, // 2100 is not a leap year
		{"0 0 13 * 5", "2026-11-27T01:00:00Z", "2026-12-04T00:00"}, // either, as both are restricted
		{"0 0 13 * */5", "2026-11-27T01:00:00Z", "2026-12-13T00:00"},
		{"0 0 */2 * mon", "2026-11-27T01:00:00Z", "2026-12-07T00:00"}, // both, as one begins with *
		{"0 0 * * 7", "2026-11-27T00:00:00Z", "2026-11-29T00:00"},
		{"0 0 * * fri-sun", "2026-11-28T00:00:00Z", "2026-11-29T00:00"},
		{"0 0 * DEC-dec sAt", "2026-11-27T00:00:00Z", "2026-12-05T00:00"},
		{"10-20/5,50 12 * * *", "2026-11-27T12:20:00Z", "2026-11-27T12:50"},
		{"*/60 * * * *", "2026-11-27T12:20:00Z", "2026-11-27T13:00"},
		{"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59"},
		{" @Hourly ", "2026-11-27T12:20:00Z", "2026-11-27T13:00"},
		{"@monthly", "2026-11-27T12:20:00Z", "2026-12-01T00:00"},
		{"@weekly", "2026-11-27T12:20:00Z", "2026-11-29T00:00"},
	} {
		o, ok := parsed(t, schedule.Entry{Cron: test.expression}).Next(instant(t, test.after))
		if want := test.want + " UTC"; !ok || o.Name != want || o.At.Format("2006-01-02T15:04")+" UTC" != want {
			t.Errorf("%s after %s: got %v, want %s", test.expression, test.after, o, want)
		}
	}
}

func TestZonesAreNamesOrOffsets(t *testing.T) {
	for text, want := range map[string]string{
		"": "UTC", "utc": "UTC", "0": "UTC", "+00:00": "UTC", "-7": "-07:00", "-07:00": "-07:00", "7": "+07:00",
		"5.5": "+05:30", "-3.5": "-03:30", "+5:45": "+05:45", "UTC+2": "+02:00", "GMT-7": "-07:00", "14": "+14:00",
		"Europe/Berlin": "Europe/Berlin", "local": time.Local.String(),
	} {
		if zone, err := schedule.Zone(text); err != nil || zone.String() != want {
			t.Errorf("zone %q: got %v, %v, want %s", text, zone, err, want)
		}
	}
}
