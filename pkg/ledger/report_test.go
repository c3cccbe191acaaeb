package ledger_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// reports is a state in which runs of a report have ended, each with a kind, date and state.
func reports(t *testing.T, runs ...[3]string) (*ledger.Ledger, func(...[3]string)) {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "connector.db"), ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	more := func(runs ...[3]string) {
		t.Helper()
		for _, of := range runs {
			r := &ledger.Run{Job: "sales", Kind: of[0], ReportDate: of[1]}
			if r.Kind == "repeat" {
				r.Occurrence = r.ReportDate
			}
			if err := l.Claim(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			r.State = of[2]
			if err := l.End(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	more(runs...)
	return l, more
}

// dates are those of runs, with their ids.
func dates(list []ledger.Run, err error) string {
	text := ""
	for i := range list {
		text += fmt.Sprintf(" %d of %s", list[i].ID, list[i].ReportDate)
	}
	if err != nil {
		text += err.Error()
	}
	return text
}

func TestR18R19TheFailedReportsOfAJob(t *testing.T) {
	t.Parallel()
	l, more := reports(t, [3]string{"scheduled", "2026-11-03", "failed"}, [3]string{"scheduled", "2026-11-01", "failed"}, [3]string{"retry", "2026-11-03", "failed"},
		[3]string{"scheduled", "2026-11-02", "done"}, [3]string{"manual", "", "failed"}, [3]string{"retry", "2026-11-01", "cancelled"})
	unfinished := func(want string) {
		t.Helper()
		if got := dates(l.Unfinished(t.Context(), "sales")); got != want {
			t.Errorf("unfinished are%s, want%s", got, want)
		}
	}
	open := func(want string) {
		t.Helper()
		if got := dates(l.Runs(t.Context(), ledger.Which{Open: true})); got != want {
			t.Errorf("open are%s, want%s", got, want)
		}
	}
	unfinished(" 2 of 2026-11-01 3 of 2026-11-03")
	open(" 5 of  3 of 2026-11-03 2 of 2026-11-01 1 of 2026-11-03")
	// A later run for a date replaces the failed ones.
	if err := l.Supersede(t.Context(), &ledger.Run{ID: 3, Job: "sales", ReportDate: "2026-11-03"}, false); err != nil {
		t.Fatal(err)
	}
	open(" 5 of  3 of 2026-11-03 2 of 2026-11-01")
	// A person clears one: it is unfinished but no longer listed.
	if err := l.ClearReports(t.Context(), "sales", "2026-11-01"); err != nil {
		t.Fatal(err)
	}
	open(" 5 of  3 of 2026-11-03")
	unfinished(" 2 of 2026-11-01 3 of 2026-11-03")
	more([3]string{"retry", "2026-11-01", "done"})
	unfinished(" 3 of 2026-11-03")
	if err := l.Supersede(t.Context(), &ledger.Run{ID: 9, Job: "sales"}, true); err != nil {
		t.Fatal(err)
	}
	open("")
}

func TestR17TheReportsThatWereNotRepeated(t *testing.T) {
	t.Parallel()
	l, more := reports(t, [3]string{"scheduled", "2026-11-03", "done"}, [3]string{"scheduled", "2026-11-01", "failed"}, [3]string{"retry", "2026-11-01", "done"},
		[3]string{"manual", "2026-11-01", "done"}, [3]string{"scheduled", "2026-11-02", "failed"}, [3]string{"scheduled", "2026-11-04", "done"}, [3]string{"manual", "", "done"})
	if got := dates(l.Unrepeated(t.Context(), "sales", "2026-11-03")); got != " 3 of 2026-11-01 1 of 2026-11-03" {
		t.Errorf("not repeated are%s", got)
	}
	more([3]string{"repeat", "2026-11-01", "failed"}, [3]string{"repeat", "2026-11-03", "done"})
	if got := dates(l.Unrepeated(t.Context(), "sales", "2026-11-04")); got != " 6 of 2026-11-04" {
		t.Errorf("after repeats, not repeated are%s", got)
	}
	if got := dates(l.Unrepeated(t.Context(), "other", "2026-11-04")); got != "" {
		t.Errorf("another job has%s", got)
	}
}
