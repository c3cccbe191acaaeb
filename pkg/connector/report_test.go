package connector

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
	"github.com/mysql-sync/mysql-sync/pkg/schedule"
)

// reporting is a keeper of a job that reports the previous day, in a zone.
func reporting(t *testing.T, zone string, r plan.Report) *keeper {
	t.Helper()
	k := kept(t)
	var err error
	if k.report, err = newReport(&plan.Job{Report: &r, Schedule: schedule.Entry{Zone: zone}}); err != nil {
		t.Fatal(err)
	}
	k.full = nil
	return k
}

// asked is the runs that a cause stands for, each with its date.
func asked(t *testing.T, k *keeper, c job.Cause, now string) string {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	list, err := k.causes(t.Context(), c, instant)
	if err != nil {
		return err.Error()
	}
	var said []string
	for _, c := range list {
		said = append(said, c.Kind+" "+c.Date)
	}
	return strings.Join(said, ", ")
}

// ran records a run with its outcome.
func ran(t *testing.T, k *keeper, kind, date, state string) *ledger.Run {
	t.Helper()
	r := &ledger.Run{Job: k.Name, Kind: kind, ReportDate: date}
	if kind == job.Repeat {
		r.Occurrence = date
	}
	if err := k.Ledger.Claim(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.State, r.Stage = state, map[bool]string{true: "read"}[state == ledger.Failed]
	if err := k.Ledger.End(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestR16EachKindOfRunHasItsDate(t *testing.T) {
	t.Parallel()
	k := reporting(t, "-07:00", plan.Report{OffsetDays: -1})
	live := reporting(t, "-07:00", plan.Report{RealTime: true})
	const now = "2026-11-28T06:30:00Z" // there it is still the 27th
	for _, c := range []struct {
		k     *keeper
		cause job.Cause
		want  string
	}{
		{k, job.Cause{Kind: job.Scheduled, Occurrence: "2026-11-25T07:30 -07:00"}, "scheduled 2026-11-24"},
		{k, job.Cause{Kind: job.Manual}, "manual 2026-11-26"},
		{k, job.Cause{Kind: job.Test}, "test 2026-11-26"},
		{k, job.Cause{Kind: job.Backfill}, "backfill 2026-11-26"},
		{k, job.Cause{Kind: job.Backfill, Date: "2026-02-28"}, "backfill 2026-02-28"},
		{k, job.Cause{Kind: job.Backfill, Date: "28.2.2026"}, `"28.2.2026" is not a date: write it as 2026-11-27`},
		{k, job.Cause{Kind: job.Retry}, "retry 2026-11-26"}, // sends waiting rows
		{live, job.Cause{Kind: job.Scheduled, Occurrence: "2026-11-25T07:30 -07:00"}, "scheduled 2026-11-27"},
		{live, job.Cause{Kind: job.Backfill, Date: "2026-11-26"}, "a real-time report has only the present: it cannot be asked for 2026-11-26"},
		{live, job.Cause{Kind: job.Retry, Date: "2026-11-20", Read: true}, "retry 2026-11-27"},
	} {
		if got := asked(t, c.k, c.cause, now); got != c.want {
			t.Errorf("%+v is %s, want %s", c.cause, got, c.want)
		}
	}
}

func TestR16CommandsTakeADateOnlyForReports(t *testing.T) {
	t.Parallel()
	k, none := reporting(t, "", plan.Report{}), kept(t)
	for _, c := range []struct {
		j    *scheduled
		date string
		want bool
	}{{k.scheduled, "2026-11-01", true}, {k.scheduled, "", true}, {k.scheduled, "1.11.", false}, {none.scheduled, "2026-11-01", false}, {none.scheduled, "", true}} {
		if err := c.j.takes(api.Order{Kind: api.OrderBackfill, Date: c.date}, time.Now()); (err == nil) != c.want {
			t.Errorf("%q: %v", c.date, err)
		}
	}
}

func TestR17AReportIsRepeatedOnceOnItsDay(t *testing.T) {
	t.Parallel()
	k := reporting(t, "", plan.Report{OffsetDays: -1, RepeatAfterDays: 21})
	now := time.Now().UTC()
	day := func(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }
	slot := func(n int, want string) {
		t.Helper()
		occurrence := day(n) + "T07:30 UTC"
		want = strings.TrimSuffix(fmt.Sprintf("scheduled %s, %s", day(n-1), want), ", ")
		if got := asked(t, k, job.Cause{Kind: job.Scheduled, Occurrence: occurrence}, now.Format(time.RFC3339)); got != want {
			t.Errorf("on day %d: got %s, want %s", n, got, want)
		}
	}
	ran(t, k, job.Scheduled, day(-1), ledger.Done)
	ran(t, k, job.Scheduled, day(0), ledger.Failed) // a report that was never made is not repeated
	ran(t, k, job.Backfill, day(-30), ledger.Done)  // nor is one that was made late enough
	slot(19, "")
	slot(20, "repeat "+day(-1))
	slot(25, "repeat "+day(-1)) // it was down on that day
	// A failed repeat does not start again by itself, but counts as a failed report.
	ran(t, k, job.Repeat, day(-1), ledger.Failed)
	slot(25, "")
	if got, want := asked(t, k, job.Cause{Kind: job.Retry}, now.Format(time.RFC3339)), "retry "+day(-1)+", retry "+day(0); got != want {
		t.Errorf("a retry is %s, want %s", got, want)
	}
}

func TestR19ClearedReportsRunInTheNextSlot(t *testing.T) {
	t.Parallel()
	k := reporting(t, "", plan.Report{OffsetDays: -1})
	ran(t, k, job.Scheduled, "2026-11-20", ledger.Failed)
	ran(t, k, job.Scheduled, "2026-11-21", ledger.Failed)
	ran(t, k, job.Scheduled, "2026-11-22", ledger.Done)
	const now = "2026-11-27T08:00:00Z"
	slot := job.Cause{Kind: job.Scheduled, Occurrence: "2026-11-27T07:30 UTC"}
	if got := asked(t, k, slot, now); got != "scheduled 2026-11-26" {
		t.Errorf("before they are cleared: %s", got)
	}
	if err := k.Ledger.ClearReports(t.Context(), k.Name, "2026-11-20"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cause job.Cause
		want  string
	}{
		{slot, "scheduled 2026-11-26, retry 2026-11-20"},
		{job.Cause{Kind: job.Retry}, "retry 2026-11-21"},                                    // by itself
		{job.Cause{Kind: job.Retry, Refused: true}, "retry 2026-11-20, retry 2026-11-21"},   // by a person
		{job.Cause{Kind: job.Retry, Date: "2026-11-22", Refused: true}, "retry 2026-11-22"}, // any date
	} {
		if got := asked(t, k, c.cause, now); got != c.want {
			t.Errorf("%+v is %s, want %s", c.cause, got, c.want)
		}
	}
	// A restart finds what is left to do.
	if last, err := k.unfinished(t.Context()); err != nil || last == nil {
		t.Error("a failed report was not found")
	}
	if err := k.Ledger.ClearReports(t.Context(), k.Name, ""); err != nil {
		t.Fatal(err)
	}
	if last, err := k.unfinished(t.Context()); err != nil || last != nil {
		t.Error(last, err)
	}
}
