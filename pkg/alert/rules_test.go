package alert

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func run(id int64, kind, state, stage string) ledger.Run {
	return ledger.Run{ID: id, Kind: kind, State: state, Failure: ledger.Failure{Stage: stage, Error: "no route to host"}}
}

func TestR06AlertsFollowTheLastRuns(t *testing.T) {
	t.Parallel()
	failed, done := run(1, job.Scheduled, ledger.Failed, "read"), run(2, job.Scheduled, ledger.Done, "")
	unsent, retried := run(3, job.Scheduled, ledger.Failed, "send"), run(4, job.Retry, ledger.Done, "")
	waiting := run(5, job.Scheduled, ledger.Waiting, "read")
	killed, skipped, ended := run(6, job.Scheduled, ledger.Interrupted, ""), run(7, job.Scheduled, ledger.Skipped, ""), run(8, job.Manual, ledger.Cancelled, "read")
	cleared := failed
	cleared.ClearedAt = noon
	report, other, over := failed, done, failed
	report.ReportDate, other.ReportDate, over.ReportDate, over.ClearedAt = "2026-11-26", "2026-11-27", "2026-11-26", noon
	for _, c := range []struct {
		rule string
		runs []ledger.Run // the oldest first
		want string
	}{
		{"a job that never ran", nil, ""},
		{"a run that failed", []ledger.Run{done, failed}, Failed},
		{"a success ends it", []ledger.Run{failed, done}, ""},
		{"a retry sends what could not be sent", []ledger.Run{unsent, retried}, ""},
		{"a retry reads what could not be read", []ledger.Run{failed, {Kind: job.Retry, State: ledger.Done, Counters: ledger.Counters{Read: 5}}}, ""},
		{"a manual retry does not read what could not be read", []ledger.Run{failed, retried}, Failed},
		{"runs without a result change nothing", []ledger.Run{failed, killed, skipped, ended}, Failed},
		{"runs without a result do not fail", []ledger.Run{done, killed, skipped, ended}, ""},
		{"a person dealt with it", []ledger.Run{cleared}, ""},
		{"a run that waits", []ledger.Run{failed, waiting}, Guard},
		{"an approved run", []ledger.Run{waiting, done}, ""},
		{"a report of another day does not clear it", []ledger.Run{report, other}, Failed},
		{"a report of the same day clears it", []ledger.Run{over, other}, ""},
		{"clearing a day does not clear the others", []ledger.Run{report, over}, Failed},
	} {
		slices.Reverse(c.runs)
		f := &facts{Job: Job{Name: "orders"}, runs: c.runs}
		list := f.troubles(noon, noon, 0)
		switch {
		case c.want == "" && len(list) > 0, c.want != "" && (len(list) != 1 || list[0].rule != c.want || list[0].subject != "orders" || !strings.Contains(list[0].text, "no route to host")):
			t.Errorf("%s: %+v", c.rule, list)
		}
		f.Quiet = true
		if list := f.troubles(noon, noon, 0); len(list) > 0 && list[0].rule == Failed {
			t.Errorf("%s, quiet: %+v", c.rule, list)
		}
	}
}

// A full run's wait does not end with a run that reads from the watermark, since that does not see deleted rows.
func TestR06AWaitingFullRunIsNotClearedByAnotherRun(t *testing.T) {
	t.Parallel()
	held := run(1, job.Full, ledger.Waiting, "read")
	done, failed := run(2, job.Scheduled, ledger.Done, ""), run(3, job.Scheduled, ledger.Failed, "send")
	for _, c := range []struct {
		rule string
		runs []ledger.Run // the newest first
		want string
	}{
		{"alone", []ledger.Run{held}, Guard},
		{"others succeed", []ledger.Run{done, held}, Guard},
		{"others fail, and then succeed", []ledger.Run{done, failed, held}, Guard},
		{"another one fails", []ledger.Run{failed, held}, Failed},
		{"long ago", []ledger.Run{done}, Guard},
	} {
		f := &facts{Job: Job{Name: "orders"}, runs: c.runs, held: &held}
		if list := f.troubles(noon, noon, 0); len(list) != 1 || list[0].rule != c.want {
			t.Errorf("%s: %+v", c.rule, list)
		}
	}
}

func TestR06AJobThatHasNotSucceededForADay(t *testing.T) {
	t.Parallel()
	every := func(d time.Duration) func(time.Time) (time.Time, bool) {
		return func(after time.Time) (time.Time, bool) { return after.Add(d), true }
	}
	const day = 24 * time.Hour
	began := noon.Add(-10 * day)
	for _, c := range []struct {
		rule   string
		facts  facts
		within time.Duration
		want   bool
	}{
		{"succeeded exactly a day ago", facts{Job: Job{Next: every(time.Hour)}, success: noon.Add(-day)}, day, false},
		{"succeeded a day and a second ago", facts{Job: Job{Next: every(time.Hour)}, success: noon.Add(-day - time.Second)}, day, true},
		{"a daily job that is running", facts{Job: Job{Next: every(day)}, success: noon.Add(-day - 30*time.Minute)}, day, false},
		{"a daily job an hour too late", facts{Job: Job{Next: every(day)}, success: noon.Add(-day - time.Hour - time.Second)}, day, true},
		{"a weekly job before it is due", facts{Job: Job{Next: every(7 * day)}, success: noon.Add(-3 * day)}, day, false},
		{"a job that has never succeeded", facts{Job: Job{Next: every(time.Hour)}, first: noon.Add(-20 * day)}, day, true},
		{"a job that has not run since the start", facts{Job: Job{Next: every(time.Hour)}}, day, true},
		{"a paused job", facts{Job: Job{Next: every(time.Hour)}, paused: true}, day, false},
		{"a manual job", facts{}, day, false},
		{"a quiet job", facts{Job: Job{Next: every(time.Hour), Quiet: true}}, day, false},
		{"the rule is off", facts{Job: Job{Next: every(time.Hour)}}, 0, false},
	} {
		list := c.facts.troubles(noon, began, c.within)
		if got := len(list) == 1 && list[0].rule == NoSuccess; got != c.want {
			t.Errorf("%s: %+v", c.rule, list)
		}
	}
}

func TestRefusedRowsAreCountedByDestination(t *testing.T) {
	t.Parallel()
	f := facts{Job: Job{Name: "orders", Quiet: true}, refused: []ledger.LegState{
		{Destination: "Orders of crm", Counts: ledger.Counts{Refused: 3}}, {Destination: "lake", Counts: ledger.Counts{Refused: 1}},
	}}
	if list := f.troubles(noon, noon, 0); len(list) != 1 || list[0] != (trouble{Refused, "orders", "refused rows: 3 at Orders of crm, 1 at lake"}) {
		t.Errorf("%+v", list)
	}
}

func TestNewAlertsAreRaisedAndGoneOnesEnd(t *testing.T) {
	t.Parallel()
	open := []ledger.Alert{{Rule: Failed, Subject: "a", Text: "x"}, {Rule: Failed, Subject: "b", Text: "x"}, {Rule: "backup", Subject: "c-7"}, {Rule: Guard, Subject: "removed"}}
	raise, settle := changes(open, []trouble{{Failed, "a", "x"}, {Failed, "b", "y"}, {Refused, "a", "z"}}, []string{Failed, Refused, Guard})
	if len(raise) != 2 || raise[0].subject != "b" || raise[1].rule != Refused || len(settle) != 1 || settle[0].Subject != "removed" {
		t.Errorf("%+v, %+v", raise, settle)
	}
}

func TestR05PeersThatAreAway(t *testing.T) {
	t.Parallel()
	gone := Peer{"berlin of stock", true, false, noon.Add(-5 * time.Minute)}
	brief, online, unknown := gone, gone, gone
	brief.Since, online.Online, unknown.Known = noon.Add(-4*time.Minute), true, false
	for _, c := range []struct {
		what string
		peer Peer
		want int
	}{{"gone", gone, 1}, {"briefly", brief, 0}, {"online", online, 0}, {"not known", unknown, 0}} {
		if list := away([]Peer{c.peer}, noon, 5*time.Minute); len(list) != c.want || c.want == 1 && (list[0].subject != "berlin of stock" || list[0].text != "not heard since 2026-11-27 11:55 UTC") {
			t.Errorf("%s: %v", c.what, list)
		}
	}
	if list := away([]Peer{gone}, noon, 0); list != nil {
		t.Errorf("turned off: %v", list)
	}
}
