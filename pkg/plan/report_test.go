package plan_test

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

func TestR15AReportFollowsTheFile(t *testing.T) {
	t.Parallel()
	const text = `
sources: {shelf: {type: files}}
destinations: {wall: {type: stones}}
jobs:
  sales:
    from: {source: shelf, name: a, key: id}
    to: [{destination: wall}, {destination: wall, mode: append}]
    schedule: {daily: "07:30", zone: "-07:00", disable: true}
    report: REPORT
`
	for report, want := range map[string]plan.Report{
		"{}": {EmptyIsFailure: true, NotifyOnFail: true},
		"{typeId: GET_SALES, offsetDays: -1, repeatAfterDays: 21, emptyIsFailure: false, notifyOnFail: false}": {TypeID: "GET_SALES", OffsetDays: -1, RepeatAfterDays: 21},
		"{realTime: true}": {RealTime: true, EmptyIsFailure: true, NotifyOnFail: true},
	} {
		p, err := read(t, strings.Replace(text, "REPORT", report, 1))
		if err != nil {
			t.Fatal(err)
		}
		if j := p.Jobs[0]; j.Report == nil || *j.Report != want || !j.Schedule.Disabled || j.Quiet == want.NotifyOnFail {
			t.Errorf("%s is %+v", report, j.Report)
		}
		// What was written reads back the same.
		again, _, err := p.Write(kinds)
		if err != nil {
			t.Fatal(err)
		}
		if p, err = read(t, string(again)); err != nil || *p.Jobs[0].Report != want {
			t.Errorf("%s became\n%s\n%v", report, again, err)
		}
	}
	for report, want := range map[string]string{
		"{offsetDays: -1, realTime: true}":      "jobs.sales.report.offsetDays: -1, but a real-time report has only the present",
		"{repeatAfterDays: 21, realTime: true}": "jobs.sales.report.repeatAfterDays: a real-time report cannot be repeated",
		"{offset: 1}":                           "jobs.sales.report.offset: unknown key",
		"{repeatAfterDays: 400}":                "400 is greater than 366",
	} {
		if _, err := read(t, strings.Replace(text, "REPORT", report, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", report, err)
		}
	}
	if _, err := read(t, strings.NewReplacer("REPORT", "{}", "mode: append", "mode: replace").Replace(text)); err == nil || !strings.Contains(err.Error(), "would delete the rows of all other days") {
		t.Errorf("a report that replaces: %v", err)
	}
}
