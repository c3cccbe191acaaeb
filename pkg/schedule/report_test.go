package schedule_test

import (
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

func TestR16AReportHasTheOccurrencesDateInItsZone(t *testing.T) {
	zone, err := schedule.Zone("-07:00")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		report          schedule.Report
		occurrence, now string
		want            string
	}{
		"today, though it is tomorrow in UTC": {schedule.Report{}, "2026-11-27T23:30 -07:00", "2026-11-28T06:30:00Z", "2026-11-27"},
		"yesterday":                           {schedule.Report{OffsetDays: -1}, "2026-11-27T23:30 -07:00", "2026-11-28T06:30:00Z", "2026-11-26"},
		"run late":                            {schedule.Report{OffsetDays: -1}, "2026-11-27T23:30 -07:00", "2026-11-29T06:30:00Z", "2026-11-26"},
		"across the end of a month":           {schedule.Report{OffsetDays: -1}, "2028-03-01T07:30 -07:00", "2028-03-01T14:30:00Z", "2028-02-29"},
		"manual":                              {schedule.Report{OffsetDays: -1}, "", "2026-11-28T06:30:00Z", "2026-11-26"},
		"in real time, run late":              {schedule.Report{RealTime: true}, "2026-11-27T23:30 -07:00", "2026-11-29T06:30:00Z", "2026-11-28"},
		"in a repeated hour":                  {schedule.Report{}, "2026-10-25T02:30+01:00 Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25"},
		"on a day that the zone skipped":      {schedule.Report{}, "2011-12-30T07:30 Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := test.report.Date(test.occurrence, instant(t, test.now), zone); err != nil || got != test.want {
				t.Errorf("got %s, %v, want %s", got, err, test.want)
			}
		})
	}
	if _, err := (schedule.Report{}).Date("soon", time.Now(), zone); err == nil {
		t.Error("a text without a date counts as an occurrence")
	}
}

func TestR16ARealTimeReportAcceptsNoOtherDate(t *testing.T) {
	now := instant(t, "2026-11-27T12:00:00Z")
	live, dated := schedule.Report{RealTime: true}, schedule.Report{OffsetDays: -1, RepeatAfterDays: 21}
	if err := live.Takes("2026-11-26", now, time.UTC); err == nil {
		t.Error("yesterday was accepted")
	}
	if err := live.Takes("2026-11-27", now, time.UTC); err != nil {
		t.Error(err)
	}
	if err := dated.Takes("2026-11-26", now, time.UTC); err != nil {
		t.Error(err)
	}
	if err := dated.Takes("26.11.2026", now, time.UTC); err == nil {
		t.Error("a date in another form was accepted")
	}
	if err := dated.Check(); err != nil {
		t.Error(err)
	}
	if err := live.Check(); err != nil {
		t.Error(err)
	}
	want := "offsetDays: -1, but a real-time report has only the present\n" +
		"repeatAfterDays: a real-time report cannot be repeated for a day that is over"
	if err := (schedule.Report{OffsetDays: -1, RepeatAfterDays: 21, RealTime: true}).Check(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := (schedule.Report{RepeatAfterDays: -1}).Check(); err == nil {
		t.Error("a report is repeated before it is made")
	}
}

func TestR17AReportIsRepeatedAfterSomeDays(t *testing.T) {
	on, ok, err := schedule.Report{RepeatAfterDays: 21}.RepeatOn("2026-02-20")
	if on != "2026-03-13" || !ok || err != nil {
		t.Errorf("got %s, %v, %v", on, ok, err)
	}
	if on, ok, err := (schedule.Report{}).RepeatOn("2026-02-20"); ok || err != nil {
		t.Errorf("a report that is made once is repeated on %s, %v", on, err)
	}
	if _, ok, err := (schedule.Report{RepeatAfterDays: 21}).RepeatOn("?"); ok || err == nil {
		t.Error("no date is repeated")
	}
}
